/*
 * What the server does about its data before it accepts clients. With appendonly yes the append only file is the truth,
 * and the RDB is not even looked at; otherwise the RDB is loaded, if there is one.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbFailure } from '../rdb/format.ts';
import type { AofFolder } from './aof-folder.ts';
import { type AofLoadContext, type RunCommand, replayFile } from './aof-loader.ts';
import { ManifestFailure } from './aof-manifest.ts';
import { DiskFailure, FileReader, fileExists } from './disk.ts';
import { LoadFailure } from './load-failure.ts';
import { type LoadConfig, LoadPieces } from './load-pieces.ts';
import { RdbReader } from './rdb-reader.ts';
import type { TestSwitches } from './test-switches.ts';

export interface LoadOptions {
  readonly config: LoadConfig & Pick<Config, 'appendonly' | 'dir' | 'dbfilename' | 'aof-load-truncated'>;
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly log: Logger;
  readonly switches: Pick<TestSwitches, 'skipsChecksums'>;
  readonly aof: AofFolder;
  /** A replica keeps keys whose time is over. */
  readonly isReplica: boolean;
  readonly run: RunCommand;
  /** Takes the source of a function library; null without a script engine. */
  readonly loadFunction: ((source: Buffer) => void) | null;
}

/** Lets other things run between two pieces, for that long at least; told how much is loaded, for INFO. */
export type Breathe = (progress: { bytes: number; totalBytes: number; wait_ms: number }) => Promise<void>;

export interface Loaded {
  readonly from: 'aof' | 'rdb' | 'nothing';
  /** Of the RDB: repl-id, repl-offset and so on. */
  readonly aux: ReadonlyMap<string, string>;
  readonly keysLoaded: number;
  readonly keysExpired: number;
}

const NOTHING: Loaded = { from: 'nothing', aux: new Map(), keysLoaded: 0, keysExpired: 0 };

/** What is being loaded, and how far it is. */
interface Load extends LoadOptions {
  readonly pieces: LoadPieces;
  totalBytes: number;
}

/** Throws LoadFailure, whatever was wrong. */
export async function loadAtStart(options: LoadOptions, breathe: Breathe): Promise<Loaded> {
  const load: Load = { ...options, pieces: new LoadPieces(options), totalBytes: 0 };
  const steps = loadInSteps(load);
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await pause(load, breathe);
    }
  } finally {
    steps.return(NOTHING);
  }
}

async function pause({ pieces, totalBytes }: Load, breathe: Breathe): Promise<void> {
  let wait_ms: number;
  do {
    wait_ms = pieces.wait_ms();
    await breathe({ bytes: pieces.bytes, totalBytes, wait_ms });
  } while (wait_ms > 0);
}

/** The log, whether it is in use or not, while nobody is served. */
export function loadLogAtOnce(options: LoadOptions): Loaded {
  const pieces = new LoadPieces(options);
  const steps = loadInSteps({ ...options, pieces, totalBytes: 0 }, loadAof);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    pieces.standStill();
  }
}

/** Yields where others have to be served. */
function* loadInSteps(load: Load, loadFrom = load.config.appendonly ? loadAof : loadRdb): Generator<void, Loaded> {
  // What commands meet is what they met when they were logged: nothing dies meanwhile.
  load.keyspace.applying = true;
  try {
    load.aof.read();
    return yield* loadFrom(load);
  } catch (failure) {
    throw asLoadFailure(failure);
  } finally {
    load.keyspace.applying = false;
  }
}

