import { afterEach, describe, expect, test } from 'vitest';
import {
  canRun,
  caughtUp,
  connectTo,
  contents,
  type Kind,
  linkIsUp,
  type Node,
  Servers,
  until,
} from './replication-servers.ts';

/* Chains, roles and their gates: what a server is allowed to do, and says of itself, as a primary and as a replica. */

const servers = new Servers(21_060);
afterEach(() => servers.stopAll());

const KINDS: readonly Kind[] = ['rkv', 'redis'];
const CHAINS: readonly [Kind, Kind, Kind][] = [
  ['redis', 'rkv', 'redis'],
  ['rkv', 'rkv', 'redis'],
  ['rkv', 'redis', 'rkv'],
];

for (const chain of CHAINS) {
  describe.skipIf(!canRun(...chain))(`a chain of ${chain.join(', ')}`, () => {
    test('holds the same data and the same stream everywhere', async () => {
      const [first, second, third] = await startChain(chain);
      await first.client.multi().select(2).set('a', '1').incr('a').exec();
      await first.call('SET', 'b', 'x'.repeat(100_000));
      await caughtUp(first, second);
      await caughtUp(first, third);
      expect(await third.call('GET', 'a')).toBeNull();
      for (const db of [0, 2]) expect(await contents(third, db)).toEqual(await contents(first, db));
      expect(await third.info('master_replid')).toBe(await first.info('master_replid'));
    });

    test('goes on without copies when its middle becomes the primary', async () => {
      const [first, second, third] = await startChain(chain);
      await first.call('SET', 'a', '1');
      await caughtUp(first, third);
      await second.call('REPLICAOF', 'NO', 'ONE');
      await first.call('REPLICAOF', '127.0.0.1', second.port);
      await second.call('SET', 'b', '2');
      await caughtUp(second, first);
      await caughtUp(second, third);
      expect(await contents(third)).toEqual(await contents(second));
      expect(await contents(first)).toEqual(await contents(second));
      expect(await second.info('sync_full')).toBe('1');
    });
  });
}

