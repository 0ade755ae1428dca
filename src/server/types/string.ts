import { ENCODING_INT, TYPE_STRING } from '../data/encoding.ts';
import type { RecordReader } from '../data/record.ts';
import type { Entry } from '../keyspace/database.ts';
import { RDB_STRING } from '../rdb/format.ts';
import type { RdbInput } from '../rdb/input.ts';
import { COMPRESSED_LENGTH_MAX } from '../rdb/lzf.ts';
import type { RdbOutput } from '../rdb/output.ts';
import { awaitString } from './reader-tools.ts';
import type { ValueType } from './value-type.ts';

/** About a millisecond of writing. */
const BYTES_PER_SLICE = 128 * 1024;
const SET = Buffer.from('SET', 'latin1');

export const stringType: ValueType = {
  id: TYPE_STRING,
  name: 'string',
  length: () => 1,

  walk(records, ref, _cursor, _count, visit) {
    visit(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return 0;
  },

  digest(into, records, ref) {
    into.mix(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
  },

  rdbType: () => RDB_STRING,

  write(out, records, ref) {
    // What is longer is not compressed anyway.
    if (records.valueLen(ref) > COMPRESSED_LENGTH_MAX) return writeInSlices(out, records, ref);
    out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return null;
  },

  readers: { [RDB_STRING]: read },

  rewrite(out, records, ref) {
    out.command(3);
    out.argument(SET, 0, SET.length);
    out.argument(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
    out.argument(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return null;
  },
};

function* writeInSlices(out: RdbOutput, records: RecordReader, ref: number): Generator<void> {
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  const len = records.valueLen(ref);
  out.length(len);
  for (let done = 0; done < len; done += BYTES_PER_SLICE) {
    out.bytes(buf, off + done, Math.min(BYTES_PER_SLICE, len - done));
    yield;
  }
}

function* read(input: RdbInput): Generator<void, Entry> {
  const bytes = yield* awaitString(input);
  // Whether it is `int`, `embstr` or `raw` is found out when asked.
  return { type: TYPE_STRING, encoding: ENCODING_INT, deadline_ms: -1, bytes, object: null };
}
