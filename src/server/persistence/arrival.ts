/*
 * The data set of our primary on its way to the disk, beside its way into memory. When it is whole, its file becomes the
 * base of the append only file, in the same moment in which it becomes our data set; until then the folder describes what
 * we had before. So there is no time in which a crash would bring back neither of the two.
 *
 * It is a service to the log, and not a condition of the copy: a disk that does not take it spoils the arrival and nothing
 * else. The log is then suspended until a rewrite has done the same (persistence.ts).
 */
import { type AtomicFile, abandonQuietly, DiskFailure } from './disk.ts';

/** Forced to disk so often, or the end would have to wait for all of it. */
const SYNC_BYTES = 4 * 1024 * 1024;

export class Arrival {
  #file: AtomicFile | null = null;
  #failure: DiskFailure | null = null;
  #syncing = false;
  #synced = 0;

  constructor(open: () => AtomicFile) {
    this.#guard(() => {
      this.#file = open();
    });
  }

  /** Bytes of the RDB, as they come. */
  write(bytes: Buffer): void {
    this.#guard(() => this.#file?.write(bytes));
    this.#sync();
  }

  /** The rest will not come. */
  abandon(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) abandonQuietly(file);
  }

  /** The file, with all that came in it and not yet under a name. Throws the DiskFailure that spoiled it. */
  finish(): AtomicFile {
    const file = this.#file;
    if (file === null) throw this.#failure ?? new Error('an arrival was asked for after its end');
    this.#file = null;
    return file;
  }

  #sync(): void {
    const file = this.#file;
    if (file === null || this.#syncing || file.written - this.#synced < SYNC_BYTES) return;
    this.#syncing = true;
    this.#synced = file.written;
    file.syncLater((failure) => {
      this.#syncing = false;
      if (failure !== null) this.#spoil(failure);
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.#spoil(failure);
    }
  }

  #spoil(failure: DiskFailure): void {
    this.#failure ??= failure;
    this.abandon();
  }
}
