/*
 * One server for one file. The lock is the kernel's, so it ends with the process that holds it, however that ends, and it
 * holds between containers that share a folder, whatever process ids they count by, and between machines that share one
 * by NFS. Node has no call for such locks (flock, fcntl); SQLite, which is a part of Node, takes one to begin an exclusive
 * transaction. So the lock of a file is the transaction of an empty database beside it, `<file>.lock`, that is never
 * written to (docs/decisions/0023).
 *
 * Such a lock ends also when its process opens and closes the file by other means: nobody here may.
 */
import type { DatabaseSync } from 'node:sqlite';
import { pathOf } from '../../base/byte-text.ts';
import { createEmpty, DiskFailure, identityOf, readSmallFile, remove } from './disk.ts';

/** A file that is replaced between two looks, again and again: somebody is alive and quicker. */
const ATTEMPTS_MAX = 5;
const SQLITE_BUSY = 5;
const SQLITE_NOT_A_DATABASE = 26;
const LOCKS_BYTES_MAX = 16 * 1024 * 1024;

/** Held until it is released, or nobody knows it any more. */
export interface FileLock {
  /** Is it the lock of that file? By another path it may be, and no longer by its own where a folder was replaced. */
  guards(filePath: string): boolean;
  release(): void;
}

/** Null when somebody else holds it. Throws DiskFailure when there can be no lock here. */
export function lockFile(filePath: string): FileLock | null {
  const path = `${filePath}.lock`;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    createEmpty(path);
    const file = identityOf(path);
    const database = openDatabase(path);
    const failure = begin(database);
    if (failure === null && file !== null && identityOf(path) === file) {
      return {
        guards: (other) => identityOf(`${other}.lock`) === file,
        release: () => release(path, file, database),
      };
    }
    database.close();
    if (failure === SQLITE_BUSY) return null;
    if (failure === SQLITE_NOT_A_DATABASE)
      remove(path); // Nothing of ours: versions before locked otherwise.
    else if (failure !== null) throw new DiskFailure('lock', path, 'ENOLCK', `No locks available (SQLite ${failure})`);
    // Otherwise its last holder removed it between our looks.
  }
  return null;
}

/** Who holds the lock, as far as the system tells: an addition to a sentence, or ''. */
export function holderOf(filePath: string): string {
  try {
    const inode = identityOf(`${filePath}.lock`)?.split(':')[1];
    const lines = readSmallFile('/proc/locks', LOCKS_BYTES_MAX).toString('latin1').split('\n');
    const held = lines.map((line) => line.split(/\s+/)).find((words) => words[5]?.split(':')[2] === inode);
    const pid = Number(held?.[4] ?? 0);
    if (pid === process.pid) return ', of this process';
    return pid > 0 ? `, process ${pid}` : '';
  } catch {
    return '';
  }
}

/** Removed while it is still held: whoever has it open already sees that it was replaced. Another's is not ours to remove. */
function release(path: string, file: string, database: DatabaseSync): void {
  try {
    if (identityOf(path) === file) remove(path);
  } catch {
    // It stays, and means nothing without its holder.
  }
  database.close();
}

function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = sqlite();
  try {
    return new DatabaseSync(pathOf(path), { timeout: 0 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_TYPE') throw error;
    throw new DiskFailure('lock', path, 'EINVAL', 'Node before 22.15 cannot lock a file whose name is not UTF-8');
  }
}

/** The number of the error, or null when the transaction has begun. */
function begin(database: DatabaseSync): number | null {
  try {
    // Without a journal on disk: nothing is ever written that it could take back.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return null;
  } catch (error) {
    return (error as { errcode?: number }).errcode ?? -1;
  }
}

/** Older versions of Node warn whoever loads it that SQL may change: no word of it is spoken here. */
function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
