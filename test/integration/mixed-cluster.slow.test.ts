import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
import { answers, connect, hasRedisServer, type Started, startNode, temporaryFolder, until } from './processes.ts';

const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--repl-diskless-sync-delay', '0'];

/** `redis-cli` as an operator uses it, so that nothing of ours judges ours. */
function cli(...args: string[]): string {
  return spawnSync('redis-cli', args, { encoding: 'utf8', timeout: 20_000 }).stdout;
}

function roleOf(port: number): string {
  return cli('-p', String(port), 'role').split('\n')[0]!;
}

function isReplicaOf(port: number, primary: number): boolean {
  const replication = cli('-p', String(port), 'info', 'replication');
  return replication.includes(`master_port:${primary}`) && replication.includes('master_link_status:up');
}

describe.skipIf(!hasRedisServer)('a cluster of two bundled and two real redis-server nodes', () => {
  test('forms, agrees, and fails over in both directions', { timeout: 300_000 }, async () => {
    const [a, b, c, d] = [20_240, 20_241, 20_242, 20_243] as const;
    const dirOfA = temporaryFolder();
    const startA = (): Started => startNode('rkv', { port: a, dir: dirOfA, args: [...CLUSTER, ...ARGS_AS_7_0] });
    const nodes = [
      startA(),
      startNode('rkv', { port: b, args: [...CLUSTER, ...ARGS_AS_7_0] }),
      startNode('redis', { port: c, args: CLUSTER }),
      startNode('redis', { port: d, args: CLUSTER }),
    ];
    await Promise.all(nodes.map(answers));
    // Three primaries, the last of them real; a real replica of the first, which is bundled.
    cli('--cluster', 'create', ...[a, b, c].map((port) => `127.0.0.1:${port}`), '--cluster-yes');
    cli(
      '--cluster',
      'add-node',
      `127.0.0.1:${d}`,
      `127.0.0.1:${a}`,
      '--cluster-slave',
      '--cluster-master-id',
      cli('-p', String(a), 'cluster', 'myid').trim(),
    );
    await until('the real replica follows the bundled primary', async () => isReplicaOf(d, a));
    await until('all agree', async () => cli('--cluster', 'check', `127.0.0.1:${c}`).includes('All nodes agree'));
    for (const port of [a, b, c]) {
      await until(`${port} is ok`, async () => cli('-p', String(port), 'cluster', 'info').includes('cluster_state:ok'));
    }

    const client = connect(a);
    const key = ownKey(a);
    await client.set(key, 'from the bundled primary');
    expect(Number(await client.call('WAIT', '1', '5000'))).toBe(1);

    await nodes[0]!.kill();
    await until('the real replica is promoted', async () => roleOf(d) === 'master');
    await until('it serves', async () => cli('-p', String(d), 'get', key).trim() === 'from the bundled primary');
    cli('-p', String(d), 'set', key, 'from the real primary');

    const again = startA();
    await answers(again);
    await until('the bundled node follows the real one', async () => isReplicaOf(a, d));
    await until('it has caught up', async () => {
      const reader = connect(a);
      await reader.call('READONLY');
      return (await reader.get(key)) === 'from the real primary';
    });

    await nodes[3]!.kill();
    await until('the bundled replica is promoted', async () => roleOf(a) === 'master');
    await until('it serves', async () => cli('-p', String(a), 'get', key).trim() === 'from the real primary');
    await until('the cluster is ok', async () => cli('-p', String(b), 'cluster', 'info').includes('cluster_state:ok'));
  });
});

/** A key in one of the first 5461 slots, which the first primary owns. */
function ownKey(port: number): string {
  for (let i = 0; ; i++) if (Number(cli('-p', String(port), 'cluster', 'keyslot', `k${i}`)) < 5461) return `k${i}`;
}
