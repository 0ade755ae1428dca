/*
 * A reshard by redis-cli: 300 slots without keys go from one primary to another, and back in the next round. What it costs
 * is what the servers do beside the slot: books, nodes.conf and messages.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { type BenchServer, KINDS, type Kind, mainThreadCpu_ns, median, start } from './servers.ts';

const PRIMARIES = 3;
const SLOTS_MOVED = 300;
const READY_WITHIN_MS = 30_000;

export interface ReshardResult {
  slots: number;
  /** From the start of redis-cli to its end, medians; the CPU time is that of the three servers' main threads. */
  wall_ms: Record<Kind, number>;
  cpu_ms: Record<Kind, number>;
  /** Medians of the ratios of each round. */
  wallRatio: number;
  cpuRatio: number;
}

interface Round {
  wall_ms: number;
  cpu_ms: number;
}

export async function benchReshard({ rounds, port }: { rounds: number; port: number }): Promise<ReshardResult> {
  const clusters = { redis: await form('redis', port), rkv: await form('rkv', port + PRIMARIES) };
  const taken: Record<Kind, Round[]> = { redis: [], rkv: [] };
  try {
    // The first of each is to warm up.
    for (let round = 0; round <= rounds; round++) {
      for (const kind of KINDS) {
        const one = reshard(clusters[kind], round % 2 === 0);
        if (round > 0) taken[kind].push(one);
        await settled(clusters[kind]);
      }
    }
  } finally {
    for (const servers of Object.values(clusters)) for (const server of servers) await server.stop();
  }
  const ratio = (of: keyof Round): number => median(taken.rkv.map((one, i) => one[of] / taken.redis[i]![of]));
  const medians = (of: keyof Round): Record<Kind, number> => ({
    redis: median(taken.redis.map((one) => one[of])),
    rkv: median(taken.rkv.map((one) => one[of])),
  });
  return {
    slots: SLOTS_MOVED,
    wall_ms: medians('wall_ms'),
    cpu_ms: medians('cpu_ms'),
    wallRatio: ratio('wall_ms'),
    cpuRatio: ratio('cpu_ms'),
  };
}

async function form(kind: Kind, port: number): Promise<BenchServer[]> {
  const ports = Array.from({ length: PRIMARIES }, (_, i) => port + i);
  const servers = await Promise.all(ports.map((one) => start(kind, one, { args: ['--cluster-enabled', 'yes'] })));
  cli('--cluster', 'create', ...ports.map((one) => `127.0.0.1:${one}`), '--cluster-yes');
  await settled(servers);
  return servers;
}

function reshard(servers: readonly BenchServer[], forth: boolean): Round {
  const ids = servers.map(({ port }) => cli('-p', String(port), 'cluster', 'myid').trim());
  const [from, to] = forth ? [ids[0]!, ids[1]!] : [ids[1]!, ids[0]!];
  const busy = (): number => servers.reduce((sum, { pid }) => sum + mainThreadCpu_ns(pid), 0);
  const [before_ns, started_ms] = [busy(), performance.now()];
  const how = ['--cluster-from', from, '--cluster-to', to, '--cluster-slots', String(SLOTS_MOVED), '--cluster-yes'];
  cli('--cluster', 'reshard', `127.0.0.1:${servers[0]!.port}`, ...how);
  return { wall_ms: performance.now() - started_ms, cpu_ms: (busy() - before_ns) / 1e6 };
}

/** Until redis-cli finds nothing to complain of: it reshards no other cluster. */
async function settled(servers: readonly BenchServer[]): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (spawnSync('redis-cli', ['--cluster', 'check', `127.0.0.1:${servers[0]!.port}`]).status !== 0) {
    if (performance.now() > deadline) throw new Error(`the cluster of ${servers[0]!.kind} does not agree`);
    await wait(50);
  }
}

function cli(...args: string[]): string {
  const { status, stdout } = spawnSync('redis-cli', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`redis-cli ${args.join(' ')}: ${stdout}`);
  return stdout;
}
