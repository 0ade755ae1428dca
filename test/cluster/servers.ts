/*
 * Real servers for the tests of this folder. Ports lie below the range of outgoing connections, bus ports too; each file
 * has its own, because files run at the same time.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { type ClusterSpec, DEFAULT_SPEC } from '../../src/cluster/spec/spec.ts';

export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** Engines that can be started here: those of the matrix that every process test runs on. */
export const engines: readonly string[] = ['bundled', ...(hasRedisServer ? ['redis'] : [])];

/** Generous: the machine may be busy with other tests. */
export const TIMEOUT_MS = 25_000;

/** A home of its own; when the test ends, whatever still runs in it is killed and the folder is removed. */
export function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'rkv-home-'));
  onTestFinished(async () => {
    const pids = pidsUnder(home);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    // The next test wants the same ports.
    await vi.waitUntil(() => pids.every(isCorpse), { timeout: 10_000, interval: 5 });
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  return home;
}

export function specOf(change: Partial<ClusterSpec>): ClusterSpec {
  return { ...DEFAULT_SPEC, ...change };
}

/** Processes that run in the folder, or below it: what a test left running. */
export function pidsUnder(home: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && `${folderOf(pid)}/`.startsWith(`${home}/`) && !isCorpse(pid));
}

/** Asks a server as any user would. */
export function redisCli(port: number, ...args: string[]): string {
  return execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' }).trim();
}

/** A server shows its folder in its working directory; redis-server overwrites its arguments. */
function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** Dead, and all of its threads with it: until then it may hold its ports. */
function isCorpse(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' && Number(fields[17]) <= 1;
  } catch {
    return true;
  }
}