function* loadRdb(load: Load): Generator<void, Loaded> {
  const { config, keyspace, log, clock, isReplica, pieces } = load;
  const filePath = path.join(config.dir, config.dbfilename);
  if (!fileExists(filePath)) return NOTHING;
  const started_ms = clock.monotonic_ms();
  const now_ms = clock.now_ms();
  const skipsChecksum = load.switches.skipsChecksums;
  const rdb = new RdbReader({
    source: filePath,
    keyspace,
    log,
    now_ms,
    dropExpired: !isReplica,
    skipsChecksum,
  });
  const file = new FileReader(filePath);
  load.totalBytes = file.size;
  try {
    for (;;) {
      const piece = pieces.read(file);
      if (piece.length === 0) rdb.finish();
      const done = pieces.feed(rdb, piece);
      if (pieces.isDue) yield;
      if (done) break;
    }
  } finally {
    file.close();
  }
  takeFunctions(rdb, load);
  log.notice(`DB loaded from disk: ${seconds(clock, started_ms)} seconds`);
  return { from: 'rdb', aux: rdb.aux, keysLoaded: rdb.keysLoaded, keysExpired: rdb.keysExpired };
}

function* loadAof(load: Load): Generator<void, Loaded> {
  const { config, keyspace, log, clock, run, pieces, switches, aof: folder } = load;
  folder.upgradeOld();
  const incomplete = folder.whyIncomplete();
  if (incomplete !== null) throw new LoadFailure(folder.folder, -1, incomplete);
  const files = folder.files();
  load.totalBytes = folder.sizes().total;
  if (files.length === 0) warnOfUnreadRdb(load);
  if (files.length === 0 || load.totalBytes === 0) return NOTHING;
  const started_ms = clock.monotonic_ms();
  let keysLoaded = 0;
  const context: AofLoadContext = {
    switches,
    keyspace,
    log,
    run,
    pieces,
    now_ms: clock.now_ms(),
    truncatedAllowed: config['aof-load-truncated'],
  };
  for (const file of files) {
    const fileStarted_ms = clock.monotonic_ms();
    const isLast = file === files.at(-1);
    const { rdb } = yield* replayFile(folder.pathOf(file), { name: file.name, isLast }, context);
    if (rdb !== null) {
      takeFunctions(rdb, load);
      keysLoaded += rdb.keysLoaded;
    }
    const kind = file.type === 'b' ? 'base' : 'incr';
    log.notice(`DB loaded from ${kind} file ${file.name}: ${seconds(clock, fileStarted_ms)} seconds`);
  }
  log.notice(`DB loaded from append only file: ${seconds(clock, started_ms)} seconds`);
  // The data of an AOF says nothing about a replication stream: aux fields of its base do not count.
  return { from: 'aof', aux: new Map(), keysLoaded, keysExpired: 0 };
}

/** As in Redis the log alone counts, also the first time, when there is none; here that is no surprise. */
function warnOfUnreadRdb({ config, log }: Load): void {
  const filePath = path.join(config.dir, config.dbfilename);
  if (!fileExists(filePath)) return;
  log.warning(
    `There is no append only file yet, and with appendonly yes nothing else is loaded: not ${filePath} either. To go on ` +
      'with the data in it, stop this server before it saves, start it with appendonly no, then CONFIG SET appendonly yes.',
  );
}

function takeFunctions(rdb: RdbReader, { loadFunction, log }: LoadOptions): void {
  if (rdb.functions.length === 0) return;
  if (loadFunction === null) {
    log.warning(`${rdb.functions.length} function libraries were not loaded: this server cannot run them yet`);
    return;
  }
  for (const source of rdb.functions) loadFunction(source);
}

function asLoadFailure(failure: unknown): unknown {
  if (failure instanceof RdbFailure) {
    return new LoadFailure(failure.source, failure.offset, `Fatal error loading the DB, ${failure.message}`, failure);
  }
  if (failure instanceof DiskFailure) {
    return new LoadFailure(failure.path, -1, `Fatal error loading the DB, ${failure.message}`, failure);
  }
  if (failure instanceof ManifestFailure) {
    return new LoadFailure(failure.path, failure.offset, failure.message, failure);
  }
  return failure;
}

function seconds(clock: Clock, since_ms: number): string {
  return ((clock.monotonic_ms() - since_ms) / 1000).toFixed(3);
}
