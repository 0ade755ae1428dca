import { expect, test } from 'vitest';
import { caughtUp, follow, infoOf, started, until } from '../support/embedded.ts';

test('a writable replica removes keys of its own clients that are dead, and leaves those of its primary to it', async () => {
  const [primary, replica] = await Promise.all([
    started(),
    started({ 'replica-read-only': false, 'enable-debug-command': 'yes' }),
  ]);
  await follow(replica, primary.port);
  await primary.call('SET', 'theirs', 'v', 'PX', '600000');
  await caughtUp(primary, replica);
  await replica.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  await replica.call('SET', 'own', 'v', 'PX', '600000');
  await replica.call('SADD', 'kept', 'member');
  await replica.call('SET', 'brief', 'v');
  await replica.call('PEXPIRE', 'brief', '30');
  await replica.call('MULTI');
  await replica.call('SELECT', '3');
  await replica.call('SET', 'brief', 'v', 'PX', '30');
  await replica.call('SELECT', '0');
  await replica.call('EXEC');
  expect(await infoOf(replica, 'slave_expires_tracked_keys')).toEqual(['3']);
  await replica.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
  await until(async () => (await infoOf(replica, 'slave_expires_tracked_keys'))[0] === '1');
  expect(await infoOf(replica, 'db3', 'expired_keys')).toEqual(['', '2']);
  expect(await replica.call('DBSIZE')).toBe(3);

  await replica.call('PERSIST', 'own');
  await until(async () => (await infoOf(replica, 'slave_expires_tracked_keys'))[0] === '0');
  expect(await replica.call('EXISTS', 'own', 'theirs')).toBe(2);
});

test('commands of the primary count in the statistics of its replica, with their own time', async () => {
  const [primary, replica] = await Promise.all([started(), started()]);
  await follow(replica, primary.port);
  for (const value of ['1', '2', '3']) await primary.call('GETSET', 'k', value);
  await caughtUp(primary, replica);
  const stats = String(await replica.call('INFO', 'commandstats'));
  expect(stats).toContain('cmdstat_set:calls=3,');
  expect(Number(/cmdstat_select:calls=1,usec=(\d+)/.exec(stats)?.[1])).toBeLessThan(100_000);
});
