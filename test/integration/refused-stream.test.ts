import { describe, expect, onTestFinished, test } from 'vitest';
import type { EmbeddedServer } from '../../src/index.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { caughtUp, follow, infoOf, started, until } from '../support/embedded.ts';
import { startRealServer } from '../support/real-server.ts';
import { RawClient } from '../support/resp.ts';

/* A replica that cannot do what its primary did has other data: it must not go on as if nothing had happened. */

describe('a command that the primary carried out and the replica cannot', () => {
  test('ends the link in front of it, and a full copy makes up for it', async () => {
    const { primary, replica, log } = await divergedPair();
    await primary.call('SET', 'before', '1');
    const [before] = await infoOf(primary, 'master_repl_offset');
    // The link that there is stays, and no other can follow it.
    await primary.call('CONFIG', 'SET', 'requirepass', 'closed');
    await primary.call('INCR', 'k');
    await until(() => log.some((line) => line.includes("The command 'incr' of the master cannot be carried out here")));
    expect(log.join('\n')).toContain("== CRITICAL == This replica is sending an error to its master: '-WRONGTYPE");
    // What was refused, and everything behind it, was never acknowledged.
    await until(async () => (await infoOf(replica, 'master_link_status'))[0] === 'down');
    expect(await infoOf(replica, 'slave_repl_offset')).toEqual([before]);
    await primary.call('CONFIG', 'SET', 'requirepass', '');
    await caughtUp(primary, replica);
    expect(await replica.call('GET', 'k')).toBe('2');
    expect(await infoOf(primary, 'sync_full')).toEqual(['2']);
    expect(await infoOf(replica, 'master_refused_command', 'master_link_down_reason')).toEqual(['', '']);
  });

  test('is found inside of a transaction, too', async () => {
    const { primary, replica, log } = await divergedPair();
    await primary.call('MULTI');
    await primary.call('SET', 'a', '1');
    await primary.call('INCR', 'k');
    await primary.call('SET', 'b', '1');
    await primary.call('EXEC');
    await until(() => log.some((line) => line.includes('this replica stops following')));
    await caughtUp(primary, replica);
    expect(await replica.call('MGET', 'a', 'k', 'b')).toEqual(['1', '2', '1']);
    expect(await infoOf(primary, 'sync_full')).toEqual(['2']);
  });
});

describe.skipIf(!hasRedisServer)('a primary of another kind', () => {
  test('with a command that the replica does not have is not followed any more, and INFO says why', async () => {
    const { port, primary } = await realPrimary();
    const replica = await started();
    await follow(replica, port);
    await primary.call('SET', 'before', '1');
    await primary.call('PUBLISH', 'channel', 'is no data');
    await until(async () => (await replica.call('GET', 'before')) === '1');
    await primary.call('ZADD', 'zset', '1', 'member');
    await primary.call('SET', 'after', '1');
    await until(async () => (await infoOf(replica, 'master_link_status'))[0] === 'down');
    const [command, reason] = await infoOf(replica, 'master_refused_command', 'master_link_down_reason');
    expect(command).toBe('ZADD');
    expect(reason).toContain("The command 'ZADD' of the master cannot be carried out here (ERR unknown command 'ZADD'");
    expect(await replica.call('MGET', 'before', 'after')).toEqual(['1', null]);
    // Nobody counts it as one that has the data.
    await until(async () => (await primary.call('INFO', 'replication')).includes('connected_slaves:0'));
  });

  test('with data that the replica cannot store is not taken over, and INFO names the key', async () => {
    const { port, primary } = await realPrimary();
    await primary.call('ZADD', 'zset', '1', 'member');
    const replica = await started();
    await replica.call('SET', 'own', '1');
    await replica.call('REPLICAOF', '127.0.0.1', String(port));
    await until(async () => (await infoOf(replica, 'master_link_down_reason'))[0]!.includes("key 'zset'"));
    expect(await replica.call('GET', 'own')).toBe('1');
  });
});

async function realPrimary(): Promise<{ port: number; primary: RawClient }> {
  const server = await startRealServer(['--repl-diskless-sync-delay', '0']);
  onTestFinished(() => server.stop());
  const primary = await RawClient.connect(server.port);
  onTestFinished(() => primary.close());
  return { port: server.port, primary };
}

/** A replica with a list where its primary has a number. */
async function divergedPair(): Promise<{ primary: EmbeddedServer; replica: EmbeddedServer; log: string[] }> {
  const log: string[] = [];
  const primary = await started();
  const replica = await started({ log: (line) => log.push(line), 'replica-read-only': false });
  await primary.call('SET', 'k', '1');
  await follow(replica, primary.port);
  await replica.call('DEL', 'k');
  await replica.call('RPUSH', 'k', 'not a number');
  return { primary, replica, log };
}
