import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { requestOf } from '../../../src/server/protocol/request.ts';
import { PrimaryStream } from '../../../src/server/replication/primary-stream.ts';

const command = (...args: (string | Buffer)[]): Buffer => requestOf(args).buf;

const REFUSAL = { command: 'HSET', error: 'ERR unknown command', unknown: true };

/** A stream whose commands are noted, with the offset in front of each, and MULTI understood. */
function follow(): { stream: PrimaryStream; applied: string[]; passed: () => Buffer } {
  const applied: string[] = [];
  const pieces: Buffer[] = [];
  let open = false;
  const stream: PrimaryStream = new PrimaryStream({
    apply(request) {
      const words = Array.from({ length: request.argc }, (_, i) => {
        const off = request.off[i] as number;
        return request.buf.latin1Slice(off, off + (request.len[i] as number)).slice(0, 20);
      });
      applied.push(`${stream.applied}: ${words.join(' ')}`);
      if (words[0] === 'MULTI') open = true;
      if (words[0] === 'EXEC') open = false;
      if (words[0] === 'HSET') return REFUSAL;
      return open ? 'open' : 'done';
    },
    passed: (bytes) => pieces.push(Buffer.from(bytes)),
  });
  return { stream, applied, passed: () => Buffer.concat(pieces) };
}

describe('the stream of a primary', () => {
  test('counts what it has applied', () => {
    const { stream, applied, passed } = follow();
    const first = command('SET', 'a', '1');
    expect(stream.feed(Buffer.concat([first, command('REPLCONF', 'GETACK', '*')]))).toBeNull();
    // The question for an acknowledgement is about what stands before it.
    expect(applied).toEqual(['0: SET a 1', `${first.length}: REPLCONF GETACK *`]);
    expect(stream.applied).toBe(first.length + 37);
    expect(passed()).toHaveLength(first.length + 37);
  });

  test('stands still inside of a transaction', () => {
    const { stream, passed } = follow();
    const ping = command('ping');
    stream.feed(Buffer.concat([ping, command('MULTI'), command('SET', 'a', '1')]));
    expect([stream.applied, passed().length]).toEqual([ping.length, ping.length]);
    stream.feed(command('INCR', 'a'));
    expect([stream.applied, passed().length]).toEqual([ping.length, ping.length]);
    stream.feed(command('EXEC'));
    const all = Buffer.concat(
      [['ping'], ['MULTI'], ['SET', 'a', '1'], ['INCR', 'a'], ['EXEC']].map((args) => command(...args)),
    );
    expect(stream.applied).toBe(all.length);
    expect(passed()).toEqual(all);
  });

  test('counts lone line ends', () => {
    const { stream, applied, passed } = follow();
    const bytes = Buffer.concat([Buffer.from('\n'), command('ping'), Buffer.from('\n\n')]);
    expect(stream.feed(bytes)).toBeNull();
    expect(applied).toHaveLength(1);
    expect(stream.applied).toBe(bytes.length);
    expect(passed()).toEqual(bytes);
  });

  test('holds no inline commands', () => {
    const { stream, applied } = follow();
    expect(stream.feed(Buffer.concat([command('ping'), Buffer.from('SET a 1\r\n')]))).toBe('it sent an inline command');
    expect(applied).toEqual(['0: ping']);
  });

  test('ends in front of a command that is not carried out, or of the transaction around it', () => {
    const set = command('SET', 'a', '1');
    const bare = follow();
    expect(bare.stream.feed(Buffer.concat([set, command('HSET', 'h', 'f', '1'), set]))).toBe(REFUSAL);
    expect([bare.applied.length, bare.stream.applied, bare.passed().length]).toEqual([2, set.length, set.length]);
    const wrapped = follow();
    const transaction = Buffer.concat([command('MULTI'), set, command('HSET', 'h', 'f', '1'), command('EXEC')]);
    expect(wrapped.stream.feed(Buffer.concat([set, transaction]))).toBe(REFUSAL);
    expect([wrapped.stream.applied, wrapped.passed().length]).toEqual([set.length, set.length]);
  });

  test('is understood when it ends between two of very many arguments', () => {
    const prng = new Prng(13);
    for (let round = 0; round < 20; round++) {
      const pairs = Array.from({ length: 10_000 }, (_, i) => [`key:${i}`, 'v'.repeat(prng.below(20))]).flat();
      const whole = command('MSET', ...pairs);
      const { stream, applied } = follow();
      for (let at = 0; at < whole.length; ) {
        // At the end of an argument, wherever there is one in reach.
        const size = 1 + prng.below(70_000);
        const boundary = whole.indexOf('$', at + size);
        const end = boundary < 0 ? whole.length : boundary;
        expect(stream.feed(Buffer.from(whole.subarray(at, end)))).toBeNull();
        at = end;
      }
      expect(applied).toHaveLength(1);
      expect(stream.applied).toBe(whole.length);
    }
  });

  test('is understood in whatever pieces it comes, and passed on as it was', () => {
    const prng = new Prng(11);
    for (let round = 0; round < 30; round++) {
      const commands: Buffer[] = [];
      for (let i = 0; i < 40; i++) {
        if (prng.chance(0.1)) commands.push(command('MULTI'), command('SET', 'x', '1'), command('EXEC'));
        else if (prng.chance(0.05)) commands.push(command('SET', 'big', Buffer.alloc(prng.below(300_000), 'x')));
        else commands.push(command('SET', `key${i}`, 'v'.repeat(prng.below(50))));
      }
      const whole = Buffer.concat(commands);
      const once = follow();
      once.stream.feed(whole);
      const pieces = follow();
      for (let at = 0; at < whole.length; ) {
        const size = 1 + prng.below(prng.chance(0.5) ? 30 : 100_000);
        expect(pieces.stream.feed(Buffer.from(whole.subarray(at, at + size)))).toBeNull();
        expect(pieces.passed().length).toBe(pieces.stream.applied);
        at += size;
      }
      expect(pieces.applied).toEqual(once.applied);
      expect(pieces.applied).toHaveLength(commands.length);
      expect(pieces.stream.applied).toBe(whole.length);
      expect(pieces.passed().equals(whole)).toBe(true);
    }
  });
});
