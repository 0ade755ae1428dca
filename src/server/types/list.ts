import { ENCODING_LISTPACK, ENCODING_QUICKLIST, TYPE_LIST } from '../data/encoding.ts';
import { BLOCK_BYTES } from '../data/list-block.ts';
import { ListCursor, ListObject } from '../data/list-object.ts';
import * as listpack from '../data/listpack.ts';
import type { Entry } from '../keyspace/database.ts';
import {
  QUICKLIST_PACKED,
  QUICKLIST_PLAIN,
  RDB_LIST,
  RDB_LIST_QUICKLIST,
  RDB_LIST_QUICKLIST_2,
  RDB_LIST_ZIPLIST,
} from '../rdb/format.ts';
import type { RdbInput } from '../rdb/input.ts';
import { NEVER_PLAIN, type RdbOutput } from '../rdb/output.ts';
import { readZiplist } from '../rdb/ziplist.ts';
import { forEachElement, rewriteElements } from './elements.ts';
import { listEntry, listLength, openList, walkList } from './list-value.ts';
import { awaitLength, awaitListpack, awaitString, type ReaderTools } from './reader-tools.ts';
import type { ValueType } from './value-type.ts';

/** About a millisecond of writing, compression included. */
const BYTES_PER_SLICE = 128 * 1024;

export const listType: ValueType = {
  id: TYPE_LIST,
  name: 'list',
  encoding(records, ref, { limits, since72 }) {
    if (!since72) return ENCODING_QUICKLIST;
    const bytes = records.isObject(ref) ? openList(records, ref).packedBytes : records.valueLen(ref);
    const isOneNode = fitsOneNode(listLength(records, ref), bytes, limits['list-max-listpack-size']);
    return isOneNode ? ENCODING_LISTPACK : ENCODING_QUICKLIST;
  },

  length: listLength,
  walk: walkList,

  digest(into, records, ref) {
    forEachElement(listType, records, ref, (buf, off, len) => into.mix(buf, off, len));
  },

  rdbType: () => RDB_LIST_QUICKLIST_2,

  write(out, records, ref) {
    if (out.plainFrom !== NEVER_PLAIN) return writeWithPlainNodes(out, openList(records, ref));
    if (records.isObject(ref)) return writeNodes(out, openList(records, ref));
    out.length(1);
    out.length(QUICKLIST_PACKED);
    out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return null;
  },

  readers: {
    [RDB_LIST]: readPlain,
    [RDB_LIST_ZIPLIST]: readZiplistAlone,
    [RDB_LIST_QUICKLIST]: readQuicklistOfZiplists,
    [RDB_LIST_QUICKLIST_2]: readQuicklist,
  },

  rewrite: (out, records, ref) => rewriteElements(listType, 'RPUSH', out, records, ref),
};

/** A node of Redis' lists: so many elements, within 8 KB; or, by a negative `size`, within 4 to 64 KB. */
function fitsOneNode(length: number, bytes: number, size: number): boolean {
  if (size < 0) return bytes <= 2048 * 2 ** Math.min(5, -size);
  return length <= Math.max(1, size) && bytes <= 8192;
}

function* writeNodes(out: RdbOutput, list: ListObject): Generator<void> {
  let pack = Buffer.alloc(0);
  out.length(list.nodes);
  let sliced = 0;
  for (let node = 0; node < list.nodes; node++) {
    const bytes = list.nodeBytes(node);
    if (pack.length < bytes) pack = Buffer.allocUnsafe(bytes);
    list.writeNode(node, pack, 0);
    out.length(QUICKLIST_PACKED);
    out.string(pack, 0, bytes);
    sliced += bytes;
    if (sliced < BYTES_PER_SLICE) continue;
    sliced = 0;
    yield;
  }
}

/** Long elements alone and plain, those between them packed together. */
function* writeWithPlainNodes(out: RdbOutput, list: ListObject): Generator<void> {
  let nodes = 0;
  for (const _ of nodesOf(list, out.plainFrom)) nodes++;
  out.length(nodes);
  for (const node of nodesOf(list, out.plainFrom)) {
    out.length(node instanceof ListObject ? QUICKLIST_PACKED : QUICKLIST_PLAIN);
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
  const entry = new listpack.Entry();
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

function* readPlain(input: RdbInput): Generator<void, Entry | null> {
  const count = yield* awaitLength(input);
  const list = new ListObject();
  for (let i = 0; i < count; i++) {
    while (!input.tryString()) yield;
    list.pushTail(input.string.buf, input.string.off, input.string.len);
  }
  return asEntry(list);
}

function* readZiplistAlone(input: RdbInput): Generator<void, Entry | null> {
  const list = new ListObject();
  yield* pushZiplist(input, list);
  return asEntry(list);
}

function* readQuicklistOfZiplists(input: RdbInput): Generator<void, Entry | null> {
  const nodes = yield* awaitLength(input);
  const list = new ListObject();
  for (let i = 0; i < nodes; i++) yield* pushZiplist(input, list);
  return asEntry(list);
}

function* pushZiplist(input: RdbInput, list: ListObject): Generator<void, void> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (!readZiplist(bytes, (buf, off, len) => list.pushTail(buf, off, len))) input.fail('Invalid ziplist', start);
}

function* readQuicklist(input: RdbInput, { entry }: ReaderTools): Generator<void, Entry | null> {
  const nodes = yield* awaitLength(input);
  let list: ListObject | null = null;
  for (let i = 0; i < nodes; i++) {
    const start = input.offset;
    const container = yield* awaitLength(input);
    if (container === QUICKLIST_PLAIN) {
      while (!input.tryString()) yield;
      // Only long elements have a node of their own.
      if (input.string.len === 0) input.fail('Empty list node', start);
      list ??= new ListObject();
      list.pushTail(input.string.buf, input.string.off, input.string.len);
      continue;
    }
    if (container !== QUICKLIST_PACKED) input.fail(`Unknown list node container ${container}`, start);
    const bytes = yield* awaitListpack(input);
    // Most lists have one node: it is the list, and a small one is packed again without a block of its own.
    if (nodes === 1) return asEntry(ListObject.over(bytes, 0, bytes.length));
    list ??= new ListObject();
    list.pushListpack(bytes, 0, bytes.length, entry);
  }
  return list === null ? null : asEntry(list);
}

function asEntry(list: ListObject): Entry | null {
  return list.length === 0 ? null : listEntry(list, -1);
}
