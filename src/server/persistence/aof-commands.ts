/*
 * The data set as commands: the base of the log with aof-use-rdb-preamble no. Slower to load than an RDB, but readable,
 * and any tool that speaks RESP can replay it.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { TYPE_LIST, TYPE_SET, TYPE_STRING } from '../data/encoding.ts';
import type { RecordReader } from '../data/record.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Sink } from './rdb-output.ts';
import { countElements, forEachElement } from './value-elements.ts';

/** Elements of one command: more would make one huge command of a huge collection. */
const ELEMENTS_PER_COMMAND = 64;
const CHUNK_BYTES = 256 * 1024;

export interface CommandsInfo {
  readonly functions: readonly Buffer[];
  /** With aof-timestamp-enabled: the time, which then stands first. */
  readonly now_s: number | null;
}

export function writeCommands(keyspace: Keyspace, sink: Sink, info: CommandsInfo): void {
  const out = new CommandWriter(sink);
  if (info.now_s !== null) out.raw(`#TS:${info.now_s}\r\n`);
  for (const source of info.functions) out.command('FUNCTION', 'LOAD', source);
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    out.command('SELECT', String(db.index));
    db.forEach((_kbuf, _koff, _klen, ref) => writeKey(out, db, ref));
  }
  out.finish();
}

function writeKey(out: CommandWriter, records: RecordReader, ref: number): void {
  const type = records.typeOf(ref);
  const key = slice(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
  if (type === TYPE_STRING) {
    out.command('SET', key, slice(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref)));
  } else {
    assert(type === TYPE_LIST || type === TYPE_SET, `type ${type} has no form as commands`);
    writeElements(out, Buffer.from(type === TYPE_LIST ? 'RPUSH' : 'SADD', 'latin1'), key, records, ref);
  }
  const deadline_ms = records.deadlineOf(ref);
  if (deadline_ms >= 0) out.command('PEXPIREAT', key, String(deadline_ms));
}

function writeElements(out: CommandWriter, command: Buffer, key: Buffer, records: RecordReader, ref: number): void {
  const count = countElements(records, ref);
  let done = 0;
  forEachElement(records, ref, (buf, off, len) => {
    if (done % ELEMENTS_PER_COMMAND === 0) {
      out.head(2 + Math.min(ELEMENTS_PER_COMMAND, count - done));
      out.bulk(command, 0, command.length);
      out.bulk(key, 0, key.length);
    }
    out.bulk(buf, off, len);
    done++;
  });
}

function slice(buf: Buffer, off: number, len: number): Buffer {
  return buf.subarray(off, off + len);
}

class CommandWriter {
  readonly #sink: Sink;
  readonly #out = new ByteWriter(CHUNK_BYTES);

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  command(...args: (string | Buffer)[]): void {
    this.head(args.length);
    for (const arg of args) {
      const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
      this.bulk(bytes, 0, bytes.length);
    }
  }

  head(count: number): void {
    this.#out.latin1(`*${count}\r\n`);
  }

  bulk(buf: Buffer, off: number, len: number): void {
    this.#out.latin1(`$${len}\r\n`);
    if (len >= CHUNK_BYTES) {
      this.finish();
      this.#sink(buf, off, len);
    } else {
      this.#out.bytes(buf, off, len);
    }
    this.#out.latin1('\r\n');
    if (this.#out.position >= CHUNK_BYTES) this.finish();
  }

  raw(text: string): void {
    this.#out.latin1(text);
  }

  finish(): void {
    const { position } = this.#out;
    if (position > 0) this.#sink(this.#out.view(), 0, position);
    this.#out.reset();
  }
}
