import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { listenHosts } from '../../../src/config/addresses.ts';
import { LOOKUP_MS_MAX, resolveHosts } from '../../../src/server/net/resolve.ts';

test('names become addresses, and addresses stay what they are', async () => {
  const asked: string[] = [];
  const find = async (name: string) => {
    asked.push(name);
    return { address: '192.0.2.7' };
  };
  const hosts = listenHosts(['127.0.0.1', '-::1', '*', '-somewhere']);
  expect(await resolveHosts(hosts, new ManualClock(), find)).toEqual(
    listenHosts(['127.0.0.1', '-::1', '*', '-192.0.2.7']),
  );
  expect(asked).toEqual(['somewhere']);
  expect(await resolveHosts(listenHosts([]), new ManualClock(), find)).toEqual([]);
});

test('a name that nobody knows is named with the reason', async () => {
  const find = () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }));
  await expect(resolveHosts(listenHosts(['nowhere']), new ManualClock(), find)).rejects.toThrow(
    'could not listen on nowhere: Name or service not known',
  );
});

test('a name server that says nothing is waited for so long and no longer, and the names without an answer are told', async () => {
  const clock = new ManualClock();
  const find = (name: string) =>
    name === 'quick' ? Promise.resolve({ address: '127.0.0.1' }) : new Promise<never>(() => {});
  const resolved = resolveHosts(listenHosts(['quick', 'slow', 'slower']), clock, find);
  const told = expect(resolved).rejects.toThrow(
    'could not listen on slow, slower: The address of this name was not told',
  );
  await Promise.resolve();
  clock.advance(LOOKUP_MS_MAX - 1);
  await Promise.resolve();
  clock.advance(1);
  await told;
});
