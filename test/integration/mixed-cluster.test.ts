import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
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
  for (let i = 0; ; i++) if (Number(cli(port, 'cluster', 'keyslot', `k${i}`)) <= Number(SLOTS[0][1])) return `k${i}`;
}
