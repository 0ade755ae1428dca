/*
 * The two servers that a benchmark compares, started the same way: no persistence, own folder, own port.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export type Kind = 'rkv' | 'redis';
export const KINDS: readonly Kind[] = ['redis', 'rkv'];

const ROOT = new URL('..', import.meta.url).pathname;
const READY_WITHIN_MS = 10_000;

export interface BenchServer {
  kind: Kind;
  port: number;
  pid: number;
  child: ChildProcess;
  stop(): Promise<void>;
}

export function hasRedis(): boolean {
  return (
    spawnSync('redis-server', ['--version']).status === 0 && spawnSync('redis-benchmark', ['--version']).status === 0
  );
}

export async function start(
  kind: Kind,
  port: number,
  options: { preload?: string; args?: string[] } = {},
): Promise<BenchServer> {
  const dir = mkdtempSync(join(tmpdir(), `bench-${kind}-`));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...(options.args ?? [])];
  const preload = options.preload === undefined ? [] : ['--import', options.preload];
  const [command, argv] =
    kind === 'redis'
      ? ['redis-server', args]
      : [process.execPath, [...preload, join(ROOT, 'bin/rkv-server.js'), ...args]];
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout!.setEncoding('utf8');
  child.stdout!.on('data', () => {});
  await answers(port);
  return {
    kind,
    port,
    pid: child.pid!,
    child,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // Nothing is worth saving, and a primary that is asked to end waits for its replicas.
      child.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Resolves when a PING is answered. */
export async function answers(port: number): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    if (await pings(port)) return;
    await wait(2);
  }
  throw new Error(`no server answered on port ${port} within ${READY_WITHIN_MS} ms`);
}

function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', () => finish(true));
    socket.on('error', () => finish(false));
  });
}

/** Nanoseconds that the server's main thread has been on a CPU. */
export function mainThreadCpu_ns(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]);
}

export function residentBytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/);
  return Number(line?.[1] ?? 0) * 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
