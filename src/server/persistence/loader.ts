/*
 * What the server does about its data before it accepts clients. With appendonly yes the append only file is the truth,
 * and the RDB is not even looked at; otherwise the RDB is loaded, if there is one.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { AofFolder } from './aof-folder.ts';
import { type RunCommand, replayFile } from './aof-loader.ts';
import { ManifestFailure } from './aof-manifest.ts';
import { DiskFailure, FileReader, fileExists } from './disk.ts';
import { LoadFailure } from './load-failure.ts';
import { RdbFailure } from './rdb-format.ts';
import { RdbReader } from './rdb-reader.ts';

export interface LoadOptions {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly log: Logger;
  readonly aof: AofFolder;
  readonly appendonly: boolean;
  readonly dir: string;
  readonly dbfilename: string;
  readonly truncatedAllowed: boolean;
  /** set-max-intset-entries */
  readonly intsetMax: number;
  /** A replica keeps keys whose time is over. */
  readonly isReplica: boolean;
  readonly run: RunCommand;
  /** Takes the source of a function library; null without a script engine. */
  readonly loadFunction: ((source: Buffer) => void) | null;
  /** Lets other things run between two chunks; told how much is loaded, for INFO. */
  readonly breathe: (loadedBytes: number, totalBytes: number) => Promise<void>;
}

export interface Loaded {
  readonly from: 'aof' | 'rdb' | 'nothing';
  /** Of the RDB: repl-id, repl-offset and so on. */
  readonly aux: ReadonlyMap<string, string>;
  readonly keysLoaded: number;
  readonly keysExpired: number;
}

const NOTHING: Loaded = { from: 'nothing', aux: new Map(), keysLoaded: 0, keysExpired: 0 };
const CHUNK_BYTES = 256 * 1024;

/** Throws LoadFailure, whatever was wrong. */
export async function loadAtStart(options: LoadOptions): Promise<Loaded> {
  // What commands meet is what they met when they were logged: nothing dies meanwhile.
  options.keyspace.applying = true;
  try {
    options.aof.read();
    return options.appendonly ? await loadAof(options, options.aof) : await loadRdb(options);
  } catch (failure) {
    throw asLoadFailure(failure);
  } finally {
    options.keyspace.applying = false;
  }
}

async function loadRdb(options: LoadOptions): Promise<Loaded> {
  const { keyspace, log, clock, isReplica, intsetMax } = options;
  const filePath = path.join(options.dir, options.dbfilename);
  if (!fileExists(filePath)) return NOTHING;
  const started_ms = clock.monotonic_ms();
  const now_ms = clock.now_ms();
  const rdb = new RdbReader({ source: filePath, keyspace, log, now_ms, intsetMax, dropExpired: !isReplica });
  const file = new FileReader(filePath);
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      const got = file.read(chunk);
      if (got === 0) rdb.finish();
      if (rdb.feed(chunk.subarray(0, got))) break;
      await options.breathe(file.position, file.size);
    }
  } finally {
    file.close();
  }
  takeFunctions(rdb, options);
  tellAge(rdb, options);
  log.notice(`Done loading RDB, keys loaded: ${rdb.keysLoaded}, keys expired: ${rdb.keysExpired}.`);
  log.notice(`DB loaded from disk: ${seconds(clock, started_ms)} seconds`);
  return { from: 'rdb', aux: rdb.aux, keysLoaded: rdb.keysLoaded, keysExpired: rdb.keysExpired };
}

async function loadAof(options: LoadOptions, folder: AofFolder): Promise<Loaded> {
  const { keyspace, log, clock, truncatedAllowed, intsetMax, run } = options;
  folder.upgradeOld();
  const incomplete = folder.whyIncomplete();
  if (incomplete !== null) throw new LoadFailure(folder.folder, -1, incomplete);
  const files = folder.files();
  const total = folder.sizes().total;
  if (files.length === 0 || total === 0) return NOTHING;
  const started_ms = clock.monotonic_ms();
  let loaded = 0;
  let keysLoaded = 0;
  const context = {
    keyspace,
    log,
    truncatedAllowed,
    intsetMax,
    run,
    now_ms: clock.now_ms(),
    breathe: (bytes: number) => {
      loaded += bytes;
      return options.breathe(loaded, total);
    },
  };
  for (const file of files) {
    const fileStarted_ms = clock.monotonic_ms();
    const isLast = file === files.at(-1);
    const { rdb } = await replayFile(folder.pathOf(file), { name: file.name, isLast }, context);
    if (rdb !== null) {
      takeFunctions(rdb, options);
      tellAge(rdb, options);
      keysLoaded += rdb.keysLoaded;
    }
    const kind = file.type === 'b' ? 'base' : 'incr';
    log.notice(`DB loaded from ${kind} file ${file.name}: ${seconds(clock, fileStarted_ms)} seconds`);
  }
  log.notice(`DB loaded from append only file: ${seconds(clock, started_ms)} seconds`);
  // The data of an AOF says nothing about a replication stream: aux fields of its base do not count.
  return { from: 'aof', aux: new Map(), keysLoaded, keysExpired: 0 };
}

function takeFunctions(rdb: RdbReader, { loadFunction, log }: LoadOptions): void {
  if (rdb.functions.length === 0) return;
  if (loadFunction === null) {
    log.warning(`${rdb.functions.length} function libraries were not loaded: this server cannot run them yet`);
    return;
  }
  for (const source of rdb.functions) loadFunction(source);
}

function tellAge(rdb: RdbReader, { log, clock }: LoadOptions): void {
  const ctime_s = Number(rdb.aux.get('ctime') ?? Number.NaN);
  const used = Number(rdb.aux.get('used-mem') ?? Number.NaN);
  if (!Number.isNaN(ctime_s)) log.notice(`RDB age ${Math.max(0, Math.floor(clock.now_ms() / 1000) - ctime_s)} seconds`);
  if (!Number.isNaN(used)) log.notice(`RDB memory usage when created ${(used / 1024 / 1024).toFixed(2)} Mb`);
  if (rdb.aux.get('aof-base') === '1') log.notice('RDB is base AOF');
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
