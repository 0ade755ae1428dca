/*
 * The data set as commands: the base of the log with aof-use-rdb-preamble no. Slower to load than an RDB, but readable,
 * and any tool that speaks RESP can replay it.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import type { RecordReader } from '../data/record.ts';
import type { Sink } from '../rdb/output.ts';
import { typeOf } from '../types/table.ts';
import { type CommandSink, toItsEnd } from '../types/value-type.ts';
import type { SnapshotEncoder } from './snapshot-encoder.ts';

const CHUNK_BYTES = 256 * 1024;

export interface CommandsInfo {
  readonly functions: readonly Buffer[];
  /** With aof-timestamp-enabled: the time, which then stands first. */
  readonly now_s: number | null;
}

export class CommandsWriter implements SnapshotEncoder, CommandSink {
  keys = 0;
  readonly #sink: Sink;
  readonly #info: CommandsInfo;
  readonly #out = new ByteWriter(CHUNK_BYTES);
  #selected = -1;

  constructor(sink: Sink, info: CommandsInfo) {
    this.#sink = sink;
    this.#info = info;
  }

  begin(): void {
    if (this.#info.now_s !== null) this.#out.latin1(`#TS:${this.#info.now_s}\r\n`);
    for (const source of this.#info.functions) this.#line('FUNCTION', 'LOAD', source);
  }

  record(records: RecordReader, ref: number, databaseIndex: number): void {
    this.#select(databaseIndex);
    toItsEnd(typeOf(records, ref).rewrite(this, records, ref));
    this.#setDeadline(records, ref);
    this.keys++;
  }

  *recordInSlices(records: RecordReader, ref: number, databaseIndex: number): Generator<void> {
    this.#select(databaseIndex);
    const rest = typeOf(records, ref).rewrite(this, records, ref);
    if (rest !== null) yield* rest;
    this.#setDeadline(records, ref);
    this.keys++;
  }

  detach(records: RecordReader, ref: number): Buffer {
    const pieces: Buffer[] = [];
    const sink = (buf: Buffer, off: number, len: number) => pieces.push(Buffer.from(buf.subarray(off, off + len)));
    const apart = new CommandsWriter(sink, this.#info);
    apart.#selected = 0;
    apart.record(records, ref, 0);
    apart.end();
    return Buffer.concat(pieces);
  }

  attach(bytes: Buffer, databaseIndex: number): void {
    this.#select(databaseIndex);
    this.#bytes(bytes, 0, bytes.length);
    this.keys++;
  }

  end(): void {
    // A base without data is not an empty file: that would be one whose content was lost.
    if (this.#selected < 0) this.#select(0);
    const { position } = this.#out;
    if (position > 0) this.#sink(this.#out.view(), 0, position);
    this.#out.reset();
  }

  #select(index: number): void {
    if (index === this.#selected) return;
    this.#selected = index;
    this.#line('SELECT', String(index));
  }

  #setDeadline(records: RecordReader, ref: number): void {
    const deadline_ms = records.deadlineOf(ref);
    if (deadline_ms >= 0) this.#line('PEXPIREAT', keyOf(records, ref), String(deadline_ms));
  }

  #line(...args: (string | Buffer)[]): void {
    this.command(args.length);
    for (const arg of args) {
      const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
      this.argument(bytes, 0, bytes.length);
    }
  }

  command(argc: number): void {
    this.#out.latin1(`*${argc}\r\n`);
  }

  argument(buf: Buffer, off: number, len: number): void {
    this.#out.latin1(`$${len}\r\n`);
    this.#bytes(buf, off, len);
    this.#out.latin1('\r\n');
    if (this.#out.position >= CHUNK_BYTES) this.end();
  }

  /** Long ones go to the sink as they are. */
  #bytes(buf: Buffer, off: number, len: number): void {
    if (len < CHUNK_BYTES) {
      this.#out.bytes(buf, off, len);
      return;
    }
    this.end();
    this.#sink(buf, off, len);
  }
}

function keyOf(records: RecordReader, ref: number): Buffer {
  return slice(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
}

function slice(buf: Buffer, off: number, len: number): Buffer {
  return buf.subarray(off, off + len);
}
