/*
 * Figures of whole processes: how long a cluster takes from nothing to ready, what the command line costs, how fast the
 * library starts and stops a server.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startServer } from '../src/index.ts';
import { answers, type BenchServer, median, start } from './servers.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const RKV = join(ROOT, 'bin/run.js');
const NODES = 6;
const READY_WITHIN_MS = 60_000;

export interface ClusterResult {
  /** Milliseconds from nothing to: every node ok, every replica's link up. Medians. */
  redis_ms: number;
  rkv_ms: number;
  ratio: number;
}

export async function benchCluster({ rounds, port }: { rounds: number; port: number }): Promise<ClusterResult> {
  const redis: number[] = [];
  const rkv: number[] = [];
  for (let round = 0; round < rounds; round++) {
    redis.push(await redisCluster(port + 10));
    rkv.push(rkvCluster(port + 20));
  }
  const medians = { redis_ms: median(redis), rkv_ms: median(rkv) };
  return { ...medians, ratio: medians.rkv_ms / medians.redis_ms };
}

async function redisCluster(port: number): Promise<number> {
  const started = performance.now();
  // As the nodes of rkv's template: with an append-only file, and replicas that are served at once.
  const args = ['--cluster-enabled', 'yes', '--appendonly', 'yes', '--repl-diskless-sync-delay', '0'];
  const ports = Array.from({ length: NODES }, (_, i) => port + i);
  const servers: BenchServer[] = await Promise.all(ports.map((one) => start('redis', one, { args })));
  const addresses = ports.map((one) => `127.0.0.1:${one}`);
  cli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!ports.every(isReady)) {
    if (performance.now() > deadline) throw new Error('the cluster of redis-server did not get ready');
    await wait(10);
  }
  const took = performance.now() - started;
  for (const server of servers) await server.stop();
  return took;
}

function isReady(port: number): boolean {
  if (!cli('-p', String(port), 'cluster', 'info').includes('cluster_state:ok')) return false;
  const replication = cli('-p', String(port), 'info', 'replication');
  return replication.includes('role:master') || replication.includes('master_link_status:up');
}

function cli(...args: string[]): string {
  return spawnSync('redis-cli', args, { encoding: 'utf8' }).stdout;
}

function rkvCluster(port: number): number {
  const home = mkdtempSync(join(tmpdir(), 'bench-cluster-'));
  const env = { ...process.env, RKV_HOME: home };
  const started = performance.now();
  const made = spawnSync(process.execPath, [RKV, 'cluster', 'create', 'bench', '--port', String(port)], {
    env,
    encoding: 'utf8',
  });
  const took = performance.now() - started;
  spawnSync(process.execPath, [RKV, 'cluster', 'destroy', 'bench', '--yes'], { env });
  rmSync(home, { recursive: true, force: true });
  if (made.status !== 0) throw new Error(`rkv cluster create failed: ${made.stderr}`);
  return took;
}

export interface CliResult {
  command: string;
  /** User and system time of the process, milliseconds, median. */
  cpu_ms: number;
}

export function benchCli({ rounds }: { rounds: number }): CliResult[] {
  return [['--version'], ['cluster', 'list'], ['--help']].map((args) => {
    const times: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const cpu_ms = childCpu_ms(args);
      if (round >= 0) times.push(cpu_ms); // The first fills the compile cache.
    }
    return { command: `rkv ${args.join(' ')}`, cpu_ms: median(times) };
  });
}

/** Node does not tell the usage of children, the shell's `times` does. */
function childCpu_ms(args: string[]): number {
  const script = `"${process.execPath}" "${RKV}" ${args.join(' ')} > /dev/null 2>&1; times`;
  const lines = spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n');
  const children = lines.at(-1) ?? '';
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + (Number(m) * 60 + Number(s)) * 1000,
    0,
  );
}

export interface LibraryResult {
  firstStart_ms: number;
  start_ms: number;
  close_ms: number;
}

export async function benchLibrary({ rounds }: { rounds: number }): Promise<LibraryResult> {
  const starts: number[] = [];
  const closes: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    const server = await startServer({ port: 0 });
    starts.push(performance.now() - begun);
    await answers(server.port);
    const closing = performance.now();
    await server.close();
    closes.push(performance.now() - closing);
  }
  return { firstStart_ms: starts[0]!, start_ms: median(starts.slice(1)), close_ms: median(closes.slice(1)) };
}
