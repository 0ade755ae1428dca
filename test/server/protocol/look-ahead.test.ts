import { expect, test } from 'vitest';
import { KeysAhead } from '../../../src/server/protocol/look-ahead.ts';
import { requestOf } from '../../../src/server/protocol/request.ts';

function wireOf(...commands: string[][]): Buffer {
  return Buffer.concat(commands.map((args) => requestOf(args).buf));
}

function keysIn(wire: Buffer, from = 0): { keys: string[]; end: number } {
  const ahead = new KeysAhead();
  const end = ahead.look(wire, from, wire.length);
  const keys = Array.from({ length: ahead.count }, (_, i) =>
    wire.toString('latin1', ahead.off[i]!, ahead.off[i]! + ahead.len[i]!),
  );
  return { keys, end };
}

const SET = (n: number): string[] => ['SET', `key:${n}`, 'v'.repeat(n)];

test('the first argument of every command is found', () => {
  const wire = wireOf(SET(1), ['GET', 'a'], ['PING'], ['MSET', 'b', '', 'c', ''], SET(2000));
  expect(keysIn(wire)).toEqual({ keys: ['key:1', 'a', 'b', 'key:2000'], end: wire.length });
});

test('a look ends after sixteen keys, and the next one begins there', () => {
  const wire = wireOf(...Array.from({ length: 20 }, (_, n) => SET(n)));
  const { keys, end } = keysIn(wire);
  expect(keys).toHaveLength(16);
  expect(keysIn(wire, end)).toEqual({ keys: ['key:16', 'key:17', 'key:18', 'key:19'], end: wire.length });
});

test('commands about one key give the arguments behind it', () => {
  const wire = wireOf(...Array.from({ length: 20 }, (_, n) => ['SADD', 'a set', `member ${n}`, 'another']));
  const ahead = new KeysAhead();
  ahead.look(wire, 0, wire.length);
  expect([ahead.count, ahead.memberCount]).toEqual([1, 16]);
  const last = wire.toString('latin1', ahead.memberOff[15]!, ahead.memberOff[15]! + ahead.memberLen[15]!);
  expect(last).toBe('member 15');
});

test('one short command is not looked at', () => {
  expect(keysIn(wireOf(['GET', 'a'])).keys).toEqual([]);
});

test('anything unusual ends the look and nothing else', () => {
  const usual = wireOf(SET(50), SET(60));
  for (const odd of ['PING\r\n', '*0\r\n', '*-1\r\n', '*x\r\n', '*2\r\n$1x\r\n', '*99999999999999999999\r\n', '*2']) {
    const wire = Buffer.concat([usual, Buffer.from(odd), usual]);
    expect(keysIn(wire).keys.slice(0, 2), odd).toEqual(['key:50', 'key:60']);
  }
});

test('a window cut anywhere gives no key that reaches beyond it', () => {
  const wire = wireOf(...Array.from({ length: 5 }, (_, n) => SET(n * 10)));
  for (let cut = 0; cut <= wire.length; cut++) {
    const ahead = new KeysAhead();
    ahead.look(wire, 0, cut);
    for (let i = 0; i < ahead.count; i++) expect(ahead.off[i]! + ahead.len[i]!).toBeLessThan(cut);
  }
});
