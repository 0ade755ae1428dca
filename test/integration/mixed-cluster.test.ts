import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
import { hasValkey, WITHOUT_VALKEY } from '../support/valkey.ts';
import { answers, connect, hasRedisServer, type Started, startNode, until } from './processes.ts';

/* What takes no node timeout: how nodes of both kinds come together, and hand over to each other. The slow test kills. */

const PORT = 20_250;
const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '4000', '--repl-diskless-sync-delay', '0'];
const SLOTS = [
  ['0', '8191'],
  ['8192', '16383'],
] as const;

/** `redis-cli` as an operator uses it, so that nothing of ours judges ours. */
function cli(port: number, ...args: string[]): string {
  return spawnSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8', timeout: 20_000 }).stdout.trim();
}

describe.skipIf(!hasRedisServer)('a cluster of bundled and real redis-server nodes', () => {
  test('forms, agrees, and hands over in both directions', async () => {
    const [ours, theirs, replica] = [PORT, PORT + 1, PORT + 2] as const;
    const nodes: Started[] = [
      startNode('rkv', { port: ours, args: [...CLUSTER, ...ARGS_AS_7_0] }),
      startNode('redis', { port: theirs, args: CLUSTER }),
      startNode('redis', { port: replica, args: CLUSTER }),
    ];
    await Promise.all(nodes.map(answers));
    for (const [i, port] of [ours, theirs].entries()) cli(port, 'cluster', 'addslotsrange', ...SLOTS[i]!);
    for (const port of [theirs, replica]) cli(ours, 'cluster', 'meet', '127.0.0.1', String(port));
    const id = cli(ours, 'cluster', 'myid');
    await until('the real replica takes its primary', async () => cli(replica, 'cluster', 'replicate', id) === 'OK');
    for (const { port } of nodes) {
      await until(`${port} is ok`, async () => {
        const info = cli(port, 'cluster', 'info');
        return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
      });
    }
    await everybodyHears(nodes.map(({ port }) => port));
    const client = connect(ours);
    const key = ownKey(ours);
    await client.set(key, 'from the bundled primary');
    expect(Number(await client.call('WAIT', '1', '5000'))).toBe(1);

    await handOver(ours, replica);
    expect(cli(replica, 'get', key)).toBe('from the bundled primary');
    cli(replica, 'set', key, 'from the real primary');
    await handOver(replica, ours);
    expect(cli(ours, 'get', key)).toBe('from the real primary');
    await until('the other primary sends clients here', async () => cli(theirs, 'get', key).includes(`:${ours}`));
  });
});

describe.skipIf(!hasRedisServer || !hasValkey)(`nodes since 7.2 (${hasValkey ? 'with' : WITHOUT_VALKEY})`, () => {
  test('share shards with those of Valkey, and say nothing that one of Redis 7.0 has to log', async () => {
    const [ours, valkey, old, ourReplica, valkeyReplica] = [5, 6, 7, 8, 9].map((i) => PORT + i) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const nodes = [
      startNode('rkv', { port: ours, args: CLUSTER }),
      startNode('valkey', { port: valkey, args: CLUSTER }),
      startNode('redis', { port: old, args: CLUSTER }),
      startNode('rkv', { port: ourReplica, args: CLUSTER }),
      startNode('valkey', { port: valkeyReplica, args: CLUSTER }),
    ];
    await Promise.all(nodes.map(answers));
    const slots = [
      ['0', '5460'],
      ['5461', '10922'],
      ['10923', '16383'],
    ] as const;
    for (const [i, port] of [ours, valkey, old].entries()) cli(port, 'cluster', 'addslotsrange', ...slots[i]!);
    for (const { port } of nodes.slice(1)) cli(ours, 'cluster', 'meet', '127.0.0.1', String(port));
    for (const { port } of nodes) {
      await until(`${port} is ok`, async () => {
        const info = cli(port, 'cluster', 'info');
        return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:5');
      });
    }
    // What comes with the full copies is in the packed form that files have since 7.2.
    const [own, theirs] = [keyAt(ours, 0, 5460), keyAt(ours, 5461, 10_922)];
    for (const [port, key] of [
      [ours, own],
      [valkey, theirs],
    ] as const)
      expect(cli(port, 'sadd', key, 'a', '1', 'b')).toBe('3');
    for (const [replica, primary, key] of [
      [ourReplica, valkey, theirs],
      [valkeyReplica, ours, own],
    ] as const) {
      const id = cli(primary, 'cluster', 'myid');
      await until(`${replica} takes its primary`, async () => cli(replica, 'cluster', 'replicate', id) === 'OK');
      await until(`${replica} has its data`, async () => {
        return cli(replica, 'info', 'replication').includes('master_link_status:up');
      });
      expect(readOnly(replica, 'object', 'encoding', key)).toBe('listpack');
      await until(`${replica} is in the shard of ${primary}`, async () => {
        return cli(replica, 'cluster', 'myshardid') === cli(primary, 'cluster', 'myshardid');
      });
    }
    // Every node pings another each second, and a node of 7.0 would write down each record that it does not know.
    await until('all have talked to the node of 7.0', async () => {
      const links = cli(old, 'cluster', 'nodes').split('\n');
      return links.length === 5 && links.every((line) => line.includes(' connected'));
    });
    expect(nodes[2]!.output()).not.toMatch(/extension/i);
  });
});

/** Of a replica: on a connection that may read there. */
function readOnly(port: number, ...words: string[]): string {
  const input = `readonly\n${words.join(' ')}\n`;
  const { stdout } = spawnSync('redis-cli', ['-p', String(port)], { input, encoding: 'utf8', timeout: 20_000 });
  return stdout.trim().split('\n').at(-1)!;
}

/** What is published on one node is heard on all of them, whichever it is, once. */
async function everybodyHears(ports: readonly number[]): Promise<void> {
  const heard: string[] = [];
  for (const port of ports) {
    const listener = connect(port);
    listener.on('message', (channel, text) => heard.push(`${port} hears ${text} on ${channel}`));
    await listener.subscribe('news');
  }
  for (const port of ports) cli(port, 'publish', 'news', `that of ${port}`);
  const all = ports.flatMap((by) => ports.map((port) => `${port} hears that of ${by} on news`));
  await until('everybody has heard everything', async () => heard.length >= all.length);
  expect(heard.toSorted()).toEqual(all.toSorted());
}

/** Until the replica is the primary, and the one that was follows it. */
async function handOver(primary: number, replica: number): Promise<void> {
  await until(`${replica} may take over`, async () => {
    return cli(replica, 'info', 'replication').includes('master_link_status:up');
  });
  expect(cli(replica, 'cluster', 'failover')).toBe('OK');
  await until(`${replica} takes over`, async () => cli(replica, 'role').startsWith('master'));
  await until(`${primary} follows`, async () => {
    const replication = cli(primary, 'info', 'replication');
    return replication.includes(`master_port:${replica}`) && replication.includes('master_link_status:up');
  });
}

/** A key in one of the slots of the first primary. */
function ownKey(port: number): string {
  return keyAt(port, ...(SLOTS[0].map(Number) as [number, number]));
}

function keyAt(port: number, first: number, last: number): string {
  for (let i = 0; ; i++) {
    const slot = Number(cli(port, 'cluster', 'keyslot', `k${i}`));
    if (slot >= first && slot <= last) return `k${i}`;
  }
}
