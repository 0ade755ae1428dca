/*
 * The files of one server, and of no other: what it writes, it has locked before. At start that is what its configuration
 * says it will write; a file that is asked for later (a SAVE without save points, another dbfilename) is locked then. A
 * lock is released when the configuration names another file. Whoever holds the lock of a file knows that nobody is
 * writing the temporary files that become it: those that are there were left by a process that is gone.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { DiskFailure, listFiles, remove } from './disk.ts';
import { type FileLock, holderOf, lockFile } from './file-lock.ts';

/** A process that was killed holds its locks until its memory is gone: that long its successor waits. */
const WAIT_MS = 1000;
const LOOK_INTERVAL_MS = 20;

/** As disk.ts names them (`tempOf`). */
const TEMP = /^temp-[a-z0-9]+-(.+)$/;

/** A file that another server uses; the message says which, and what to do. */
export class InUse extends DiskFailure {
  constructor(filePath: string) {
    super('lock', filePath, 'EBUSY', `Already used by another server${holderOf(filePath)}`);
    this.name = 'InUse';
    this.message =
      `${filePath} is already used by another server${holderOf(filePath)}. Stop that one, or give this one a folder (dir) ` +
      'or file names of its own';
  }
}

export class Claims {
  readonly #locks = new Set<FileLock>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws DiskFailure; InUse when somebody else has it, and does not end soon. */
  async await(filePath: string): Promise<void> {
    const until_ms = this.#clock.monotonic_ms() + WAIT_MS;
    while (!this.#take(filePath)) {
      if (this.#clock.monotonic_ms() > until_ms) throw new InUse(filePath);
      await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, LOOK_INTERVAL_MS));
    }
  }

  /** Throws likewise, at once. */
  hold(filePath: string): void {
    if (!this.#take(filePath)) throw new InUse(filePath);
  }

  /** From now on `to` is written instead of `from`, which is free for others. `to` is not held yet. */
  moveOn(from: string, to: string): void {
    for (const lock of this.#locks) {
      // By another path it may be the same file.
      if (lock.guards(from) && !lock.guards(to)) this.#drop(lock);
    }
  }

  /** It is not written any more. */
  release(filePath: string): void {
    for (const lock of this.#locks) if (lock.guards(filePath)) this.#drop(lock);
  }

  releaseAll(): void {
    for (const lock of this.#locks) lock.release();
    this.#locks.clear();
  }

  #drop(lock: FileLock): void {
    lock.release();
    this.#locks.delete(lock);
  }

  #take(filePath: string): boolean {
    for (const held of this.#locks) if (held.guards(filePath)) return true;
    const lock = lockFile(filePath);
    if (lock === null) return false;
    this.#locks.add(lock);
    removeLeftovers(filePath);
    return true;
  }
}

function removeLeftovers(filePath: string): void {
  const folder = path.dirname(filePath);
  const name = path.basename(filePath);
  for (const file of listFiles(folder).keys()) {
    if (TEMP.exec(file)?.[1] === name) remove(path.join(folder, file));
  }
}
