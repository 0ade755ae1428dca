import { afterEach, expect, test } from 'vitest';
import { Line } from '../support/line.ts';
import { type Node, Servers, until } from './replication-servers.ts';

/* A replica without the data of its shard must not become its primary: that one would follow it, and lose its own. */

const servers = new Servers(18_920);
afterEach(() => servers.stopAll());

const SLOTS = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;
/** In the middle of a value of 1 MB. */
const HALF = 500_000;

test('a replica whose first copy broke off is not elected, and its primary comes back with its data', {
  timeout: 90_000,
}, async () => {
  const log = '--appendonly';
  const nodes = await Promise.all(SLOTS.map((_, i) => startNode(...(i === 0 ? [log, 'yes'] : []))));
  const [primary, ...others] = nodes as [Node, Node, Node];
  for (const [i, node] of nodes.entries()) await node.call('CLUSTER', 'ADDSLOTSRANGE', ...SLOTS[i]!);
  const line = await Line.to(primary.port);
  line.limit = HALF;
  await primary.call('CONFIG', 'SET', 'cluster-announce-port', line.port);
  const replica = await startNode();
  for (const node of [primary, ...others]) await replica.call('CLUSTER', 'MEET', '127.0.0.1', node.port);
  for (const node of [replica, ...nodes])
    await until(async () => (await clusterInfo(node)).includes('cluster_state:ok'));
  const key = await keyIn(primary, 0, 5460);
  await primary.call('CONFIG', 'SET', 'rdbcompression', 'no');
  await until(async () => (await primary.refusal('SET', key, 'x'.repeat(2 * HALF))) === 'no refusal, but OK');

  const id = String(await primary.call('CLUSTER', 'MYID'));
  await until(async () => String(await replica.call('CLUSTER', 'NODES')).includes(`${id} 127.0.0.1:${line.port}@`));
  await replica.call('CLUSTER', 'REPLICATE', id);
  await until(async () => line.stopped > 0);
  // What a node is asked that takes over a data set.
  expect(await replica.call('PING')).toBe('PONG');
  expect(String(await replica.call('CLUSTER', 'NODES'))).toContain('myself,slave');
  expect(await replica.refusal('CLUSTER', 'FAILOVER', 'TAKEOVER')).toContain('has no complete copy of the data');
  // Nobody gives its address to clients, and it does not itself.
  for (const node of [replica, ...nodes]) {
    expect(JSON.stringify(await node.call('CLUSTER', 'SLOTS'))).not.toContain(`${replica.port},`);
  }

  await primary.kill('SIGKILL');
  line.cut();
  await until(async () => replica.log().includes('Currently unable to failover: this replica has no complete copy'));
  expect(await replica.refusal('CLUSTER', 'FAILOVER', 'FORCE')).toContain(
    'CLUSTER FAILOVER TAKEOVER serves what is here',
  );
  expect(replica.log()).not.toContain('Starting a failover election');
  line.release();
  await primary.start(...NODE, log, 'yes', '--cluster-announce-port', `${line.port}`);
  // Whoever of the two is the primary in the end, both have all of it: with the whole copy the replica may be elected.
  for (const node of [primary, replica]) {
    await node.call('READONLY');
    await until(async () => (await node.refusal('STRLEN', key)) === `no refusal, but ${2 * HALF}`);
  }
});

const NODE = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-replica-validity-factor', '0'];

function startNode(...args: string[]): Promise<Node> {
  return servers.start('rkv', ...NODE, ...args);
}

async function clusterInfo(node: Node): Promise<string> {
  return String(await node.call('CLUSTER', 'INFO'));
}

async function keyIn(node: Node, first: number, last: number): Promise<string> {
  for (let i = 0; ; i++) {
    const slot = Number(await node.call('CLUSTER', 'KEYSLOT', `key:${i}`));
    if (slot >= first && slot <= last) return `key:${i}`;
  }
}
