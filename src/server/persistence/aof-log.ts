/*
 * The append only file while the server runs: commands are gathered during a turn and written once, at its end, before
 * any reply leaves.
 *
 *   always    written and on disk when `flush` returns; a failure ends the process, because replies may promise no less
 *   everysec  written when `flush` returns, on disk within about a second (fdatasync in the thread pool)
 *   no        written when `flush` returns, on disk when the system likes
 *
 * When writing fails otherwise, the batch stays here, `failure` says why and the server refuses writes with it, and every
 * further `flush` tries again: so nothing is lost and the batch does not grow. The cron has to call `flush` as well, or a
 * quiet second would leave the last writes without their fdatasync.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { AofFolder } from './aof-folder.ts';
import type { AofFile } from './aof-manifest.ts';
import { AppendFile, type AtomicFile, abandonQuietly, DiskFailure, remove } from './disk.ts';

/** Read at every flush: CONFIG SET changes it in place. */
export type AofConfig = Pick<Config, 'appendfsync' | 'no-appendfsync-on-rewrite' | 'aof-timestamp-enabled'>;

export interface AofLogOptions {
  readonly folder: AofFolder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: AofConfig;
  /** Ends the server: with appendfsync always a promise could not be kept. */
  readonly fatal: (reason: string) => never;
  /** `enabled` or `failure` answers something else from now on. */
  readonly statusChanged: () => void;
}

const BATCH_BYTES = 64 * 1024;
/** A batch buffer that one huge command made longer than this is not kept. */
const BATCH_KEPT_BYTES = 4 * 1024 * 1024;
const SYNC_INTERVAL_MS = 1000;
const COMPLAINT_INTERVAL_MS = 30_000;

export class AofLog {
  /** Bytes of base and increments, and of the base when it was written: what triggers a rewrite. */
  size = 0;
  baseSize = 0;
  rewriting = false;
  /** Counted for INFO: flushes whose fdatasync could not start because the one before was not done. */
  delayedSyncs = 0;
  readonly #options: AofLogOptions;
  #file: AppendFile | null = null;
  #current: AofFile | null = null;
  #batch: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #filled = 0;
  #stamped_s = 0;
  #syncing = false;
  #unsynced = false;
  #synced_ms = 0;
  #writeFailure: DiskFailure | null = null;
  #syncFailure: DiskFailure | null = null;
  #complained_ms = Number.NEGATIVE_INFINITY;

  constructor(options: AofLogOptions) {
    this.#options = options;
  }

  get enabled(): boolean {
    return this.#file !== null;
  }

