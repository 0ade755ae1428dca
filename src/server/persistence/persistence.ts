/*
 * What the rest of the server knows of persistence: loading at start, the log during a turn, saving.
 *
 * Saving in the background, rewriting the log and making an RDB for replicas are each one snapshot, and there is one at a
 * time. They are asked for by commands but begin at the end of the turn, when every effect of the turn is in the log:
 * only there the data set and the log say the same.
 */
import path from 'node:path';
import type { Config } from '../../config/directives.ts';
import { profileOf } from '../../config/profiles.ts';
import { CommandsWriter } from './aof-commands.ts';
import { AofFolder } from './aof-folder.ts';
import { AofLog } from './aof-log.ts';
import { type AofFile, ManifestFailure } from './aof-manifest.ts';
import { Arrival } from './arrival.ts';
import { AtomicFile, DiskFailure, makeFolder, tempOf, UnnamedFile, whyNot } from './disk.ts';
import { KeyPace } from './key-pace.ts';
import { LoadFailure } from './load-failure.ts';
import { type Breathe, type Loaded, type LoadOptions, loadAtStart, loadLogAtOnce } from './loader.ts';
import type { Answer, PersistenceOptions, SpoolRequest, StartOptions, Undurable } from './persistence-options.ts';
import { Progress } from './progress.ts';
import { type RdbSettings, rdbEncoder, SpooledRdb, saveRdbFile } from './rdb-file.ts';
import { keptByPolicy, type RdbInfo } from './rdb-writer.ts';
import { RewritePace } from './rewrite-pace.ts';
import { type SnapshotEncoder, writeKeyspace } from './snapshot-encoder.ts';
import { type Purpose, SnapshotJob } from './snapshot-job.ts';

const REWRITE_IS_ACTIVE =
  "Another child process is active (AOF?): can't BGSAVE right now. " +
  'Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.';

const DATA_REPLACED = 'It is being rewritten, because a full copy of a primary replaced the data set';
/** After a save that failed, the next one by itself. */
const SAVE_RETRY_MS = 5000;

export class Persistence {
  /** Unix seconds of the last good save, or of the start: LASTSAVE. How long ago that was is `#saved_ms`. */
  lastSave_s: number;
  /** Of the last save in the background, or a good SAVE since. */
  lastSaveOk = true;
  lastRewriteOk = true;
  saves = 0;
  rewrites = 0;
  readonly log: AofLog;
  readonly progress: Progress;
  readonly pace = new RewritePace();
  readonly #options: PersistenceOptions;
  readonly #folder: AofFolder;
  #dirtyAtSave = 0;
  #wantsSave = false;
  #wantsRewrite = false;
  #saved_ms: number;
  #saveTried_ms = 0;
  #spools: SpoolRequest[] = [];
  readonly #job: SnapshotJob;
  /** Where the RDB was saved to last, or was to be. */
  #rdbPath: string;

