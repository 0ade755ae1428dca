/*
 * What the rest of the server knows of persistence: loading at start, the log during a turn, saving.
 *
 * Saving in the background, rewriting the log and making an RDB for replicas are each one snapshot, and there is one at a
 * time. They are asked for by commands but begin at the end of the turn, when every effect of the turn is in the log:
 * only there the data set and the log say the same.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { CommandsWriter } from './aof-commands.ts';
import { AofFolder } from './aof-folder.ts';
import { AofLog } from './aof-log.ts';
import type { AofFile } from './aof-manifest.ts';
import { AtomicFile, DiskFailure } from './disk.ts';
import { type Loaded, type LoadOptions, loadAtStart } from './loader.ts';
import { type RdbSettings, rdbEncoder, SpooledRdb, saveRdbFile } from './rdb-file.ts';
import { keptByPolicy, type RdbInfo, type ReplicationPoint } from './rdb-writer.ts';
import { Snapshot } from './snapshot.ts';
import { type SnapshotEncoder, writeKeyspace } from './snapshot-encoder.ts';

export interface PersistenceOptions {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly log: Logger;
  readonly usedBytes: () => number;
  /** Where the stream stands; null when a restart could not continue it anyway. */
  readonly replication: () => ReplicationPoint | null;
  readonly functions: () => readonly Buffer[];
  /** A new log file begins: its first effect needs a SELECT before it. */
  readonly forgetSelected: () => void;
  /** Ends the server: what appendfsync always promises cannot be kept. */
  readonly fatal: (reason: string) => never;
  /** The answer of `active` or of `whyNotDurable` may be another one from now on. */
  readonly statusChanged: () => void;
}

/** Why no write may be accepted. `reason` is in the words of strerror(3). */
export type Undurable = { readonly file: 'rdb' } | { readonly file: 'aof'; readonly reason: string };

type StartOptions = Pick<LoadOptions, 'isReplica' | 'run' | 'loadFunction' | 'breathe'>;

type Purpose = 'save' | 'rewrite' | 'replicas';

/** Gets the RDB, made at the moment in which `begun` was called; or null when it could not be made. */
export interface SpoolRequest {
  readonly begun: () => void;
  readonly done: (rdb: SpooledRdb | null) => void;
}

/** What BGSAVE and BGREWRITEAOF answer: a status, or an error behind its "ERR ". */
export type Answer = { readonly reply: string } | { readonly refusal: string };

const REWRITE_IS_ACTIVE =
  "Another child process is active (AOF?): can't BGSAVE right now. " +
  'Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.';

interface Opened {
  readonly file: AtomicFile;
  readonly encoder: SnapshotEncoder;
}

/** A rewrite that failed while the log was being turned on is tried again after this. */
const RETRY_MS = 60_000;
/** After a save that failed, the next one by itself. */
const SAVE_RETRY_MS = 5000;
const REWRITE_FAILURES_FREE = 3;

export class Persistence {
  /** Unix seconds of the last good save, or of the start: LASTSAVE. */
  /** As a date, for those who ask; how long ago that was is `#saved_ms`. */
  lastSave_s: number;
  /** Of the last save in the background, or a good SAVE since. */
  lastSaveOk = true;
  lastRewriteOk = true;
  saves = 0;
  rewrites = 0;
  readonly log: AofLog;
  readonly #options: PersistenceOptions;
  readonly #folder: AofFolder;
  #dirtyAtSave = 0;
  #wantsSave = false;
  #wantsRewrite = false;
  #retry_ms = Number.POSITIVE_INFINITY;
  #saved_ms: number;
  #saveTried_ms = 0;
  #rewriteFailures = 0;
  #rewriteNotBefore_ms = 0;
  #spools: SpoolRequest[] = [];
  #job: { readonly purpose: Purpose; readonly snapshot: Snapshot } | null = null;

