/* The elements of lists and sets, one after the other, in whichever form the keyspace has them. */
import { assert } from '../../base/assert.ts';
import { ENCODING_INTSET } from '../data/encoding.ts';
import * as intset from '../data/intset.ts';
import { ListCursor, ListObject } from '../data/list-object.ts';
import * as listpack from '../data/listpack.ts';
import type { RecordReader } from '../data/record.ts';
import { SetObject } from '../data/set-object.ts';

export type ElementVisitor = (buf: Buffer, off: number, len: number) => void;

export function countElements(records: RecordReader, ref: number): number {
  if (records.isObject(ref)) {
    const object = records.objectOf(ref);
    if (object instanceof ListObject) return object.length;
    assert(object instanceof SetObject, `an object of type ${records.typeOf(ref)} has no elements`);
    return object.size;
  }
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  if (records.encodingOf(ref) === ENCODING_INTSET) return intset.count(buf, off);
  return listpack.count(buf, off, records.valueLen(ref));
}

/** The bytes are good during the call of `visit` only. */
export function forEachElement(records: RecordReader, ref: number, visit: ElementVisitor): void {
  if (records.isObject(ref)) {
    const object = records.objectOf(ref);
    if (object instanceof ListObject) visitList(object, visit);
    else if (object instanceof SetObject) object.forEach(visit);
    else assert(false, `an object of type ${records.typeOf(ref)} has no elements`);
    return;
  }
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  if (records.encodingOf(ref) === ENCODING_INTSET) visitIntset(buf, off, visit);
  else visitListpack(buf, off, records.valueLen(ref), visit);
}

/** The same with a pause after every `slice` elements. The value must not change until the end. */
export function* forEachElementInSlices(
  records: RecordReader,
  ref: number,
  slice: number,
  visit: ElementVisitor,
): Generator<void> {
  if (!records.isObject(ref)) {
    forEachElement(records, ref, visit);
    return;
  }
  const object = records.objectOf(ref);
  if (object instanceof ListObject) {
    yield* visitListInSlices(object, slice, visit);
    return;
  }
  assert(object instanceof SetObject, `an object of type ${records.typeOf(ref)} has no elements`);
  for (let cursor = 0; ; ) {
    cursor = object.scan(cursor, slice, visit);
    if (cursor === 0) return;
    yield;
  }
}

function* visitListInSlices(list: ListObject, slice: number, visit: ElementVisitor): Generator<void> {
  const cursor = new ListCursor();
  const entry = new listpack.Entry();
  let visited = 0;
  for (let more = list.seek(0, cursor); more; more = list.next(cursor)) {
    list.read(cursor, entry);
    visit(entry.buf, entry.off, entry.len);
    if (++visited % slice === 0) yield;
  }
}

function visitListpack(buf: Buffer, off: number, len: number, visit: ElementVisitor): void {
  const entry = new listpack.Entry();
  const end = listpack.end(off, len);
  for (let at = listpack.first(off); at < end; at = listpack.next(buf, at)) {
    listpack.read(buf, at, entry);
    visit(entry.buf, entry.off, entry.len);
  }
}

function visitIntset(buf: Buffer, off: number, visit: ElementVisitor): void {
  const value = new intset.Integer64();
  const digits = Buffer.alloc(24);
  const total = intset.count(buf, off);
  for (let i = 0; i < total; i++) {
    intset.read(buf, off, i, value);
    visit(digits, 0, intset.format(value, digits, 0));
  }
}

function visitList(list: ListObject, visit: ElementVisitor): void {
  const cursor = new ListCursor();
  const entry = new listpack.Entry();
  for (let more = list.seek(0, cursor); more; more = list.next(cursor)) {
    list.read(cursor, entry);
    visit(entry.buf, entry.off, entry.len);
  }
}