  /** Why writes have to be refused, in the words of strerror(3); null when all is well. */
  get failure(): string | null {
    return (this.#writeFailure ?? this.#syncFailure)?.reason ?? null;
  }

  /** Is a write or an fdatasync still owed? */
  get pending(): boolean {
    return this.#filled > 0 || this.#unsynced || this.#syncing;
  }

  /** Goes on behind what was loaded at start-up; the first of its files are made when there are none. */
  open(kind: 'rdb' | 'aof', writeBase: (file: AtomicFile) => void): void {
    const { folder, log } = this.#options;
    let current = folder.manifest.incr.at(-1);
    if (current !== undefined) {
      log.notice(`Opening AOF incr file ${current.name} on server start`);
    } else {
      if (folder.manifest.base === null) this.#writeFirstBase(kind, writeBase);
      current = folder.addIncrement();
      log.notice(`Creating AOF incr file ${current.name} on server start`);
    }
    folder.collect();
    this.#switchTo(current);
    this.measure();
  }

  /** CONFIG SET appendonly no, and shutdown: what was promised is on disk when this returns. */
  close(): void {
    const file = this.#file;
    if (file === null) return;
    this.#write(file);
    if (this.#writeFailure !== null) throw this.#writeFailure;
    file.syncNow();
    this.#drop();
  }

  /** Adds bytes of whole commands, RESP as they stand in the file; the first ones of a file begin with a SELECT. */
  append(buf: Buffer, off: number, len: number): void {
    if (this.#file === null) return;
    if (this.#options.config['aof-timestamp-enabled']) this.#stamp();
    this.#gather(buf, off, len);
  }

  /** Once per turn, before replies, and from the cron. */
  flush(): void {
    const file = this.#file;
    if (file === null) return;
    if (this.#filled > 0) this.#write(file);
    if (!this.#unsynced) return;
    const { config } = this.#options;
    if (config['no-appendfsync-on-rewrite'] && this.rewriting) return;
    if (config.appendfsync === 'always') this.#syncNow(file);
    else if (config.appendfsync === 'everysec') this.#syncLater(file);
  }

  /** From here on commands go into a new increment; what is in memory now has to become the new base. */
  beginRewrite(): void {
    const file = this.#file;
    if (file === null) {
      // Turned on: the first increment counts as soon as there is a base before it.
      this.#filled = 0;
      this.#switchTo(this.#options.folder.prepareIncrement());
    } else {
      this.#write(file);
      if (this.#writeFailure !== null) throw this.#writeFailure;
      // Commands of the old increment must not be younger on disk than those of the new one.
      file.syncNow();
      this.#switchTo(this.#options.folder.addIncrement());
    }
    this.rewriting = true;
  }

  /** The base is complete and on disk under its name. */
  finishRewrite(base: AofFile): void {
    this.rewriting = false;
    this.#options.folder.adopt(base, this.#current);
    this.measure();
  }

  /** Base and increments stay what they are; a log that was just turned on is off again. */
  abandonRewrite(): void {
    this.rewriting = false;
    const { folder } = this.#options;
    const current = this.#current;
    if (current === null || folder.manifest.incr.some(({ name }) => name === current.name)) return;
    this.#drop();
    remove(folder.pathOf(current));
  }

  measure(): void {
    const { base, total } = this.#options.folder.sizes();
    this.baseSize = base;
    this.size = total;
  }

  #writeFirstBase(kind: 'rdb' | 'aof', writeBase: (file: AtomicFile) => void): void {
    const { folder, log } = this.#options;
    const { base, file } = folder.newBase(kind);
    try {
      writeBase(file);
      file.commit();
    } catch (failure) {
      abandonQuietly(file);
      throw failure;
    }
    folder.adopt(base, null);
    log.notice(`Creating AOF base file ${base.name} on server start`);
  }

  #write(file: AppendFile): void {
    const before = file.size;
    try {
      file.write(this.#batch, 0, this.#filled);
      this.#unsynced = true;
      this.#filled = 0;
      if (this.#batch.length > BATCH_KEPT_BYTES) this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
      if (this.#writeFailure !== null) {
        this.#note(null, this.#syncFailure);
        this.#options.log.warning('AOF write error looks solved, the server can write again.');
      }
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.#writeFailed(failure, file.size - before);
    } finally {
      this.size += file.size - before;
    }
  }

  /** `kept` bytes could not be taken back out of the file: they are in it, so they leave the batch. */
  #writeFailed(failure: DiskFailure, kept: number): void {
    const { config, fatal } = this.#options;
    if (config.appendfsync === 'always') {
      fatal(`Can't recover from AOF write error when the AOF fsync policy is 'always': ${failure.message}. Exiting...`);
    }
    this.#batch.copyWithin(0, kept, this.#filled);
    this.#filled -= kept;
    this.#note(failure, this.#syncFailure);
    this.#complain(`Error writing to the AOF file: ${failure.message}`);
  }

  #syncNow(file: AppendFile): void {
    try {
      file.syncNow();
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.#options.fatal(
        `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${failure.message}. Exiting...`,
      );
    }
    this.#unsynced = false;
    this.#note(this.#writeFailure, null);
    this.#synced_ms = this.#options.clock.monotonic_ms();
  }

  #syncLater(file: AppendFile): void {
    const now_ms = this.#options.clock.monotonic_ms();
    if (now_ms - this.#synced_ms < SYNC_INTERVAL_MS) return;
    this.#synced_ms = now_ms;
    if (this.#syncing) {
      this.delayedSyncs++;
      return;
    }
    this.#syncing = true;
    // What is written from here on is not covered by this one.
    this.#unsynced = false;
    file.syncLater((failure) => {
      this.#syncing = false;
      if (file !== this.#file) return;
      this.#note(this.#writeFailure, failure);
      if (failure === null) return;
      this.#unsynced = true;
      this.#complain(`AOF fsync failed: ${failure.message}`);
    });
  }

  #drop(): void {
    this.#file?.close();
    this.#file = null;
    this.#current = null;
    this.#filled = 0;
    this.#unsynced = false;
    this.#writeFailure = null;
    this.#syncFailure = null;
    this.#options.statusChanged();
  }

  #switchTo(file: AofFile): void {
    const next = new AppendFile(this.#options.folder.pathOf(file));
    this.#file?.close();
    this.#file = next;
    this.#current = file;
    this.#stamped_s = 0;
    this.#unsynced = false;
    this.#writeFailure = null;
    this.#syncFailure = null;
    this.#options.statusChanged();
  }

  #note(write: DiskFailure | null, sync: DiskFailure | null): void {
    const before = this.failure;
    this.#writeFailure = write;
    this.#syncFailure = sync;
    if (this.failure !== before) this.#options.statusChanged();
  }

  #stamp(): void {
    const now_s = Math.floor(this.#options.clock.now_ms() / 1000);
    if (now_s <= this.#stamped_s) return;
    this.#stamped_s = now_s;
    const line = Buffer.from(`#TS:${now_s}\r\n`, 'latin1');
    this.#gather(line, 0, line.length);
  }

  #gather(buf: Buffer, off: number, len: number): void {
    if (this.#filled + len > this.#batch.length) this.#growBatch(len);
    buf.copy(this.#batch, this.#filled, off, off + len);
    this.#filled += len;
  }

  #growBatch(len: number): void {
    const wider = Buffer.allocUnsafeSlow(Math.max(this.#batch.length * 2, this.#filled + len));
    this.#batch.copy(wider, 0, 0, this.#filled);
    this.#batch = wider;
  }

  #complain(text: string): void {
    const now_ms = this.#options.clock.monotonic_ms();
    if (now_ms - this.#complained_ms < COMPLAINT_INTERVAL_MS) return;
    this.#complained_ms = now_ms;
    this.#options.log.warning(text);
  }
}
