/*
 * Lists as values of keys. A short list is one listpack in the record of its key; what would grow past PACKED_BYTES_MAX
 * becomes a ListObject and stays one until the key goes, as Redis does it. OBJECT ENCODING calls both a quicklist.
 *
 * There are two ways to change a list. Pushing and cutting off ends, which is what lists are for, know both forms and
 * allocate nothing. Everything else opens the list for editing, works on a ListObject that reads the packed bytes where
 * they lie, and closes it: see `openList` and `closeList`.
 *
 * No function here checks the type of a key: its caller does, before anything is changed.
 */
import { copyBytes } from '../../base/copy.ts';
import { ENCODING_QUICKLIST, TYPE_LIST } from '../data/encoding.ts';
import { ListCursor, ListObject } from '../data/list-object.ts';
import * as listpack from '../data/listpack.ts';
import type { RecordReader } from '../data/record.ts';
import type { Database, Entry, Ref } from '../keyspace/database.ts';
import type { ElementVisitor } from './value-type.ts';

/** A push copies a packed list twice, so it should be small; a ListObject costs 8 KB at once, so not too small. */
export const PACKED_BYTES_MAX = 1024;

/** Where arguments lie; a request is one. */
export interface Values {
  readonly buf: Buffer;
  readonly off: Int32Array;
  readonly len: Int32Array;
}

export type End = 'head' | 'tail';

/** Room to put a packed list together. It holds nothing between two calls. */
const PACK = Buffer.allocUnsafeSlow(PACKED_BYTES_MAX);

