/* Writes records as an RDB, of the version that its output has. */
import { DEFAULT_PROFILE, type Profile } from '../../config/profiles.ts';
import type { RecordReader } from '../data/record.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import * as format from '../rdb/format.ts';
import { RdbOutput } from '../rdb/output.ts';
import { typeOf } from '../types/table.ts';
import { toItsEnd } from '../types/value-type.ts';
import type { SnapshotEncoder } from './snapshot-encoder.ts';

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
  /** Whose file it is said to be. */
  readonly profile?: Profile;
}

/** How many keys a database has: a hint for the reader's tables. */
interface Sizes {
  readonly size: number;
  readonly volatileSize: number;
}

const DETACHED_CHUNK_BYTES = 4096;

export class RdbWriter implements SnapshotEncoder {
  keys = 0;
  readonly #out: RdbOutput;
  readonly #info: RdbInfo;
  /** As they are when the writer is made. */
  readonly #sizes: readonly Sizes[];
  readonly #announced = new Set<number>();
  #selected = -1;

  constructor(out: RdbOutput, keyspace: Keyspace, info: RdbInfo) {
    this.#out = out;
    this.#info = info;
    this.#sizes = keyspace.databases.map(({ size, volatileSize }) => ({ size, volatileSize }));
  }

  begin(): void {
    const { now_ms, usedBytes, replication, aofBase, functions, profile = DEFAULT_PROFILE } = this.#info;
    this.#out.bytes(Buffer.from(`REDIS${String(this.#out.version).padStart(4, '0')}`, 'latin1'));
    this.#aux(`${profile.product}-ver`, profile.productVersion);
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

  record(records: RecordReader, ref: number, databaseIndex: number): void {
    this.#select(databaseIndex);
    this.#head(this.#out, records, ref);
    toItsEnd(typeOf(records, ref).write(this.#out, records, ref));
    this.keys++;
  }

  *recordInSlices(records: RecordReader, ref: number, databaseIndex: number): Generator<void> {
    this.#select(databaseIndex);
    this.#head(this.#out, records, ref);
    const rest = typeOf(records, ref).write(this.#out, records, ref);
    if (rest !== null) yield* rest;
    this.keys++;
  }

  detach(records: RecordReader, ref: number): Buffer {
    const pieces: Buffer[] = [];
    const sink = (buf: Buffer, off: number, len: number) => pieces.push(Buffer.from(buf.subarray(off, off + len)));
    const { compression, plainFrom, version } = this.#out;
    const out = new RdbOutput({ sink, compression, plainFrom, version, checksum: false, chunk: DETACHED_CHUNK_BYTES });
    this.#head(out, records, ref);
    toItsEnd(typeOf(records, ref).write(out, records, ref));
    out.finish();
    return Buffer.concat(pieces);
  }

  attach(bytes: Buffer, databaseIndex: number): void {
    this.#select(databaseIndex);
    this.#out.bytes(bytes);
    this.keys++;
  }

  end(): void {
    this.#out.u8(format.OP_EOF);
    this.#out.finishWithChecksum();
  }

  /** Records may come in any order of their databases. */
  #select(index: number): void {
    if (index === this.#selected) return;
    this.#selected = index;
    this.#out.u8(format.OP_SELECTDB);
    this.#out.length(index);
    if (this.#announced.has(index)) return;
    this.#announced.add(index);
    const { size, volatileSize } = this.#sizes[index]!;
    this.#out.u8(format.OP_RESIZEDB);
    this.#out.length(size);
    this.#out.length(volatileSize);
  }

  /** All of a record but its value. */
  #head(out: RdbOutput, records: RecordReader, ref: number): void {
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
    out.u8(typeOf(records, ref).rdbType(records, ref, out.version));
    out.string(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
  }

  #aux(name: string, value: string): void {
    this.#out.u8(format.OP_AUX);
    this.#out.text(name);
    this.#out.text(value);
  }
}

/** What maxmemory-policy makes worth keeping. */
export function keptByPolicy(policy: string): RdbInfo['keeps'] {
  if (policy.endsWith('-lru')) return 'idle';
  return policy.endsWith('-lfu') ? 'frequency' : 'nothing';
}
