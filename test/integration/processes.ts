/* Whole processes for the tests of this folder: single servers of both kinds, and clusters by the command line. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { ROOT, rkv } from '../commands/rkv.ts';

export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

export interface Started {
  port: number;
  dir: string;
  child: ChildProcess;
  /** All that it wrote so far. */
  output(): string;
  ended: Promise<number | null>;
  client(): Redis;
  kill(): Promise<void>;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rkv-it-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/**
 * Starts one server in its own folder; whatever still runs when the test ends is killed. `byRkv` starts it as `rkv server`
 * does, with all that rkv gives to a server.
 */
export function startNode(
  engine: 'rkv' | 'redis' | 'valkey',
  {
    port,
    dir = temporaryFolder(),
    args = [],
    byRkv = false,
  }: { port: number; dir?: string; args?: readonly string[]; byRkv?: boolean },
): Started {
  mkdirSync(dir, { recursive: true });
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args];
  const child =
    engine !== 'rkv'
      ? spawn(`${engine}-server`, options)
      : spawn(process.execPath, [
          ...(byRkv ? [join(ROOT, 'bin/run.js'), 'server'] : [join(ROOT, 'bin/rkv-server.js')]),
          ...options,
        ]);
  let text = '';
  const collect = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return { port, dir, child, output: () => text, ended, client: () => connect(port), kill };
}

/** What a process has in memory, on Linux. */
export function residentBytes(node: Started): number {
  const status = readFileSync(`/proc/${node.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** A client that does not hide what happens: no retries, no queue that outlives the test. */
export function connect(port: number): Redis {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: false,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** A client of the whole cluster, with ten seconds of patience: a failover takes the node timeout and an election. */
export function clusterClient(ports: readonly number[]): Cluster {
  const client = new Cluster(
    ports.map((port) => ({ host: '127.0.0.1', port })),
    {
      maxRedirections: 100,
      clusterRetryStrategy: () => 50,
      retryDelayOnFailover: 100,
      retryDelayOnClusterDown: 100,
      redisOptions: { maxRetriesPerRequest: 200 },
    },
  );
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** Looks until it holds; says what did not when it never does. */
export async function until(what: string, holds: () => Promise<boolean>, deadline_ms = 30_000): Promise<void> {
  const end = performance.now() + deadline_ms;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (performance.now() > end) throw new Error(`not within ${deadline_ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until the node answers; fails at once when it has ended, and when another process answers in its place. */
export async function answers(node: Started): Promise<void> {
  const { child, port } = node;
  const client = connect(port);
  try {
    const ended = node.ended.then((code) => {
      throw new Error(`${port} ended with ${code ?? child.signalCode}: ${node.output()}`);
    });
    // That it ends later is for others to see.
    ended.catch(() => {});
    await Promise.race([until(`${port} answers`, async () => (await client.ping()) === 'PONG'), ended]);
    // What is killed must be the server, and no process around it.
    expect(processIn(await client.info('server')), `the process that listens on ${port}`).toBe(child.pid);
  } finally {
    client.disconnect();
  }
}

/** A cluster made by the command line, with its own home; destroyed when the test ends. */
export async function createCluster(
  port: number,
  flags: readonly string[] = [],
): Promise<{ home: string; ports: number[]; run: (...argv: string[]) => ReturnType<typeof rkv> }> {
  const home = temporaryFolder();
  const run = (...argv: string[]): ReturnType<typeof rkv> => rkv(argv, { home });
  onTestFinished(async () => {
    await run('cluster', 'destroy', 'it', '--yes');
  });
  const made = await run('cluster', 'create', 'it', '--port', String(port), ...flags);
  if (made.status !== 0) throw new Error(`cluster create: ${made.stderr}${made.stdout}`);
  return { home, ports: Array.from({ length: 6 }, (_, i) => port + i), run };
}

export async function clusterState(port: number): Promise<string> {
  const client = connect(port);
  try {
    const info = String(await client.call('CLUSTER', 'INFO'));
    return /cluster_state:(\w+)/.exec(info)?.[1] ?? '';
  } finally {
    client.disconnect();
  }
}

/** The process that listens on a port, as the server itself says. */
export async function pidOf(port: number): Promise<number> {
  const client = connect(port);
  try {
    return processIn(await client.info('server'));
  } finally {
    client.disconnect();
  }
}

function processIn(info: string): number {
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}
