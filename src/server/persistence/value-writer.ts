/*
 * How the values of the keyspace are written: which RDB type, and its bytes. Packed values go out as they lie in memory.
 */
import { assert } from '../../base/assert.ts';
import * as encoding from '../data/encoding.ts';
import { ListObject } from '../data/list-object.ts';
import type { RecordReader } from '../data/record.ts';
import * as format from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';
import { countElements, forEachElement, forEachElementInSlices } from './value-elements.ts';

/** About a millisecond of writing, compression included. */
const BYTES_PER_SLICE = 128 * 1024;
const ELEMENTS_PER_SLICE = 1000;

export function rdbTypeOf(records: RecordReader, ref: number): number {
  const type = records.typeOf(ref);
  switch (type) {
    case encoding.TYPE_STRING:
      return format.RDB_STRING;
    case encoding.TYPE_LIST:
      return format.RDB_LIST_QUICKLIST_2;
    default:
      assert(type === encoding.TYPE_SET, `type ${type} has no RDB form`);
      return records.encodingOf(ref) === encoding.ENCODING_INTSET ? format.RDB_SET_INTSET : format.RDB_SET;
  }
}

/** Writes what follows the key in an RDB, and the type in a DUMP payload. */
export function writeValue(out: RdbOutput, records: RecordReader, ref: number): void {
  switch (rdbTypeOf(records, ref)) {
    case format.RDB_LIST_QUICKLIST_2:
      writeList(out, records, ref);
      return;
    case format.RDB_SET:
      // Also a packed one: 7.0 knows no packed set of strings in files.
      out.length(countElements(records, ref));
      forEachElement(records, ref, (buf, off, len) => out.string(buf, off, len));
      return;
    default:
      out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
  }
}

/** The same in slices of about a millisecond. The value must not change until the end. */
export function* writeValueInSlices(out: RdbOutput, records: RecordReader, ref: number): Generator<void> {
  switch (rdbTypeOf(records, ref)) {
    case format.RDB_STRING:
      yield* writeBytesInSlices(out, records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
      return;
    case format.RDB_LIST_QUICKLIST_2:
      yield* writeListInSlices(out, records, ref);
      return;
    default:
      out.length(countElements(records, ref));
      yield* forEachElementInSlices(records, ref, ELEMENTS_PER_SLICE, (buf, off, len) => out.string(buf, off, len));
  }
}

function* writeBytesInSlices(out: RdbOutput, buf: Buffer, off: number, len: number): Generator<void> {
  out.length(len);
  for (let done = 0; done < len; done += BYTES_PER_SLICE) {
    out.bytes(buf, off + done, Math.min(BYTES_PER_SLICE, len - done));
    yield;
  }
}

function writeList(out: RdbOutput, records: RecordReader, ref: number): void {
  if (records.isObject(ref)) {
    // Taken to its end at once.
    const slices = writeListInSlices(out, records, ref);
    while (slices.next().done !== true);
    return;
  }
  out.length(1);
  out.length(format.QUICKLIST_PACKED);
  out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
}

function* writeListInSlices(out: RdbOutput, records: RecordReader, ref: number): Generator<void> {
  const list = records.objectOf(ref);
  assert(list instanceof ListObject, 'a list that is an object is a ListObject');
  let pack = Buffer.alloc(0);
  out.length(list.nodes);
  let sliced = 0;
  for (let node = 0; node < list.nodes; node++) {
    const bytes = list.nodeBytes(node);
    if (pack.length < bytes) pack = Buffer.allocUnsafe(bytes);
    list.writeNode(node, pack, 0);
    out.length(format.QUICKLIST_PACKED);
    out.string(pack, 0, bytes);
    sliced += bytes;
    if (sliced < BYTES_PER_SLICE) continue;
    sliced = 0;
    yield;
  }
}
