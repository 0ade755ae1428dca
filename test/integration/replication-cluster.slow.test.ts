import { afterEach, describe, expect, test } from 'vitest';
import { canRun, caughtUp, contents, type Kind, linkIsUp, type Node, Servers, until } from './replication-servers.ts';

/* Replication as a cluster uses it: told by the bus whom to follow, and without anybody's REPLICAOF. */

const servers = new Servers(21_140);
afterEach(() => servers.stopAll());

const KINDS: readonly [Kind, Kind][] = [
  ['rkv', 'rkv'],
  ['redis', 'rkv'],
  ['rkv', 'redis'],
];

for (const [primaryKind, replicaKind] of KINDS) {
  describe.skipIf(!canRun(primaryKind, replicaKind))(`a ${replicaKind} node that follows a ${primaryKind} node`, () => {
    test('has its data, and serves it after a failover', async () => {
      const primary = await startOwner(primaryKind);
      await primary.call('SET', 'before', '1');
      const replica = await startNode(replicaKind);
      await meet(primary, replica);
      await replica.call('CLUSTER', 'REPLICATE', await idOf(primary));
      await linkIsUp(replica);
      await primary.call('SET', 'after', '2');
      await caughtUp(primary, replica);
      // Who owns the slot comes by the bus, not by the stream.
      await until(async () => (await replica.refusal('SET', 'a', '1')).startsWith('MOVED '));
      // The request to hand over is ignored by a primary that has not heard yet whom it comes from.
      const owner = await idOf(primary);
      await until(async () => String(await primary.call('CLUSTER', 'REPLICAS', owner)).includes('slave'));

      await until(async () => (await replica.refusal('CLUSTER', 'FAILOVER')) === 'no refusal, but OK');
      await until(async () => (await replica.info('role')) === 'master');
      await until(async () => (await primary.info('role')) === 'slave');
      await until(async () => (await replica.refusal('SET', 'last', '3')) === 'no refusal, but OK');
      await caughtUp(replica, primary);
      expect([...(await contents(replica)).keys()]).toEqual(['after', 'before', 'last']);
      // The old primary went on from where it was.
      expect(await replica.info('sync_full')).toBe('0');
    });
  });
}

describe('a node with replicaof in its configuration', () => {
  test('meets the cluster and follows the node, also when that one comes later', async () => {
    const primary = await startOwner('rkv');
    await primary.call('SET', 'a', '1');
    const replica = await startNode('rkv', '--replicaof', `127.0.0.1 ${primary.port}`);
    await linkIsUp(replica);
    await caughtUp(primary, replica);
    await replica.call('READONLY');
    expect(await replica.call('GET', 'a')).toBe('1');

    await replica.kill('SIGTERM');
    await replica.start('--cluster-enabled', 'yes', '--replicaof', `127.0.0.1 ${primary.port}`);
    await linkIsUp(replica);
    expect(replica.log()).toContain('nodes.conf says what this node is');
  });

  test('finds a node whose bus is at another port, and tells which password it lacks', async () => {
    const cluster = ['--cluster-enabled', 'yes'];
    const port = servers.reservePort();
    const primary = await servers.start('rkv', ...cluster, '--cluster-port', String(port));
    await primary.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await primary.call('CONFIG', 'SET', 'requirepass', 'secret');
    const to = ['--replicaof', `127.0.0.1 ${primary.port}`];
    const replica = await servers.start('rkv', ...cluster, ...to, '--cluster-port', String(servers.reservePort()));
    await until(async () => replica.log().includes('yet: NOAUTH Authentication required.'));
    await replica.call('CONFIG', 'SET', 'masterauth', 'secret');
    await linkIsUp(replica);
    expect(String(await replica.call('CLUSTER', 'NODES'))).toContain(`:${primary.port}@${port} `);
  });
});

async function startNode(kind: Kind, ...args: string[]): Promise<Node> {
  return servers.start(kind, '--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...args);
}

/** A node that owns all slots. */
async function startOwner(kind: Kind): Promise<Node> {
  const node = await startNode(kind);
  await node.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  await until(async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  return node;
}

async function meet(a: Node, b: Node): Promise<void> {
  await a.call('CLUSTER', 'MEET', '127.0.0.1', b.port);
  const id = await idOf(a);
  await until(async () => String(await b.call('CLUSTER', 'NODES')).includes(id));
}

async function idOf(node: Node): Promise<string> {
  return String(await node.call('CLUSTER', 'MYID'));
}
