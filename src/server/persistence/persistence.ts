/*
 * What the rest of the server knows of persistence: loading at start, the log during a turn, saving.
 *
 * Saving in the background and rewriting the log are asked for by commands, but done at the end of the turn, when every
 * effect of the turn is in the log: only there the data set and the log say the same. They take as long as the data is
 * big, and nothing else runs meanwhile; a walk in slices is to replace `#saveNow` and `#rewriteNow`, behind the same door.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { writeCommands } from './aof-commands.ts';
import { AofFolder } from './aof-folder.ts';
import { AofLog } from './aof-log.ts';
import { type AtomicFile, DiskFailure } from './disk.ts';
import { type Loaded, type LoadOptions, loadAtStart } from './loader.ts';
import { RdbOutput } from './rdb-output.ts';
import {
  keptByPolicy,
  type RdbInfo,
  RdbWriter,
  type ReplicationPoint,
  saveRdbFile,
  writeKeyspace,
} from './rdb-writer.ts';

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
}

type StartOptions = Pick<LoadOptions, 'isReplica' | 'run' | 'loadFunction' | 'breathe'>;

export class Persistence {
  /** Unix seconds of the last good save, or of the start: LASTSAVE. */
  lastSave_s: number;
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

  constructor(options: PersistenceOptions) {
    const { config, clock, log, fatal } = options;
    this.#options = options;
    this.#folder = new AofFolder(config, log);
    this.log = new AofLog({ folder: this.#folder, clock, log, config, fatal });
    this.lastSave_s = Math.floor(clock.now_ms() / 1000);
  }

  /** Does the log want to hear what happens? True from the moment on in which it was turned on. */
  get active(): boolean {
    return this.log.enabled || (this.#wantsRewrite && this.#options.config.appendonly);
  }

  get changesSinceSave(): number {
    return this.#options.keyspace.dirty - this.#dirtyAtSave;
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
    if (this.#wantsRewrite) this.#rewriteNow();
    if (this.#wantsSave) this.#saveNow();
  }

  cron(_now_ms: number): void {
    this.flush();
  }

  /** Why no write may be accepted now, in the words of the operating system; null when all is well. */
  whyNotDurable(): string | null {
    return this.log.failure;
  }

  /** SAVE. Throws DiskFailure; the old file then is as it was. */
  save(): void {
    const { config, keyspace, clock, log } = this.#options;
    try {
      const saved = saveRdbFile(
        keyspace,
        path.join(config.dir, config.dbfilename),
        this.#info(false),
        this.#settings(),
      );
      log.notice(`DB saved on disk: ${saved.keys} keys, ${saved.bytes} bytes`);
    } catch (failure) {
      this.lastSaveOk = false;
      if (failure instanceof DiskFailure) log.warning(`Error saving DB on disk: ${failure.message}`);
      throw failure;
    }
    this.lastSave_s = Math.floor(clock.now_ms() / 1000);
    this.lastSaveOk = true;
    this.saves++;
    this.#dirtyAtSave = keyspace.dirty;
  }

  /** BGSAVE. */
  scheduleSave(): void {
    this.#wantsSave = true;
  }

  /** BGREWRITEAOF; does nothing but a base, when appendonly is off. */
  scheduleRewrite(): void {
    this.#wantsRewrite = true;
  }

  /** After CONFIG SET appendonly. Turning on writes the whole data set, at the end of this turn. */
  appendOnlyChanged(): void {
    if (this.#options.config.appendonly) this.#wantsRewrite = !this.log.enabled;
    else this.#turnOff();
  }

  /** An RDB of the data as it is now, for replicas. */
  info(): RdbInfo {
    return this.#info(false);
  }

  /** Everything promised is on disk when this returns. Throws DiskFailure. */
  close({ save }: { save: boolean }): void {
    this.#wantsRewrite = false;
    this.#wantsSave = false;
    if (this.log.enabled) this.#options.log.notice('Calling fsync() on the AOF file.');
    this.log.close();
    if (save) this.save();
  }

  #saveNow(): void {
    this.#wantsSave = false;
    try {
      this.save();
    } catch (failure) {
      // It is in the log, and in INFO; the client was told long ago that it would be tried.
      if (!(failure instanceof DiskFailure)) throw failure;
    }
  }

  #rewriteNow(): void {
    const { config, log } = this.#options;
    this.#wantsRewrite = false;
    const write = (file: AtomicFile) => this.writeBase(file);
    try {
      if (this.log.enabled) {
        this.log.beginRewrite();
        this.log.finishRewrite(this.#baseKind(), write);
      } else if (config.appendonly) {
        this.log.enable(this.#baseKind(), write);
      } else {
        this.#folder.adoptBase(this.#baseKind(), write, { inUse: false });
      }
      this.lastRewriteOk = true;
      this.rewrites++;
      log.notice('Background AOF rewrite finished successfully');
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.log.abandonRewrite();
      this.lastRewriteOk = false;
      log.warning(`Background AOF rewrite failed: ${failure.message}`);
    }
    this.#options.forgetSelected();
  }

  #turnOff(): void {
    this.#wantsRewrite = false;
    this.log.close();
  }

  /** The data set as it is now, as the base of the log. */
  writeBase(file: AtomicFile): void {
    const { keyspace, clock, config } = this.#options;
    if (!config['aof-use-rdb-preamble']) {
      const now_s = config['aof-timestamp-enabled'] ? Math.floor(clock.now_ms() / 1000) : null;
      writeCommands(keyspace, (buf, off, len) => file.write(buf, off, len), {
        functions: this.#options.functions(),
        now_s,
      });
      return;
    }
    const sink = (buf: Buffer, off: number, len: number) => file.write(buf, off, len);
    writeKeyspace(keyspace, new RdbWriter(new RdbOutput({ ...this.#settings(), sink }), this.#info(true)));
  }

  #baseKind(): 'rdb' | 'aof' {
    return this.#options.config['aof-use-rdb-preamble'] ? 'rdb' : 'aof';
  }

  #settings() {
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
