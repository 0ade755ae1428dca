/*
 * The append only file while the server runs: commands are gathered during a turn and written once, at its end, before
 * any reply leaves.
 *
 *   always    written and on disk when `flush` returns; a failure ends the process, because replies may promise no less
 *   everysec  written when `flush` returns, on disk within about a second (fdatasync in the thread pool)
 *   no        written when `flush` returns, on disk when the system likes
 *
 * When writing fails otherwise, the batch stays here, `failure` says why and the server refuses writes with it, and every
 * further `flush` tries again: so nothing is lost, and only what no client asks for (the stream of a primary, dead keys)
 * is added to the batch. The cron has to call `flush` as well, or a quiet second would leave the last writes without their
 * fdatasync.
 *
 * A log is *suspended* when what it would go on with no longer follows from what is in its files: more had to wait than
 * memory may be spent on, or the data set became another one. Its files then stay the last whole state that there was,
 * and `failure` stands, until a rewrite has brought the data set of a later moment under new names.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { AofFolder } from './aof-folder.ts';
import type { AofFile } from './aof-manifest.ts';
import { AppendFile, type AtomicFile, abandonQuietly, DiskFailure } from './disk.ts';
import { standStill } from './key-pace.ts';
import type { TestSwitches } from './test-switches.ts';

/** Read at every flush: CONFIG SET changes it in place. */
export type AofConfig = Pick<Config, 'appendfsync' | 'no-appendfsync-on-rewrite' | 'aof-timestamp-enabled'>;

export interface AofLogOptions {
  readonly folder: AofFolder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: AofConfig;
  readonly switches: Pick<TestSwitches, 'flushSleep_ms'>;
  /** Ends the server: with appendfsync always a promise could not be kept. */
  readonly fatal: (reason: string) => never;
  /** `failure` or `enabled` has changed. */
  readonly statusChanged: () => void;
  /** Is a snapshot being written, for whatever purpose? */
  readonly snapshotting: () => boolean;
}

