/*
 * The data set as commands: the base of the log with aof-use-rdb-preamble no. Slower to load than an RDB, but readable,
 * and any tool that speaks RESP can replay it.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { TYPE_LIST, TYPE_SET, TYPE_STRING } from '../data/encoding.ts';
import type { RecordReader } from '../data/record.ts';
import type { Sink } from './rdb-output.ts';
import type { SnapshotEncoder } from './snapshot-encoder.ts';
import { countElements, type ElementVisitor, forEachElement, forEachElementInSlices } from './value-elements.ts';

/** Elements of one command: more would make one huge command of a huge collection. */
const ELEMENTS_PER_COMMAND = 64;
const ELEMENTS_PER_SLICE = 1000;
const CHUNK_BYTES = 256 * 1024;

export interface CommandsInfo {
  readonly functions: readonly Buffer[];
  /** With aof-timestamp-enabled: the time, which then stands first. */
  readonly now_s: number | null;
}

export class CommandsWriter implements SnapshotEncoder {
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
    for (const source of this.#info.functions) this.#command('FUNCTION', 'LOAD', source);
  }

  record(records: RecordReader, ref: number, databaseIndex: number): void {
    this.#select(databaseIndex);
    if (records.typeOf(ref) === TYPE_STRING) this.#setString(records, ref);
    else forEachElement(records, ref, this.#adder(records, ref));
    this.#setDeadline(records, ref);
    this.keys++;
  }

  *recordInSlices(records: RecordReader, ref: number, databaseIndex: number): Generator<void> {
    this.#select(databaseIndex);
    if (records.typeOf(ref) === TYPE_STRING) this.#setString(records, ref);
    else yield* forEachElementInSlices(records, ref, ELEMENTS_PER_SLICE, this.#adder(records, ref));
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
    this.#command('SELECT', String(index));
  }

  #setString(records: RecordReader, ref: number): void {
    this.#command(
      'SET',
      keyOf(records, ref),
      slice(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref)),
    );
  }

  #setDeadline(records: RecordReader, ref: number): void {
    const deadline_ms = records.deadlineOf(ref);
    if (deadline_ms >= 0) this.#command('PEXPIREAT', keyOf(records, ref), String(deadline_ms));
  }

  /** Begins a new command with every so many elements. */
  #adder(records: RecordReader, ref: number): ElementVisitor {
    const type = records.typeOf(ref);
    assert(type === TYPE_LIST || type === TYPE_SET, `type ${type} has no form as commands`);
    const command = Buffer.from(type === TYPE_LIST ? 'RPUSH' : 'SADD', 'latin1');
    const key = keyOf(records, ref);
    const count = countElements(records, ref);
    let done = 0;
    return (buf, off, len) => {
      if (done % ELEMENTS_PER_COMMAND === 0) {
        this.#head(2 + Math.min(ELEMENTS_PER_COMMAND, count - done));
        this.#bulk(command, 0, command.length);
        this.#bulk(key, 0, key.length);
      }
      this.#bulk(buf, off, len);
      done++;
    };
  }

  #command(...args: (string | Buffer)[]): void {
    this.#head(args.length);
    for (const arg of args) {
      const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
      this.#bulk(bytes, 0, bytes.length);
    }
  }

  #head(count: number): void {
    this.#out.latin1(`*${count}\r\n`);
  }

  #bulk(buf: Buffer, off: number, len: number): void {
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
