/*
 * A disk that can be filled up and given room again while a server runs on it. A tmpfs of its own where this user may mount
 * one; elsewhere the limit on the size of files that the system keeps for every process, which also lets a write through by
 * halves and then refuses it.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './processes.ts';

export interface SmallDisk {
  readonly kind: 'tmpfs' | 'limit';
  readonly dir: string;
  /** Leaves so many bytes to this process. */
  fill(pid: number, leaving: number): void;
  free(pid: number): void;
}

export function smallDisk(): SmallDisk {
  const dir = temporaryFolder();
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', dir]).status === 0 ? tmpfs(dir) : limit(dir);
}

function tmpfs(dir: string): SmallDisk {
  onTestFinished(() => void spawnSync('umount', ['--lazy', dir]));
  const filler = join(dir, 'filler');
  const free = (): void => rmSync(filler, { force: true });
  return {
    kind: 'tmpfs',
    dir,
    free,
    fill(_pid, leaving) {
      free();
      const { bavail, bsize } = statfsSync(dir);
      const fd = openSync(filler, 'w');
      const block = Buffer.alloc(bsize);
      try {
        for (let left = bavail - Math.ceil(leaving / bsize); left > 0; left--) writeSync(fd, block);
      } catch (error) {
        // Servers write meanwhile, and may take the last blocks.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(fd);
      }
    },
  };
}

function limit(dir: string): SmallDisk {
  const set = (pid: number, bytes: number | 'unlimited'): void => {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
    if (status !== 0) throw new Error(`prlimit: ${stderr}`);
  };
  return {
    kind: 'limit',
    dir,
    free: (pid) => set(pid, 'unlimited'),
    fill: (pid, leaving) => set(pid, sizeOfIncrement(dir) + leaving),
  };
}

function sizeOfIncrement(dir: string): number {
  const folder = join(dir, 'appendonlydir');
  const sizes = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => statSync(join(folder, name)).size);
  return Math.max(0, ...sizes);
}
