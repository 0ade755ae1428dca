/*
 * Writes a keyspace as an RDB of version 10, which redis-server 7.0 and everything newer loads.
 *
 * `RdbWriter` is the format and knows nothing of when: a walk that stops between keys can use it as well as the loop
 * here. `writeKeyspace` is that loop in one go: exact, because nothing else runs meanwhile, and as long as the keyspace is
 * big. A point in time that is walked in slices belongs to the snapshot, on top of the same writer.
 */
import path from 'node:path';
import type { RecordReader } from '../data/record.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { AtomicFile, abandonQuietly, FileReader, remove } from './disk.ts';
import * as format from './rdb-format.ts';
import { RdbOutput } from './rdb-output.ts';
import { rdbTypeOf, writeValue } from './value-writer.ts';

/** Where in a replication stream the file belongs. */
export interface ReplicationPoint {
  readonly selectedDb: number;
  readonly id: string;
  readonly offset: number;
}

export interface RdbInfo {
  readonly now_ms: number;
  readonly usedBytes: number;
  /** Null without a backlog, and always in an AOF base. */
  readonly replication: ReplicationPoint | null;
  readonly aofBase: boolean;
  /** Sources of all function libraries. */
  readonly functions: readonly Buffer[];
  /** What maxmemory-policy keeps about keys, so that it survives the restart. */
  readonly keeps: 'idle' | 'frequency' | 'nothing';
}

export interface RdbSettings {
  readonly compression: boolean;
  readonly checksum: boolean;
}

export interface SavedRdb {
  readonly bytes: number;
  readonly keys: number;
}

export class RdbWriter {
  keys = 0;
  readonly #out: RdbOutput;
  readonly #info: RdbInfo;

  constructor(out: RdbOutput, info: RdbInfo) {
    this.#out = out;
    this.#info = info;
  }

  begin(): void {
    const { now_ms, usedBytes, replication, aofBase, functions } = this.#info;
    this.#out.bytes(Buffer.from(`REDIS${String(format.RDB_VERSION).padStart(4, '0')}`, 'latin1'));
    this.#aux('redis-ver', format.REDIS_VERSION);
    this.#aux('redis-bits', '64');
    this.#aux('ctime', String(Math.floor(now_ms / 1000)));
    this.#aux('used-mem', String(usedBytes));
    if (replication !== null) {
      this.#aux('repl-stream-db', String(replication.selectedDb));
      this.#aux('repl-id', replication.id);
      this.#aux('repl-offset', String(replication.offset));
    }
    this.#aux('aof-base', aofBase ? '1' : '0');
    for (const source of functions) {
      this.#out.u8(format.OP_FUNCTION2);
      this.#out.string(source);
    }
  }

  /** Before the keys of a database. The sizes are a hint for the reader's tables. */
  select(db: Database): void {
    this.#out.u8(format.OP_SELECTDB);
    this.#out.length(db.index);
    this.#out.u8(format.OP_RESIZEDB);
    this.#out.length(db.size);
    this.#out.length(db.volatileSize);
  }

  key(records: RecordReader, ref: number): void {
    const out = this.#out;
    const deadline_ms = records.deadlineOf(ref);
    if (deadline_ms >= 0) {
      out.u8(format.OP_EXPIRETIME_MS);
      out.u64le(deadline_ms);
    }
    if (this.#info.keeps === 'idle') {
      out.u8(format.OP_IDLE);
      out.length(records.idle_s(ref));
    } else if (this.#info.keeps === 'frequency') {
      out.u8(format.OP_FREQ);
      out.u8(records.frequency(ref));
    }
    out.u8(rdbTypeOf(records, ref));
    out.string(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
    writeValue(out, records, ref);
    this.keys++;
  }

  end(): void {
    this.#out.u8(format.OP_EOF);
    this.#out.finishWithChecksum();
  }

  #aux(name: string, value: string): void {
    this.#out.u8(format.OP_AUX);
    this.#out.text(name);
    this.#out.text(value);
  }
}

export function writeKeyspace(keyspace: Keyspace, writer: RdbWriter): void {
  writer.begin();
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    writer.select(db);
    db.forEach((_kbuf, _koff, _klen, ref) => writer.key(db, ref));
  }
  writer.end();
}

/** SAVE: the file is the old one until the new one is complete and on disk. */
export function saveRdbFile(keyspace: Keyspace, filePath: string, info: RdbInfo, settings: RdbSettings): SavedRdb {
  const file = new AtomicFile(filePath, path.join(path.dirname(filePath), `temp-${process.pid}.rdb`));
  try {
    const saved = writeTo(file, keyspace, info, settings);
    file.commit();
    return saved;
  } catch (failure) {
    abandonQuietly(file);
    throw failure;
  }
}

/** An RDB for replicas, on disk so that its size does not count against memory while slow sockets take it. */
export interface SpooledRdb extends SavedRdb {
  readonly path: string;
  /** Each call reads the file anew; a chunk is valid until the next one is asked for. */
  chunks(): Generator<Buffer>;
  remove(): void;
}

const SPOOL_CHUNK_BYTES = 64 * 1024;

/** Writes the whole keyspace now: the loop stands still meanwhile, which is the price until a frozen walk replaces it. */
export function spoolRdb(keyspace: Keyspace, folder: string, info: RdbInfo, settings: RdbSettings): SpooledRdb {
  const filePath = path.join(folder, `temp-repl-${process.pid}-${Math.floor(info.now_ms)}.rdb`);
  const saved = saveRdbFile(keyspace, filePath, info, settings);
  return {
    ...saved,
    path: filePath,
    chunks: () => chunksOf(filePath),
    remove: () => remove(filePath),
  };
}

/** What maxmemory-policy makes worth keeping. */
export function keptByPolicy(policy: string): RdbInfo['keeps'] {
  if (policy.endsWith('-lru')) return 'idle';
  return policy.endsWith('-lfu') ? 'frequency' : 'nothing';
}

function writeTo(file: AtomicFile, keyspace: Keyspace, info: RdbInfo, settings: RdbSettings): SavedRdb {
  const out = new RdbOutput({ ...settings, sink: (buf, off, len) => file.write(buf, off, len) });
  const writer = new RdbWriter(out, info);
  writeKeyspace(keyspace, writer);
  return { bytes: out.total, keys: writer.keys };
}

function* chunksOf(filePath: string): Generator<Buffer> {
  const reader = new FileReader(filePath);
  try {
    const chunk = Buffer.allocUnsafeSlow(SPOOL_CHUNK_BYTES);
    for (let got = reader.read(chunk); got > 0; got = reader.read(chunk)) yield chunk.subarray(0, got);
  } finally {
    reader.close();
  }
}
