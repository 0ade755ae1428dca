/*
 * One process per nodes.conf. Redis takes flock(2) on the file, which the kernel releases when the process dies. Node
 * has no flock, so this is a file beside it, `<path>.lock`, that says who holds it: process id and, because ids are
 * used again (in a container every server is process 1), the time that process was started.
 *
 * A lock whose process is gone is taken over: its file is first renamed away, which only one contender can do, and then
 * looked at once more. What it does not protect from: processes on two machines that share the folder over a network
 * (they cannot see each other's ids), and a redis-server in the same folder (it looks at flock alone).
 */
import { createExclusively, DiskFailure, readSmallFile, remove, rename } from './disk.ts';

/** Two takeovers in a row lost to others: somebody is alive and quicker. */
const ATTEMPTS_MAX = 3;
const LOCK_FILE_BYTES_MAX = 4096;

export interface Lock {
  readonly path: string;
  release(): void;
}

/** Null when another living process holds it. */
export function takeLock(filePath: string): Lock | null {
  const path = `${filePath}.lock`;
  const mine = identity(process.pid);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (createExclusively(path, Buffer.from(mine))) return { path, release: () => release(path, mine) };
    const theirs = readLock(path);
    if (theirs === null) continue; // Released in this moment.
    if (isAlive(theirs)) return null;
    takeAway(path, theirs);
  }
  return null;
}

function release(path: string, mine: string): void {
  if (readLock(path) === mine) remove(path);
}

function takeAway(path: string, stale: string): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    rename(path, aside);
  } catch (failure) {
    if (failure instanceof DiskFailure && failure.code === 'ENOENT') return; // Another contender was first.
    throw failure;
  }
  // Between reading and renaming, another contender may have put its own lock here: it gets it back.
  const moved = readLock(aside);
  if (moved !== null && moved !== stale) createExclusively(path, Buffer.from(moved));
  remove(aside);
}

function readLock(path: string): string | null {
  try {
    return readSmallFile(path, LOCK_FILE_BYTES_MAX).toString('latin1');
  } catch (failure) {
    if (failure instanceof DiskFailure && failure.code === 'ENOENT') return null;
    throw failure;
  }
}

function isAlive(holder: string): boolean {
  const pid = Number(holder.split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false; // Not ours, or emptied by a crash of the file system.
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return identity(pid) === holder;
}

/** Process id and start time in clock ticks since boot; without /proc the id alone has to do. */
function identity(pid: number): string {
  try {
    const stat = readSmallFile(`/proc/${pid}/stat`, LOCK_FILE_BYTES_MAX).toString('latin1');
    // The program's name, in parentheses, may hold spaces; the start time is the 20th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Killed and not yet collected by its parent: it holds nothing any more.
    if (fields[0] === 'Z' || fields[0] === 'X') return `${pid} ended`;
    return `${pid} ${fields[19] ?? ''}`;
  } catch {
    return `${pid} `;
  }
}