  constructor(options: PersistenceOptions) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#folder = new AofFolder(config, log);
    this.log = new AofLog({ ...options, folder: this.#folder, snapshotting: () => this.#job.purpose !== null });
    this.lastSave_s = Math.floor(clock.now_ms() / 1000);
    this.#saved_ms = clock.monotonic_ms();
    this.progress = new Progress(options);
    this.#job = new SnapshotJob(options, this.progress);
    this.#rdbPath = rdbPath(config);
  }

  /** Does the log want to hear what happens? True from the moment on in which it was turned on. */
  get active(): boolean {
    return this.log.enabled || (this.#wantsRewrite && this.#options.config.appendonly);
  }

  /** How values are written into files and payloads. */
  get form(): RdbSettings {
    const { config, switches } = this.#options;
    return {
      compression: config.rdbcompression,
      checksum: config.rdbchecksum,
      plainFrom: switches.plainFrom,
      version: profileOf(config).rdbVersion,
    };
  }

  get changesSinceSave(): number {
    return this.#options.keyspace.dirty - this.#dirtyAtSave;
  }

  /** What the snapshot under way is for; null when there is none. */
  get purpose(): Purpose | null {
    return this.#job.purpose;
  }

  get saveScheduled(): boolean {
    return this.#wantsSave;
  }

  get rewriteScheduled(): boolean {
    return this.#wantsRewrite;
  }

  /** Throws LoadFailure; its message is what the log should end with. */
  async load(options: StartOptions, breathe: Breathe): Promise<Loaded> {
    const { config, keyspace } = this.#options;
    const loaded = await loadAtStart(this.#loadOptions(options), this.progress.loads(breathe));
    if (config.appendonly) this.log.open(this.#baseKind(), (file) => this.writeBase(file));
    this.#dirtyAtSave = keyspace.dirty;
    this.progress.loaded(loaded);
    return loaded;
  }

  /**
   * Before `reload`: brings the log to the disk. Answers why the log cannot be loaded, and then nothing has changed; or null.
   */
  whyNoReload(): string | null {
    try {
      this.log.secure();
      this.#folder.read();
      if (this.#folder.files().length === 0) return 'there is no append only file';
    } catch (failure) {
      if (failure instanceof ManifestFailure || failure instanceof DiskFailure) return failure.message;
      throw failure;
    }
    return this.#folder.whyIncomplete();
  }

  /** DEBUG LOADAOF: what the log holds comes into an empty keyspace. A log that cannot be read ends the server. */
  reload(options: StartOptions): void {
    try {
      loadLogAtOnce(this.#loadOptions(options));
    } catch (failure) {
      if (failure instanceof LoadFailure) this.#options.fatal(failure.message);
      throw failure;
    }
  }

  /** Whole commands, in the order in which they took effect. */
  append(bytes: Buffer, off: number, len: number): void {
    this.log.append(bytes, off, len);
  }

  /** At the end of a turn, before replies leave. */
  flush(): void {
    this.log.flush();
    if (this.#job.purpose !== null) return;
    if (this.#spools.length > 0) this.#beginSpool();
    else if (this.#wantsRewrite) this.#beginRewrite();
    else if (this.#wantsSave) this.#beginSave();
  }

  /** What is due by itself is noted here and begins with the end of the turn, like all else. */
  cron(now_ms: number): void {
    const { config } = this.#options;
    if (config.appendonly && !this.log.enabled && this.pace.mayRetry(now_ms)) this.scheduleRewrite();
    if (this.#job.purpose === null && !this.#wantsSave && !this.#wantsRewrite) this.#askByItself(now_ms);
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
      saveRdbFile(keyspace, this.#ownRdb(), this.#info(false), { ...this.form, pace: this.#pace() });
    } catch (failure) {
      if (failure instanceof DiskFailure) log.warning(`Error saving DB on disk: ${failure.message}`);
      throw failure;
    }
    log.notice('DB saved on disk');
    this.#saved(keyspace.dirty);
  }

  /** After CONFIG SET dir or dbfilename: another server may have the file of before, once no save goes there any more. */
  rdbMoved(): void {
    if (this.#job.purpose === 'save') return;
    const { claims, config } = this.#options;
    const to = rdbPath(config);
    if (to !== this.#rdbPath) claims.moveOn(this.#rdbPath, to);
    this.#rdbPath = to;
  }

  /** All data was removed: with save points the RDB says so at once, and no save under way brings it back. True: it does. */
  saveCleared(): boolean {
    if (this.#job.purpose === 'save') this.#job.abort();
    this.rdbMoved();
    return this.#options.config.save.length > 0 && whyNot(() => this.save()) === null;
  }

  /** BGSAVE. `schedule`: also behind a rewrite that is under way. `inside` a transaction nothing begins before its end. */
  askForSave({ schedule, inside = false }: { schedule: boolean; inside?: boolean }): Answer {
    const purpose = this.#job.purpose;
    if (purpose === 'save' || purpose === 'replicas') return { refusal: 'Background save already in progress' };
    if (purpose === 'rewrite' && !schedule) return { refusal: REWRITE_IS_ACTIVE };
    this.#wantsSave = true;
    return { reply: purpose === null && !inside ? 'Background saving started' : 'Background saving scheduled' };
  }

  /** BGREWRITEAOF. */
  askForRewrite({ inside = false } = {}): Answer {
    if (this.purpose === 'rewrite') return { refusal: 'Background append only file rewriting already in progress' };
    const when = this.#job.purpose === null && !inside ? 'started' : 'scheduled';
    this.scheduleRewrite();
    return { reply: `Background append only file rewriting ${when}` };
  }

  /** A save in the background; begins when this turn ends, or when the snapshot under way is done. */
  scheduleSave(): void {
    this.#wantsSave = true;
  }

  /** Likewise a rewrite of the log. With appendonly no, it makes a base that is there when the log is turned on. */
  scheduleRewrite(): void {
    this.#wantsRewrite = true;
    this.pace.stopRetrying();
    this.#options.statusChanged();
  }

  /** Before a full copy of a primary: gets the RDB as it comes. Null when there is no log that it could become a part of. */
  beginArrival(): Arrival | null {
    return this.log.enabled || this.log.suspended ? new Arrival(() => this.#folder.newArrival()) : null;
  }

  /**
   * In the moment in which another data set took the place of ours: the log goes on from what arrived. Where that did not
   * reach the disk, the log is suspended until a rewrite has brought the new data set there.
   */
  dataReplaced(arrival: Arrival | null): void {
    const { config, log, forgetSelected } = this.#options;
    if (!config.appendonly) return arrival?.abandon();
    if (this.#job.purpose === 'rewrite') this.#job.abort();
    forgetSelected();
    if (arrival !== null) {
      const problem = whyNot(() => this.log.goOnFrom(this.#folder.nameArrival(arrival.finish())));
      if (problem === null) {
        this.#wantsRewrite = false;
        return;
      }
      log.warning(`The full copy could not become the base of the AOF: ${problem.message}`);
    }
    this.log.suspend(DATA_REPLACED);
    this.scheduleRewrite();
  }

  /** An RDB for a full resynchronisation. All that ask in one turn share it. */
  spool(request: SpoolRequest): void {
    this.#spools.push(request);
  }

  /** After CONFIG SET appendonly. Answers why the log cannot be turned on; null when it is, or off. */
  appendOnlyChanged(): string | null {
    if (this.#options.config.appendonly) return this.log.enabled ? null : this.#turnOn();
    this.#wantsRewrite = false;
    this.pace.stopRetrying();
    if (this.#job.purpose === 'rewrite') this.#job.abort();
    // Whoever turns it off wants no promise of it any more: a disk that is full is a reason to do so.
    const problem = whyNot(() => this.log.secure());
    if (problem !== null) this.#options.log.warning(`The end of the AOF is not on disk: ${problem.message}`);
    this.log.close();
    this.#options.claims.release(this.#folder.path);
    this.#options.statusChanged();
    return null;
  }

  /** Everything promised, and the RDB if wanted, is on disk when this returns. Throws DiskFailure, and all goes on. */
  secure({ save }: { save: boolean }): void {
    if (this.log.enabled) this.#options.log.notice('Calling fsync() on the AOF file.');
    this.log.secure();
    if (save) this.save();
  }

  /** The end: no timer is left, nor a file that is not complete. What is promised was secured before. */
  close(): void {
    this.#wantsRewrite = false;
    this.#wantsSave = false;
    this.pace.stopRetrying();
    this.#job.abort();
    this.log.close();
  }

  /** The data set as it is now, as the base of the log. */
  writeBase(file: AtomicFile): void {
    writeKeyspace(this.#options.keyspace, this.#baseEncoder(file), this.#pace());
  }

  /** What is there will be replaced, so it must be known: a log that lost its manifest is written over by nobody. */
  #turnOn(): string | null {
    try {
      this.#ownFolder();
      this.#folder.read();
    } catch (failure) {
      if (failure instanceof ManifestFailure || failure instanceof DiskFailure) return failure.message;
      throw failure;
    }
    const incomplete = this.#folder.whyIncomplete();
    if (incomplete === null) this.scheduleRewrite();
    return incomplete;
  }

  #ownFolder(): void {
    makeFolder(this.#folder.folder);
    this.#options.claims.hold(this.#folder.path);
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
    if (!this.log.enabled || !this.pace.mayRewrite(now_ms)) return;
    if (this.log.doubtful && this.log.failure === null) {
      log.notice('Starting rewriting of AOF, because an fsync of it failed');
      this.scheduleRewrite();
      return;
    }
    const percentage = config['auto-aof-rewrite-percentage'];
    if (percentage === 0 || this.log.size <= config['auto-aof-rewrite-min-size']) return;
    const growth = Math.floor((this.log.size * 100) / Math.max(1, this.log.baseSize)) - 100;
    if (growth < percentage) return;
    log.notice(`Starting automatic rewriting of AOF on ${growth}% growth`);
    this.scheduleRewrite();
  }

  #beginSave(): void {
    this.#saveTried_ms = this.#options.clock.monotonic_ms();
    const { keyspace, log } = this.#options;
    const dirty = keyspace.dirty;
    this.#wantsSave = false;
    this.#job.begin('save', {
      open: () => {
        const filePath = this.#ownRdb();
        const file = new AtomicFile(filePath, tempOf(filePath, 'bgsave'));
        return { file, encoder: rdbEncoder(file, keyspace, this.#info(false), this.form) };
      },
      ended: (failure) => {
        this.rdbMoved();
        if (failure !== null) {
          this.lastSaveOk = false;
          this.#options.statusChanged();
          return log.warning(`Background saving error: ${failure.message}`);
        }
        this.#saved(dirty);
        log.notice('DB saved on disk');
        log.notice('Background saving terminated with success');
      },
    });
  }

  #beginRewrite(): void {
    const { config, log, clock, forgetSelected } = this.#options;
    const logs = config.appendonly;
    let base: AofFile | null = null;
    this.#wantsRewrite = false;
    const abandon = (): void => {
      this.log.abandonRewrite();
      if (base !== null) this.#folder.release(base);
    };
    this.#job.begin('rewrite', {
      open: () => {
        if (logs) this.log.beginRewrite();
        else this.#requireKnown();
        forgetSelected();
        const fresh = this.#folder.newBase(this.#baseKind());
        base = fresh.base;
        return { file: fresh.file, encoder: this.#baseEncoder(fresh.file) };
      },
      aborted: abandon,
      ended: (failure) => {
        const problem =
          failure ??
          whyNot(() => (logs ? this.log.finishRewrite(base as AofFile) : this.#folder.adopt(base as AofFile, null)));
        this.lastRewriteOk = problem === null;
        if (problem === null) {
          this.rewrites++;
          this.pace.succeeded();
          log.notice('Background AOF rewrite terminated with success');
          log.notice('Background AOF rewrite finished successfully');
          return;
        }
        abandon();
        log.warning(`Background AOF rewrite failed: ${problem.message}`);
        this.#options.statusChanged();
        this.pace.failed(clock.monotonic_ms(), { hasLog: !logs || this.log.enabled });
      },
    });
  }

  /** BGREWRITEAOF without a log: its base takes the place of what is there. */
  #requireKnown(): void {
    this.#ownFolder();
    const incomplete = this.#folder.whyIncomplete();
    if (incomplete !== null) throw new DiskFailure('rewrite', this.#folder.folder, 'EEXIST', incomplete);
  }

  #beginSpool(): void {
    const { keyspace, config, log } = this.#options;
    const requests = this.#spools;
    let made: { readonly file: UnnamedFile; readonly encoder: SnapshotEncoder };
    this.#spools = [];
    log.notice('Starting BGSAVE for SYNC with target: disk');
    this.#job.begin('replicas', {
      open: () => {
        const file = new UnnamedFile(config.dir);
        made = { file, encoder: rdbEncoder(file, keyspace, this.#info(false), this.form) };
        for (const { begun } of requests) begun();
        return made;
      },
      ended: (failure) => {
        if (failure === null) log.notice('Background saving terminated with success');
        else log.warning(`Background saving error, for replicas: ${failure.message}`);
        const spooled = failure === null ? new SpooledRdb(made.file, made.encoder.keys) : null;
        for (const { done } of requests) done(spooled);
      },
    });
  }

  #saved(dirty: number): void {
    this.lastSave_s = Math.floor(this.#options.clock.now_ms() / 1000);
    this.#saved_ms = this.#options.clock.monotonic_ms();
    this.lastSaveOk = true;
    this.saves++;
    this.#dirtyAtSave = dirty;
    this.#options.statusChanged();
  }

  #loadOptions(options: StartOptions): LoadOptions {
    return { ...options, ...this.#options, aof: this.#folder };
  }

  #baseEncoder(file: AtomicFile): SnapshotEncoder {
    const { keyspace, clock, config, functions } = this.#options;
    if (config['aof-use-rdb-preamble']) return rdbEncoder(file, keyspace, this.#info(true), this.form);
    const now_s = config['aof-timestamp-enabled'] ? Math.floor(clock.now_ms() / 1000) : null;
    return new CommandsWriter((buf, off, len) => file.write(buf, off, len), { functions: functions(), now_s });
  }

  #baseKind(): 'rdb' | 'aof' {
    return this.#options.config['aof-use-rdb-preamble'] ? 'rdb' : 'aof';
  }

  /** Throws DiskFailure when another server saves there. */
  #ownRdb(): string {
    const filePath = rdbPath(this.#options.config);
    this.#options.claims.hold(filePath);
    return filePath;
  }

  #pace(): KeyPace {
    return new KeyPace('rdb-key-save-delay', this.#options);
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
      profile: profileOf(config),
    };
  }
}

export function rdbPath({ dir, dbfilename }: Pick<Config, 'dir' | 'dbfilename'>): string {
  return path.join(dir, dbfilename);
}
