import { describe, expect, test } from 'vitest';
import { Propagation } from '../../../src/server/command/propagation.ts';
import { requestOf } from '../../../src/server/protocol/request.ts';

/** The commands in what was encoded, words joined. */
function commands({ bytes, length }: Propagation): string[] {
  const words = bytes.latin1Slice(0, length).split('\r\n');
  const found: string[] = [];
  for (let at = 0; at + 1 < words.length; ) {
    const count = Number((words[at] as string).slice(1));
    found.push(Array.from({ length: count }, (_, i) => words[at + 2 + i * 2]).join(' '));
    at += 1 + count * 2;
  }
  return found;
}

function active(): Propagation {
  const propagation = new Propagation();
  propagation.active = true;
  return propagation;
}

describe('what the log and the replicas are told', () => {
  test('is nothing while nobody listens', () => {
    const propagation = new Propagation();
    propagation.begin();
    propagation.add(0, ['SET', 'k', 'v']);
    propagation.end();
    expect(propagation.length).toBe(0);
  });

  test('of a command that met dead keys by the way is one by one, unless it was a part of a transaction', () => {
    const removeTwo = (propagation: Propagation): void => {
      propagation.begin();
      propagation.stayBare();
      for (const key of ['a', 'b']) propagation.addDelete(0, Buffer.from(key), 0, 1);
      propagation.end();
    };
    const alone = active();
    removeTwo(alone);
    alone.begin();
    for (const key of ['c', 'd']) alone.addDelete(0, Buffer.from(key), 0, 1);
    alone.end();
    expect(commands(alone)).toEqual(['SELECT 0', 'DEL a', 'DEL b', 'MULTI', 'DEL c', 'DEL d', 'EXEC']);
    const inside = active();
    inside.begin();
    removeTwo(inside);
    inside.end();
    expect(commands(inside)).toEqual(['SELECT 0', 'MULTI', 'DEL a', 'DEL b', 'EXEC']);
  });

  test('is everything for the replicas, and for the log all but what is only passing', () => {
    const logged = (propagation: Propagation): string[] => {
      const parts: Buffer[] = [];
      propagation.forLog((bytes, off, len) => parts.push(Buffer.from(bytes.subarray(off, off + len))));
      const bytes = Buffer.concat(parts);
      return commands({ bytes, length: bytes.length } as Propagation);
    };
    const publish = requestOf(['PUBLISH', 'c', 'x'].map((word) => Buffer.from(word)));
    const propagation = active();
    propagation.begin();
    propagation.addPassing(0, publish);
    propagation.end();
    expect(commands(propagation)).toEqual(['SELECT 0', 'PUBLISH c x']);
    expect(logged(propagation)).toEqual(['SELECT 0']);
    propagation.begin();
    propagation.addPassing(0, publish);
    propagation.add(0, ['SET', 'k', 'v']);
    propagation.addPassing(0, publish);
    propagation.end();
    const unit = ['MULTI', 'PUBLISH c x', 'SET k v', 'PUBLISH c x', 'EXEC'];
    expect(commands(propagation)).toEqual(['SELECT 0', 'PUBLISH c x', ...unit]);
    expect(logged(propagation)).toEqual(['SELECT 0', 'MULTI', 'SET k v', 'EXEC']);
    propagation.clear();
    propagation.add(0, ['SET', 'k', 'v']);
    expect(logged(propagation)).toEqual(['SET k v']);
  });

  test('begins with a SELECT, and has another when the database changes', () => {
    const propagation = active();
    for (const db of [3, 3, 0]) {
      propagation.begin();
      propagation.add(db, ['SET', 'k', 'v']);
      propagation.end();
    }
    expect(commands(propagation)).toEqual(['SELECT 3', 'SET k v', 'SET k v', 'SELECT 0', 'SET k v']);
    propagation.clear();
    propagation.add(0, ['DEL', 'k']);
    expect(commands(propagation)).toEqual(['DEL k']);
    propagation.clear();
    propagation.forgetSelected();
    propagation.add(0, ['DEL', 'k']);
    expect(commands(propagation)).toEqual(['SELECT 0', 'DEL k']);
  });

  test('wraps a unit of more than one effect, and leaves a unit of one bare', () => {
    const propagation = active();
    propagation.begin();
    propagation.add(0, ['SET', 'a', '1']);
    propagation.end();
    propagation.begin();
    propagation.begin();
    propagation.add(0, ['SET', 'b', '1']);
    propagation.end();
    propagation.begin();
    propagation.add(0, ['SET', 'c', '1']);
    propagation.end();
    propagation.begin();
    propagation.add(0, ['SET', 'd', '1']);
    propagation.end();
    propagation.end();
    propagation.begin();
    propagation.end();
    expect(commands(propagation)).toEqual(['SELECT 0', 'SET a 1', 'MULTI', 'SET b 1', 'SET c 1', 'SET d 1', 'EXEC']);
  });

  test('takes a request as it came, and writes anew what came in another form', () => {
    const propagation = active();
    const canonical = requestOf(['SET', 'k', 'v']);
    propagation.addRequest(0, canonical);
    const inline = requestOf(['SET', 'k', 'w']);
    inline.canonical = false;
    propagation.addRequest(0, inline);
    expect(commands(propagation)).toEqual(['SELECT 0', 'SET k v', 'SET k w']);
  });

  test('holds keys of any bytes and values of any size', () => {
    const propagation = active();
    const big = Buffer.alloc(5_000_000, 'x');
    propagation.add(0, ['SET', Buffer.from([0, 13, 10, 255]), big]);
    propagation.addDelete(0, Buffer.from('..key..'), 2, 3);
    const bytes = propagation.bytes.subarray(0, propagation.length);
    expect(
      bytes.indexOf(Buffer.from('*3\r\n$3\r\nSET\r\n$4\r\n\0\r\n\xff\r\n$5000000\r\nxxx', 'latin1')),
    ).toBeGreaterThan(0);
    expect(bytes.subarray(-22).toString()).toBe('*2\r\n$3\r\nDEL\r\n$3\r\nkey\r\n'.slice(-22));
  });
});
