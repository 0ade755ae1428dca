import { expect, test } from 'vitest';
import { started } from '../support/embedded.ts';
import { conversations, kind } from '../support/wire.ts';

conversations('MEMORY USAGE', {}, (talk) => {
  talk('of no key is nothing, and its options are judged first', [
    ['MEMORY', 'USAGE', 'k'],
    ['MEMORY', 'USAGE'],
    ['MEMORY', 'USAGE', 'k', 'SAMPLES'],
    ['MEMORY', 'USAGE', 'k', 'SAMPLES', '-1'],
    ['MEMORY', 'USAGE', 'k', 'SAMPLES', 'x'],
    ['MEMORY', 'USAGE', 'k', 'samples', '0'],
    ['MEMORY', 'USAGE', 'k', 'SAMPLES', '1', 'SAMPLES', '2'],
    ['MEMORY', 'USAGE', 'k', 'SAMPLES', '1', '2'],
    ['MEMORY', 'USAGE', 'k', 'ALL', '1'],
    ['MEMORY', 'NOTHING'],
    { send: ['MEMORY', 'HELP'], as: kind },
  ]);
});

test('MEMORY USAGE counts what a key and its value take, in every form', async () => {
  const server = await started();
  const usage = async (key: string): Promise<number> =>
    Number(await server.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'));
  const members = Array.from({ length: 1000 }, (_, i) => `member ${i} of many`);
  await server.call('SET', 'short', 'x');
  await server.call('SET', 'long', 'x'.repeat(100_000));
  await server.call('RPUSH', 'list', ...members);
  await server.call('SADD', 'set', ...members);
  await server.call('HSET', 'hash', ...members.flatMap((member) => [member, member]));
  await server.call('SADD', 'few', 'a', 'b', 'c');
  const sizes = await Promise.all(['short', 'few', 'list', 'set', 'hash', 'long'].map(usage));
  const [short, few, list, set, hash, long] = sizes as [number, number, number, number, number, number];
  expect(short).toBeGreaterThan(16);
  expect(few).toBeGreaterThan(short);
  expect(few).toBeLessThan(150);
  for (const size of [list, set]) expect(size).toBeGreaterThan(18_000);
  expect(hash).toBeGreaterThan(36_000);
  expect(long).toBeGreaterThan(100_000);
  expect(long).toBeLessThan(101_000);
  await server.call('DEL', 'list');
  await server.call('RPUSH', 'list', 'x');
  expect(await usage('list')).toBeLessThan(150);
});