  constructor(options: PersistenceOptions) {
    const { config, clock, log, fatal, statusChanged } = options;
    this.#options = options;
    this.#folder = new AofFolder(config, log);
    this.log = new AofLog({ folder: this.#folder, clock, log, config, fatal, statusChanged });
    this.lastSave_s = Math.floor(clock.now_ms() / 1000);
    this.#saved_ms = clock.monotonic_ms();
  }

  /** Does the log want to hear what happens? True from the moment on in which it was turned on. */
  get active(): boolean {
    return this.log.enabled || (this.#wantsRewrite && this.#options.config.appendonly);
  }

  get changesSinceSave(): number {
    return this.#options.keyspace.dirty - this.#dirtyAtSave;
  }

  /** What the snapshot under way is for; null when there is none. */
  get purpose(): Purpose | null {
    return this.#job?.purpose ?? null;
  }

  get saveScheduled(): boolean {
    return this.#wantsSave;
  }

  get rewriteScheduled(): boolean {
    return this.#wantsRewrite;
  }

  /** Throws LoadFailure; its message is what the log should end with. */
  async load(options: StartOptions): Promise<Loaded> {
    const { config, keyspace, clock, log } = this.#options;
    const loaded = await loadAtStart({
      ...options,
      keyspace,
      clock,
      log,
      aof: this.#folder,
      appendonly: config.appendonly,
      dir: config.dir,
      dbfilename: config.dbfilename,
      truncatedAllowed: config['aof-load-truncated'],
      intsetMax: config['set-max-intset-entries'],
    });
    if (config.appendonly) this.log.open(this.#baseKind(), (file) => this.writeBase(file));
    this.#dirtyAtSave = keyspace.dirty;
    return loaded;
  }

  /** Whole commands, in the order in which they took effect. */
  append(bytes: Buffer, length: number): void {
    this.log.append(bytes, 0, length);
  }

  /** At the end of a turn, before replies leave. */
  flush(): void {
    this.log.flush();
    if (this.#job !== null) return;
    if (this.#spools.length > 0) this.#beginSpool();
    else if (this.#wantsRewrite) this.#beginRewrite();
    else if (this.#wantsSave) this.#beginSave();
  }

  /** What is due by itself is noted here and begins with the end of the turn, like all else. */
  cron(now_ms: number): void {
    const { config } = this.#options;
    if (now_ms >= this.#retry_ms) {
      this.#retry_ms = Number.POSITIVE_INFINITY;
      this.#wantsRewrite = config.appendonly && !this.log.enabled;
      this.#options.statusChanged();
    }
    if (this.#job === null && !this.#wantsSave && !this.#wantsRewrite) this.#askByItself(now_ms);
    this.log.flush();
  }

  /** Why no write may be accepted now; null when all is well. */
  whyNotDurable(): Undurable | null {
    const { config } = this.#options;
    if (!this.lastSaveOk && config['stop-writes-on-bgsave-error'] && config.save.length > 0) return { file: 'rdb' };
    const reason = this.log.failure;
    return reason === null ? null : { file: 'aof', reason };
  }

  /** SAVE: now, and nothing else meanwhile. Throws DiskFailure; the old file then is as it was. */
  save(): void {
    const { keyspace, log } = this.#options;
    try {
      saveRdbFile(keyspace, this.#rdbPath(), this.#info(false), this.#settings());
    } catch (failure) {
      if (failure instanceof DiskFailure) log.warning(`Error saving DB on disk: ${failure.message}`);
      throw failure;
    }
    log.notice('DB saved on disk');
    this.#saved(keyspace.dirty);
  }

  /** BGSAVE. `schedule`: also behind a rewrite that is under way. */
  askForSave({ schedule }: { schedule: boolean }): Answer {
    const purpose = this.#job?.purpose;
    if (purpose === 'save' || purpose === 'replicas') return { refusal: 'Background save already in progress' };
    if (purpose === 'rewrite' && !schedule) return { refusal: REWRITE_IS_ACTIVE };
    this.#wantsSave = true;
    return { reply: purpose === undefined ? 'Background saving started' : 'Background saving scheduled' };
  }

  /** BGREWRITEAOF. */
  askForRewrite(): Answer {
    const purpose = this.#job?.purpose;
    if (purpose === 'rewrite') return { refusal: 'Background append only file rewriting already in progress' };
    this.#wantsRewrite = true;
    return { reply: `Background append only file rewriting ${purpose === undefined ? 'started' : 'scheduled'}` };
  }

  /** A save in the background; begins when this turn ends, or when the snapshot under way is done. */
  scheduleSave(): void {
    this.#wantsSave = true;
  }

  /** Likewise a rewrite of the log. With appendonly no, it makes a base that is there when the log is turned on. */
  scheduleRewrite(): void {
    this.#wantsRewrite = true;
  }

  /** An RDB for a full resynchronisation. All that ask in one turn share it. */
  spool(request: SpoolRequest): void {
    this.#spools.push(request);
  }

  /** After CONFIG SET appendonly. Throws DiskFailure when turning off could not keep what was promised. */
  appendOnlyChanged(): void {
    if (this.#options.config.appendonly) {
      this.#wantsRewrite = !this.log.enabled;
    } else {
      this.#wantsRewrite = false;
      this.#retry_ms = Number.POSITIVE_INFINITY;
      if (this.#job?.purpose === 'rewrite') this.#abort();
      this.log.close();
    }
    this.#options.statusChanged();
  }

  /** Everything promised is on disk when this returns, and no timer is left. Throws DiskFailure. */
  close({ save }: { save: boolean }): void {
    this.#wantsRewrite = false;
    this.#wantsSave = false;
    this.#retry_ms = Number.POSITIVE_INFINITY;
    this.#abort();
    if (this.log.enabled) this.#options.log.notice('Calling fsync() on the AOF file.');
    this.log.close();
    if (save) this.save();
  }

  /** The data set as it is now, as the base of the log. */
  writeBase(file: AtomicFile): void {
    writeKeyspace(this.#options.keyspace, this.#baseEncoder(file));
  }

  #askByItself(now_ms: number): void {
    const { config, log } = this.#options;
    const changes = this.changesSinceSave;
    const passed_s = (now_ms - this.#saved_ms) / 1000;
    const point = config.save.find((each) => changes >= each.changes && passed_s > each.seconds);
    if (point !== undefined && (this.lastSaveOk || now_ms > this.#saveTried_ms + SAVE_RETRY_MS)) {
      log.notice(`${point.changes} changes in ${point.seconds} seconds. Saving...`);
      this.#wantsSave = true;
      return;
    }
    if (!this.log.enabled || now_ms < this.#rewriteNotBefore_ms) return;
    const percentage = config['auto-aof-rewrite-percentage'];
    if (percentage === 0 || this.log.size <= config['auto-aof-rewrite-min-size']) return;
    const growth = Math.floor((this.log.size * 100) / Math.max(1, this.log.baseSize)) - 100;
    if (growth < percentage) return;
    log.notice(`Starting automatic rewriting of AOF on ${growth}% growth`);
    this.#wantsRewrite = true;
  }

  /** After the third failure in a row, those that begin by themselves wait 1, 2, 4 … 60 minutes. */
  #noteRewrite(succeeded: boolean): void {
    this.lastRewriteOk = succeeded;
    this.#rewriteFailures = succeeded ? 0 : this.#rewriteFailures + 1;
    const minutes = Math.min(60, 2 ** (this.#rewriteFailures - REWRITE_FAILURES_FREE));
    const waits = this.#rewriteFailures >= REWRITE_FAILURES_FREE;
    this.#rewriteNotBefore_ms = waits ? this.#options.clock.monotonic_ms() + minutes * 60_000 : 0;
  }

  #beginSave(): void {
    this.#saveTried_ms = this.#options.clock.monotonic_ms();
    const { keyspace, log } = this.#options;
    const dirty = keyspace.dirty;
    const filePath = this.#rdbPath();
    this.#wantsSave = false;
    this.#begin('save', {
      open: () => {
        const file = new AtomicFile(filePath, path.join(path.dirname(filePath), `temp-bg-${process.pid}.rdb`));
        return { file, encoder: rdbEncoder(file, keyspace, this.#info(false), this.#settings()) };
      },
      ended: (failure) => {
        if (failure !== null) {
          this.lastSaveOk = false;
          this.#options.statusChanged();
          return log.warning(`Background saving error: ${failure.message}`);
        }
        this.#saved(dirty);
        log.notice('Background saving terminated with success');
      },
    });
  }

  #beginRewrite(): void {
    const { config, log, clock, forgetSelected } = this.#options;
    const logs = config.appendonly;
    let base: AofFile;
    this.#wantsRewrite = false;
    this.#begin('rewrite', {
      open: () => {
        if (logs) this.log.beginRewrite();
        forgetSelected();
        const fresh = this.#folder.newBase(this.#baseKind());
        base = fresh.base;
        return { file: fresh.file, encoder: this.#baseEncoder(fresh.file) };
      },
      ended: (failure) => {
        const problem = failure ?? whyNot(() => (logs ? this.log.finishRewrite(base) : this.#folder.adopt(base, null)));
        this.#noteRewrite(problem === null);
        if (problem === null) {
          this.rewrites++;
          log.notice('Background AOF rewrite finished successfully');
          return;
        }
        this.log.abandonRewrite();
        log.warning(`Background AOF rewrite failed: ${problem.message}`);
        if (logs && !this.log.enabled) this.#retry_ms = clock.monotonic_ms() + RETRY_MS;
      },
    });
  }

  #beginSpool(): void {
    const { keyspace, config, log } = this.#options;
    const requests = this.#spools;
    const filePath = path.join(config.dir, `temp-repl-${process.pid}-${keyspace.epoch}-${keyspace.version}.rdb`);
    let made: Opened;
    this.#spools = [];
    this.#begin('replicas', {
      open: () => {
        const file = new AtomicFile(filePath);
        made = { file, encoder: rdbEncoder(file, keyspace, this.#info(false), this.#settings()) };
        for (const { begun } of requests) begun();
        return made;
      },
      ended: (failure) => {
        if (failure !== null) log.warning(`Background RDB for replicas failed: ${failure.message}`);
        const saved = failure === null ? { bytes: made.file.written, keys: made.encoder.keys } : null;
        for (const { done } of requests) done(saved === null ? null : new SpooledRdb(filePath, saved));
      },
    });
  }

  /** `ended` is called in any case but an abort, also when it cannot even begin. */
  #begin(
    purpose: Purpose,
    { open, ended }: { open: () => Opened; ended: (failure: DiskFailure | null) => void },
  ): void {
    const { keyspace, clock, log, config } = this.#options;
    const problem = whyNot(() => {
      const { file, encoder } = open();
      const done = (failure: DiskFailure | null): void => {
        this.#job = null;
        ended(failure);
      };
      const syncs = config['rdb-save-incremental-fsync'];
      this.#job = { purpose, snapshot: new Snapshot({ keyspace, clock, file, encoder, syncs, done }) };
      log.notice(`Background ${purpose === 'rewrite' ? 'append only file rewriting' : 'saving'} started`);
    });
    if (problem !== null) ended(problem);
  }

  #abort(): void {
    const job = this.#job;
    if (job === null) return;
    this.#job = null;
    job.snapshot.abort();
    if (job.purpose === 'rewrite') this.log.abandonRewrite();
  }

  #saved(dirty: number): void {
    this.lastSave_s = Math.floor(this.#options.clock.now_ms() / 1000);
    this.#saved_ms = this.#options.clock.monotonic_ms();
    this.lastSaveOk = true;
    this.saves++;
    this.#dirtyAtSave = dirty;
    this.#options.statusChanged();
  }

  #baseEncoder(file: AtomicFile): SnapshotEncoder {
    const { keyspace, clock, config, functions } = this.#options;
    if (config['aof-use-rdb-preamble']) return rdbEncoder(file, keyspace, this.#info(true), this.#settings());
    const now_s = config['aof-timestamp-enabled'] ? Math.floor(clock.now_ms() / 1000) : null;
    return new CommandsWriter((buf, off, len) => file.write(buf, off, len), { functions: functions(), now_s });
  }

  #baseKind(): 'rdb' | 'aof' {
    return this.#options.config['aof-use-rdb-preamble'] ? 'rdb' : 'aof';
  }

  #rdbPath(): string {
    const { dir, dbfilename } = this.#options.config;
    return path.join(dir, dbfilename);
  }

  #settings(): RdbSettings {
    const { config } = this.#options;
    return { compression: config.rdbcompression, checksum: config.rdbchecksum };
  }

  #info(aofBase: boolean): RdbInfo {
    const { clock, config, usedBytes, replication, functions } = this.#options;
    return {
      now_ms: clock.now_ms(),
      usedBytes: usedBytes(),
      replication: aofBase ? null : replication(),
      aofBase,
      functions: functions(),
      keeps: keptByPolicy(config['maxmemory-policy']),
    };
  }
}

function whyNot(work: () => void): DiskFailure | null {
  try {
    work();
    return null;
  } catch (failure) {
    if (failure instanceof DiskFailure) return failure;
    throw failure;
  }
}
