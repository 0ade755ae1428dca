/*
 * How the values of the keyspace are written: which RDB type, and its bytes. Packed values go out as they lie in memory.
 */
import { assert } from '../../base/assert.ts';
import * as encoding from '../data/encoding.ts';
import { BLOCK_BYTES } from '../data/list-block.ts';
import { ListCursor, ListObject } from '../data/list-object.ts';
import { Entry } from '../data/listpack.ts';
import type { RecordReader } from '../data/record.ts';
import * as format from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';
import { NEVER_PLAIN } from './test-switches.ts';
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
  if (records.isObject(ref) || out.plainFrom !== NEVER_PLAIN) {
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
  if (out.plainFrom !== NEVER_PLAIN) return yield* writeListWithPlainNodes(out, records, ref);
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

/** Long elements alone and plain, those between them packed together. */
function* writeListWithPlainNodes(out: RdbOutput, records: RecordReader, ref: number): Generator<void> {
  const list = records.isObject(ref)
    ? (records.objectOf(ref) as ListObject)
    : ListObject.over(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
  let nodes = 0;
  for (const _ of nodesOf(list, out.plainFrom)) nodes++;
  out.length(nodes);
  for (const node of nodesOf(list, out.plainFrom)) {
    out.length(node instanceof ListObject ? format.QUICKLIST_PACKED : format.QUICKLIST_PLAIN);
    if (node instanceof ListObject) {
      const pack = Buffer.allocUnsafe(node.packedBytes);
      node.writePacked(pack, 0);
      out.string(pack);
    } else {
      out.string(node);
    }
    yield;
  }
}

function* nodesOf(list: ListObject, plainFrom: number): Generator<ListObject | Buffer> {
  const cursor = new ListCursor();
  const entry = new Entry();
  let packed = new ListObject();
  for (let more = list.seek(0, cursor); more; more = list.next(cursor)) {
    list.read(cursor, entry);
    const { buf, off, len } = entry;
    const isPlain = len >= plainFrom;
    if (packed.length > 0 && (isPlain || packed.packedBytes + len > BLOCK_BYTES)) {
      yield packed;
      packed = new ListObject();
    }
    if (isPlain) yield Buffer.from(buf.subarray(off, off + len));
    else packed.pushTail(buf, off, len);
  }
  if (packed.length > 0) yield packed;
}