const BATCH_BYTES = 64 * 1024;
/** A batch buffer that one huge command made longer than this is not kept. */
const BATCH_KEPT_BYTES = 4 * 1024 * 1024;
/** What may wait for a disk that takes nothing. Clients are refused meanwhile, but a primary's stream goes on. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const SYNC_INTERVAL_MS = 1000;
const COMPLAINT_INTERVAL_MS = 30_000;

export class AofLog {
  /** Bytes of base and increments, and of the base when it was written: what triggers a rewrite. */
  size = 0;
  baseSize = 0;
  /** Counted for INFO: flushes whose fdatasync could not start because the one before was not done. */
  delayedSyncs = 0;
  /**
   * An fdatasync failed. The system may have dropped the pages that it could not write, so one that succeeds later proves
   * nothing about them: only a rewrite does.
   */
  doubtful = false;
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
  #suspended: string | null = null;
  /** A promise of appendfsync always was broken: `fatal` was told, and nothing is tried any more. */
  #broken: DiskFailure | null = null;
  /** What was told to `statusChanged`. */
  #told = '';
  #complained_ms = Number.NEGATIVE_INFINITY;

  constructor(options: AofLogOptions) {
    this.#options = options;
  }

  get enabled(): boolean {
    return this.#file !== null;
  }

  /** Why writes have to be refused, in the words of strerror(3); null when all is well. */
  get failure(): string | null {
    return (this.#writeFailure ?? this.#syncFailure)?.reason ?? this.#suspended;
  }

  get suspended(): boolean {
    return this.#suspended !== null;
  }

  /** What is logged follows a base that is still being written: the log is worth nothing until then. */
  get lacksBase(): boolean {
    const current = this.#current;
    return current !== null && !this.#options.folder.manifest.incr.some(({ name }) => name === current.name);
  }

  /** Bytes gathered and not written yet. */
  get batchBytes(): number {
    return this.#filled;
  }

  /** Is an fdatasync under way in the thread pool? */
  get syncing(): boolean {
    return this.#syncing;
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
      current = folder.manifest.base === null ? this.#writeFirstFiles(kind, writeBase) : folder.addIncrement();
      log.notice(`Creating AOF incr file ${current.name} on server start`);
    }
    folder.collect();
    this.#switchTo(current);
    this.measure();
    this.#tell();
  }

  /** What was promised is on disk when this returns. Throws DiskFailure, and the log goes on as before. */
  secure(): void {
    const file = this.#file;
    if (this.#suspended !== null) throw new DiskFailure('write', this.#options.folder.folder, 'EIO', this.#suspended);
    if (this.#broken !== null) throw this.#broken;
    if (file === null) return;
    if (this.#filled > 0) this.#write(file);
    if (this.#writeFailure !== null) throw this.#writeFailure;
    file.syncNow();
    this.#unsynced = false;
  }

  /** The log ends here. What is not on disk then is not promised any more: `secure` comes first where it is. */
  close(): void {
    this.#suspended = null;
    this.#drop();
    this.#tell();
  }

  /** What follows does not belong behind what the files hold. `why` stands as the failure until a rewrite is done. */
  suspend(why: string): void {
    if (this.#file === null && this.#suspended === null) return;
    this.#suspended = why;
    this.#drop();
    this.#tell();
  }

  /** A whole data set took the place of all that was logged: the base, complete and on disk, is where the log goes on. */
  goOnFrom(base: AofFile): void {
    const increment = this.#options.folder.goOnFrom(base);
    this.doubtful = false;
    this.#suspended = null;
    this.#filled = 0;
    this.#switchTo(increment);
    this.measure();
    this.#tell();
  }

  /** Adds bytes of whole commands, RESP as they stand in the file; the first ones of a file begin with a SELECT. */
  append(buf: Buffer, off: number, len: number): void {
    if (this.#file === null) return;
    if (this.#writeFailure !== null && this.#filled + len > WAITING_BYTES_MAX) {
      this.#options.log.warning('Too much waits to be written to the AOF: it is rewritten when there is room again.');
      return this.suspend(this.#writeFailure.reason);
    }
    if (this.#options.config['aof-timestamp-enabled']) this.#stamp();
    this.#gather(buf, off, len);
  }

  /** Once per turn, before replies, and from the cron. */
  flush(): void {
    const file = this.#file;
    if (file === null || this.#broken !== null) return;
    if (this.#filled > 0) this.#write(file);
    if (this.#unsynced) this.#sync(file);
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
    this.#tell();
  }

  /** The base is complete and on disk under its name. */
  finishRewrite(base: AofFile): void {
    if (this.#current === null)
      throw new DiskFailure('write', base.name, 'EIO', this.#suspended ?? 'The log was closed');
    this.#options.folder.adopt(base, this.#current);
    this.doubtful = false;
    this.#suspended = null;
    this.measure();
    this.#tell();
  }

  /** Base and increments stay what they are; a log that was just turned on is off again. */
  abandonRewrite(): void {
    const current = this.#current;
    if (current === null || !this.lacksBase) return;
    this.#drop();
    this.#options.folder.release(current);
    this.#tell();
  }

  /** Deletes what is history, unless it is to be kept. Throws DiskFailure. */
  collectHistory(): void {
    this.#options.folder.collect();
  }

  measure(): void {
    const { base, total } = this.#options.folder.sizes();
    this.baseSize = base;
    this.size = total;
  }

  /** Answers the increment. */
  #writeFirstFiles(kind: 'rdb' | 'aof', writeBase: (file: AtomicFile) => void): AofFile {
    const { folder, log } = this.#options;
    const { base, file } = folder.newBase(kind);
    try {
      writeBase(file);
      file.place();
    } catch (failure) {
      abandonQuietly(file);
      throw failure;
    }
    const increment = folder.goOnFrom(base);
    log.notice(`Creating AOF base file ${base.name} on server start`);
    return increment;
  }

  #write(file: AppendFile): void {
    const { flushSleep_ms } = this.#options.switches;
    if (flushSleep_ms > 0) standStill(flushSleep_ms);
    const before = file.size;
    try {
      file.write(this.#batch, 0, this.#filled);
      this.#unsynced = true;
      this.#filled = 0;
      if (this.#batch.length > BATCH_KEPT_BYTES) this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
      if (this.#writeFailure !== null) {
        this.#writeFailure = null;
        this.#options.log.warning('AOF write error looks solved, the server can write again.');
        this.#tell();
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
    this.#batch.copyWithin(0, kept, this.#filled);
    this.#filled -= kept;
    this.#writeFailure = failure;
    if (config.appendfsync === 'always') {
      this.#broken = failure;
      fatal(`Can't recover from AOF write error when the AOF fsync policy is 'always': ${failure.message}. Exiting...`);
    }
    this.#complain(`Error writing to the AOF file: ${failure.message}`);
    this.#tell();
  }

  #sync(file: AppendFile): void {
    const { config } = this.#options;
    if (config['no-appendfsync-on-rewrite'] && this.#options.snapshotting()) return;
    if (config.appendfsync === 'always') this.#syncNow(file);
    else if (config.appendfsync === 'everysec') this.#syncLater(file);
    else if (this.#syncFailure !== null) {
      // It was another policy whose promise was broken: this one has none.
      this.#syncFailure = null;
      this.#tell();
    }
  }

  #syncNow(file: AppendFile): void {
    try {
      file.syncNow();
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.#broken = failure;
      this.#options.fatal(
        `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${failure.message}. Exiting...`,
      );
    }
    this.#unsynced = false;
    this.#syncFailure = null;
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
      this.#syncFailure = failure;
      this.#tell();
      if (failure === null) return;
      this.#unsynced = true;
      this.doubtful = true;
      this.#complain(`AOF fsync failed: ${failure.message}`);
    });
  }

  #tell(): void {
    const status = `${this.enabled} ${this.failure}`;
    if (status === this.#told) return;
    this.#told = status;
    this.#options.statusChanged();
  }

  #drop(): void {
    this.#file?.close();
    this.#file = null;
    this.#current = null;
    this.#filled = 0;
    this.#unsynced = false;
    this.#writeFailure = null;
    this.#syncFailure = null;
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