export function listLength(records: RecordReader, ref: Ref): number {
  if (records.isObject(ref)) return (records.objectOf(ref) as ListObject).length;
  return listpack.count(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
}

/**
 * Pushes the values from `first` to before `last`, one after the other, and answers the new length. `ref` is 0 when the
 * key does not exist yet.
 */
export function pushValues(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  end: End,
  values: Values,
  first: number,
  last: number,
): number {
  if (ref !== 0 && db.isObject(ref)) {
    const list = db.objectOf(ref) as ListObject;
    db.willChange(ref);
    const taken = list.usedBytes();
    pushToObject(list, end, values, first, last);
    db.changed(kbuf, koff, klen, ref, list.usedBytes() !== taken);
    return list.length;
  }
  let bound = ref === 0 ? listpack.EMPTY_BYTES : db.valueLen(ref);
  for (let i = first; i < last; i++) bound += listpack.lengthBound(values.len[i] as number);
  if (bound > PACKED_BYTES_MAX) {
    const list = ref === 0 ? new ListObject() : viewOf(db, ref);
    pushToObject(list, end, values, first, last);
    db.setObject(kbuf, koff, klen, TYPE_LIST, ENCODING_QUICKLIST, list);
    return list.length;
  }
  const old = ref === 0 ? 0 : listLength(db, ref);
  const to = end === 'tail' ? packBehind(db, ref, values, first, last) : packBefore(db, ref, values, first, last);
  const length = old + last - first;
  const bytes = listpack.finish(PACK, 0, to, length);
  db.setPacked(kbuf, koff, klen, TYPE_LIST, ENCODING_QUICKLIST, PACK, 0, bytes, ref);
  return length;
}

/** Reads the element at one end. Its bytes are good until the next change of any list. */
export function readEnd(db: Database, ref: Ref, end: End, entry: listpack.Entry): void {
  if (db.isObject(ref)) {
    (db.objectOf(ref) as ListObject).readEnd(end, entry);
    return;
  }
  const buf = db.valueBuf(ref);
  const off = db.valueOff(ref);
  const at = end === 'head' ? listpack.first(off) : listpack.previous(buf, listpack.end(off, db.valueLen(ref)));
  listpack.read(buf, at, entry);
}

/** Cuts `count` elements off one end; deletes the key when none are left. Bytes of popped elements may be gone then. */
export function dropFromEnd(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  end: End,
  count: number,
): void {
  const length = listLength(db, ref);
  if (count >= length) {
    db.delete(kbuf, koff, klen);
    return;
  }
  const start = end === 'head' ? count : 0;
  if (db.isObject(ref)) {
    db.willChange(ref);
    (db.objectOf(ref) as ListObject).trim(start, length - count);
    db.changed(kbuf, koff, klen, ref);
    return;
  }
  const buf = db.valueBuf(ref);
  const off = db.valueOff(ref);
  const len = db.valueLen(ref);
  const total = listpack.end(off, len);
  let from = listpack.first(off);
  let to = from;
  if (end === 'head') {
    for (let i = 0; i < count; i++) to = listpack.next(buf, to);
  } else {
    from = total;
    to = total;
    for (let i = 0; i < count; i++) from = listpack.previous(buf, from);
  }
  const left = listpack.remove(PACK, 0, buf, off, len, from, to, count);
  db.setPacked(kbuf, koff, klen, TYPE_LIST, ENCODING_QUICKLIST, PACK, 0, left, ref);
}

/**
 * The list of a key, for reading; good until the next change of any database. To change it, call `db.willChange` first
 * when the value is an object, and `closeList` afterwards.
 */
export function openList(records: RecordReader, ref: Ref): ListObject {
  return records.isObject(ref) ? (records.objectOf(ref) as ListObject) : viewOf(records, ref);
}

/** Makes the list that `openList` gave, changed since, the value of its key again; an empty one deletes it. */
export function closeList(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  list: ListObject,
  wasObject: boolean,
): void {
  if (list.length === 0) db.delete(kbuf, koff, klen);
  else if (wasObject) db.changed(kbuf, koff, klen);
  else storeList(db, kbuf, koff, klen, list);
}

/** Makes a list, which is not empty and belongs to nobody else, the value of a key, in the form that fits it. */
export function storeList(db: Database, kbuf: Buffer, koff: number, klen: number, list: ListObject): void {
  if (list.packedBytes > PACKED_BYTES_MAX) {
    db.setObject(kbuf, koff, klen, TYPE_LIST, ENCODING_QUICKLIST, list);
  } else {
    db.setPacked(kbuf, koff, klen, TYPE_LIST, ENCODING_QUICKLIST, PACK, 0, list.writePacked(PACK, 0));
  }
}

/** The same as a value without a key. */
export function listEntry(list: ListObject, deadline_ms: number): Entry {
  const packed = list.packedBytes <= PACKED_BYTES_MAX;
  const bytes = packed ? Buffer.allocUnsafe(list.packedBytes) : null;
  if (bytes !== null) list.writePacked(bytes, 0);
  return {
    type: TYPE_LIST,
    encoding: ENCODING_QUICKLIST,
    deadline_ms,
    bytes,
    object: packed ? null : list,
  };
}

/** Shows `count` elements from index `from` on, and answers the index of the next one, or 0 at the end. */
export function walkList(records: RecordReader, ref: Ref, from: number, count: number, visit: ElementVisitor): number {
  const list = openList(records, ref);
  const cursor = new ListCursor();
  const entry = new listpack.Entry();
  const end = Math.min(list.length, from + count);
  let more = list.seek(from, cursor);
  for (let i = from; more && i < end; i++) {
    list.read(cursor, entry);
    visit(entry.buf, entry.off, entry.len);
    more = list.next(cursor);
  }
  return more ? end : 0;
}

function viewOf(records: RecordReader, ref: Ref): ListObject {
  return ListObject.over(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
}

function pushToObject(list: ListObject, end: End, values: Values, first: number, last: number): void {
  const { buf, off, len } = values;
  if (end === 'tail') {
    for (let i = first; i < last; i++) list.pushTail(buf, off[i] as number, len[i] as number);
  } else {
    for (let i = first; i < last; i++) list.pushHead(buf, off[i] as number, len[i] as number);
  }
}

/** Writes the old entries, if any, and the values behind them; answers where they end. */
function packBehind(db: Database, ref: Ref, values: Values, first: number, last: number): number {
  const { buf, off, len } = values;
  let to = listpack.first(0);
  if (ref !== 0) to = copyEntries(db, ref, to);
  for (let i = first; i < last; i++) to = listpack.writeEntry(PACK, to, buf, off[i] as number, len[i] as number);
  return to;
}

/** Writes the values in reverse, because the last one pushed is the new head, and the old entries behind them. */
function packBefore(db: Database, ref: Ref, values: Values, first: number, last: number): number {
  const { buf, off, len } = values;
  let to = listpack.first(0);
  for (let i = last - 1; i >= first; i--) to = listpack.writeEntry(PACK, to, buf, off[i] as number, len[i] as number);
  return ref === 0 ? to : copyEntries(db, ref, to);
}

function copyEntries(db: Database, ref: Ref, to: number): number {
  const bytes = db.valueLen(ref) - listpack.EMPTY_BYTES;
  copyBytes(db.valueBuf(ref), listpack.first(db.valueOff(ref)), bytes, PACK, to);
  return to + bytes;
}
