/*
 * The fault point of disk.ts: below a folder, the operating system seems to fail as it does on a full or a broken disk.
 * For tests of what the server does then, which cannot fill or break the disk they run on. Faults are known by their
 * folder, so that servers of one process have their own; while there is none, a system call costs one look more.
 */

export interface Fault {
  /** Bytes that can still be written. Changed from outside as well: more room is what ends a full disk. */
  room: number;
  /** fsync and fdatasync fail. */
  syncFails: boolean;
  /** A file cannot be cut back either. */
  truncateFails: boolean;
}

class Faults {
  readonly #below = new Map<string, Fault>();

  at(filePath: string): Fault | null {
    if (this.#below.size === 0) return null;
    for (const [folder, fault] of this.#below) if (filePath.startsWith(folder)) return fault;
    return null;
  }

  set(folder: string, fault: Fault): void {
    this.#below.set(folder, fault);
  }

  lift(folder: string): void {
    this.#below.delete(folder);
  }
}

/** The file system is the same for all servers of a process, and so are its faults. */
const faults = new Faults();

/** From now on files below `folder` live on a disk of their own, whose faults are set in the answer. */
export function injectFault(folder: string): Fault {
  const fault: Fault = { room: Number.POSITIVE_INFINITY, syncFails: false, truncateFails: false };
  faults.set(folder, fault);
  return fault;
}

export function liftFault(folder: string): void {
  faults.lift(folder);
}

/** How many of `bytes` a write may take: fewer on a disk that is nearly full, none on one that is full. */
export function roomFor(filePath: string, bytes: number): number {
  const fault = faults.at(filePath);
  if (fault === null) return bytes;
  const taken = Math.min(bytes, fault.room);
  fault.room -= taken;
  return taken;
}

export function syncFails(filePath: string): boolean {
  return faults.at(filePath)?.syncFails ?? false;
}

export function truncateFails(filePath: string): boolean {
  return faults.at(filePath)?.truncateFails ?? false;
}