for (const kind of KINDS) {
  describe.skipIf(!canRun(kind))(`${kind} as a replica`, () => {
    test('refuses writes, and allows them where it is told to', async () => {
      const [, replica] = await startPair('rkv', kind);
      expect(await replica.refusal('SET', 'a', '1')).toBe("READONLY You can't write against a read only replica.");
      expect(await replica.refusal('WAIT', 1, 1)).toMatch(/^ERR WAIT cannot be used with replica instances\. /);
      await replica.call('CONFIG', 'SET', 'replica-read-only', 'no');
      expect(await replica.call('SET', 'a', '1')).toBe('OK');
    });

    test('hides a dead key and waits for its primary to remove it', async () => {
      const primary = await servers.start('rkv', '--enable-debug-command', 'local');
      const replica = await servers.startReplica(kind, primary);
      await primary.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
      await primary.call('SET', 'a', '1', 'PX', 1);
      await until(async () => (await replica.call('DBSIZE')) === 1);
      await until(async () => (await replica.call('GET', 'a')) === null);
      expect([await replica.call('EXISTS', 'a'), await replica.call('DBSIZE')]).toEqual([0, 1]);
      expect(await primary.call('GET', 'a')).toBeNull();
      await until(async () => (await replica.call('DBSIZE')) === 0);
    });

    test('answers with old data while its primary is away, unless it is told not to', async () => {
      const [primary, replica] = await startPair('rkv', kind);
      await primary.call('SET', 'a', '1');
      await caughtUp(primary, replica);
      await primary.kill();
      await until(async () => (await replica.info('master_link_status')) === 'down');
      expect(await replica.call('GET', 'a')).toBe('1');
      await replica.call('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
      const refusal = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
      expect(await replica.refusal('GET', 'a')).toBe(refusal);
      expect(await replica.info('role')).toBe('slave');
      expect(await replica.refusal('PSYNC', '?', -1)).toMatch(/^(MASTERDOWN|NOMASTERLINK)/);
    });

    test('says whom it follows, and that it need not be told twice', async () => {
      // A ping would move the offset between two questions.
      const primary = await servers.start('rkv', '--repl-ping-replica-period', '3600');
      const replica = await servers.startReplica(kind, primary);
      await primary.call('SET', 'a', '1');
      await caughtUp(primary, replica);
      const offset = Number(await primary.info('master_repl_offset'));
      expect(await replica.call('ROLE')).toEqual(['slave', '127.0.0.1', primary.port, 'connected', offset]);
      expect(await replica.call('REPLICAOF', '127.0.0.1', primary.port)).toBe(
        'OK Already connected to specified master',
      );
      expect(await replica.call('CONFIG', 'GET', 'replicaof')).toEqual(['replicaof', `127.0.0.1 ${primary.port}`]);
      await until(async () => String(await primary.call('ROLE')).endsWith(`${replica.port},${offset}`));
      expect(await primary.call('ROLE')).toEqual(['master', offset, [['127.0.0.1', `${replica.port}`, `${offset}`]]]);
    });

    test('refuses nonsense', async () => {
      const node = await servers.start(kind);
      expect(await node.refusal('REPLICAOF', '127.0.0.1', 'x')).toBe('ERR Invalid master port');
      expect(await node.refusal('REPLICAOF', '127.0.0.1', 70_000)).toBe('ERR Invalid master port');
      expect(await node.refusal('REPLCONF', 'a')).toBe('ERR syntax error');
      expect(await node.refusal('REPLCONF', 'a', 'b')).toBe('ERR Unrecognized REPLCONF option: a');
      expect(await node.refusal('REPLCONF', 'listening-port', 'x')).toBe('ERR value is not an integer or out of range');
      expect(await node.refusal('PSYNC', '?', 'x')).toBe('ERR value is not an integer or out of range');
      expect(await node.refusal('WAIT', 'x', 1)).toBe('ERR value is not an integer or out of range');
      expect(await node.refusal('WAIT', 1, 'x')).toBe('ERR timeout is not an integer or out of range');
      expect(await node.refusal('WAIT', 1, -1)).toBe('ERR timeout is negative');
      expect(await node.call('REPLCONF')).toBe('OK');
      expect(await node.call('ROLE')).toEqual(['master', 0, []]);
      const cluster = await servers.start(kind, '--cluster-enabled', 'yes');
      expect(await cluster.refusal('REPLICAOF', 'NO', 'ONE')).toBe('ERR REPLICAOF not allowed in cluster mode.');
    });
  });

  describe.skipIf(!canRun(kind))(`${kind} as a primary`, () => {
    test('refuses writes without enough good replicas', async () => {
      const primary = await servers.start(kind, '--min-replicas-to-write', '1', '--min-replicas-max-lag', '5');
      expect(await primary.refusal('SET', 'a', '1')).toBe('NOREPLICAS Not enough good replicas to write.');
      expect(await primary.info('min_slaves_good_slaves')).toBe('0');
      await servers.startReplica('rkv', primary);
      await until(async () => (await primary.info('min_slaves_good_slaves')) === '1');
      expect(await primary.call('SET', 'a', '1')).toBe('OK');
    });

    test('ends waits when it becomes a replica', async () => {
      const primary = await servers.start(kind);
      const waiting = connectTo(primary);
      await waiting.set('a', '1');
      const ended = waiting.wait(1, 0).then(String, (error: Error) => error.message);
      await until(async () => (await primary.info('blocked_clients')) === '1');
      await primary.call('REPLICAOF', '127.0.0.1', 1);
      expect(await ended).toBe(
        'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
      );
      waiting.disconnect();
    });

    test('answers WAIT at once inside of a transaction', async () => {
      const primary = await servers.start(kind);
      expect(await primary.client.multi().set('a', '1').wait(1, 0).exec()).toEqual([
        [null, 'OK'],
        [null, 0],
      ]);
    });
  });
}

describe('a replica with an append only file', () => {
  test('has its data after a restart without its primary', async () => {
    const primary = await servers.start('rkv');
    await primary.call('SET', 'before', '1');
    const replica = await servers.startReplica('rkv', primary, '--appendonly', 'yes');
    await primary.client.multi().set('a', '1').incr('a').select(4).set('b', '2').exec();
    await caughtUp(primary, replica);
    await until(async () => (await replica.info('aof_rewrite_in_progress')) === '0');
    const [zero, four] = [await contents(replica), await contents(replica, 4)];
    expect([...zero.keys(), ...four.keys()]).toEqual(['a', 'before', 'b']);
    await replica.kill('SIGTERM');
    await primary.kill();
    await replica.start('--appendonly', 'yes');
    expect([await contents(replica), await contents(replica, 4)]).toEqual([zero, four]);
  });
});

async function startPair(primaryKind: Kind, replicaKind: Kind): Promise<[Node, Node]> {
  const primary = await servers.start(primaryKind);
  return [primary, await servers.startReplica(replicaKind, primary)];
}

async function startChain([a, b, c]: readonly [Kind, Kind, Kind]): Promise<[Node, Node, Node]> {
  const first = await servers.start(a);
  const second = await servers.startReplica(b, first);
  const third = await servers.startReplica(c, second);
  await linkIsUp(third);
  return [first, second, third];
}
