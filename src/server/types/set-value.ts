/*
 * Sets as values of keys, in three forms:
 *
 *   intset    integers only, up to set-max-intset-entries: sorted bytes in the record (intset.ts)
 *   listpack  up to set-max-listpack-entries, none longer than set-max-listpack-value, in the record too, looked
 *             through from the front
 *   object    everything else (member-table.ts)
 *
 * OBJECT ENCODING says `intset`, `listpack` and `hashtable`, and a set never goes back to a form it has left. All
 * decisions between forms are in SetBuilder; commands that change a packed set work on a builder that starts with its
 * bytes.
 *
 * No function here checks the type of a key: its caller does, before anything is changed.
 */
import type { Prng } from '../../base/prng.ts';
import { ENCODING_INTSET } from '../data/encoding.ts';
import * as intset from '../data/intset.ts';
import * as listpack from '../data/listpack.ts';
import type { MemberTable, MemberVisitor } from '../data/member-table.ts';
import type { RecordReader } from '../data/record.ts';
import type { Database, Ref } from '../keyspace/database.ts';
import type { Values } from './list-value.ts';
import { SetBuilder } from './set-builder.ts';

/** Tools of one call each; they hold nothing between two. */
const BUILDER = new SetBuilder();
const VALUE = new intset.Integer64();

export function setSize(records: RecordReader, ref: Ref): number {
  if (records.isObject(ref)) return (records.objectOf(ref) as MemberTable).size;
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  return records.encodingOf(ref) === ENCODING_INTSET
    ? intset.count(buf, off)
    : listpack.count(buf, off, records.valueLen(ref));
}

export function hasMember(db: Database, ref: Ref, vbuf: Buffer, voff: number, vlen: number): boolean {
  if (db.isObject(ref)) return (db.objectOf(ref) as MemberTable).has(vbuf, voff, vlen);
  const buf = db.valueBuf(ref);
  const off = db.valueOff(ref);
  if (db.encodingOf(ref) === ENCODING_INTSET) {
    return intset.parse(vbuf, voff, vlen, VALUE) && intset.find(buf, off, VALUE) >= 0;
  }
  return listpack.find(buf, listpack.first(off), listpack.end(off, db.valueLen(ref)), 1, vbuf, voff, vlen) >= 0;
}

/**
 * Adds the values from `first` to before `last` and answers how many were new. `ref` is 0 when the key does not exist
 * yet. Nothing is written when nothing is new.
 */
export function addMembers(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  values: Values,
  first: number,
  last: number,
): number {
  const { buf, off, len } = values;
  if (ref !== 0 && db.isObject(ref)) {
    return addToObject(db, kbuf, koff, klen, ref, values, first, last);
  }
  const { limits } = db.keyspace;
  if (ref === 0) {
    BUILDER.create(last - first, buf, off[first] as number, len[first] as number, limits);
  } else {
    startWith(db, ref);
    BUILDER.expect(last - first);
  }
  let added = 0;
  for (let i = first; i < last; i++) if (BUILDER.add(buf, off[i] as number, len[i] as number)) added++;
  if (added > 0) BUILDER.store(db, kbuf, koff, klen, ref);
  return added;
}

/** Removes the values and answers how many were members; deletes the key when none are left. */
export function removeMembers(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  values: Values,
  first: number,
  last: number,
): number {
  const { buf, off, len } = values;
  if (db.isObject(ref)) return removeFromObject(db, kbuf, koff, klen, ref, values, first, last);
  startWith(db, ref);
  let removed = 0;
  for (let i = first; i < last; i++) if (BUILDER.remove(buf, off[i] as number, len[i] as number)) removed++;
  if (BUILDER.size === 0) db.delete(kbuf, koff, klen);
  else if (removed > 0) BUILDER.store(db, kbuf, koff, klen, ref);
  return removed;
}

/** Visits all members. The visitor must not change anything. */
export function forEachMember(records: RecordReader, ref: Ref, visit: MemberVisitor): void {
  if (records.isObject(ref)) {
    (records.objectOf(ref) as MemberTable).forEach(visit);
    return;
  }
  const entry = new listpack.Entry();
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  if (records.encodingOf(ref) === ENCODING_INTSET) {
    const total = intset.count(buf, off);
    for (let i = 0; i < total; i++) {
      readInteger(buf, off, i, entry);
      visit(entry.buf, entry.off, entry.len);
    }
    return;
  }
  const end = listpack.end(off, records.valueLen(ref));
  for (let at = listpack.first(off); at < end; at = listpack.next(buf, at)) {
    listpack.read(buf, at, entry);
    visit(entry.buf, entry.off, entry.len);
  }
}

/** Reads any member, each as likely as the others. Its bytes are good until the next change of any database. */
export function randomMember(db: Database, ref: Ref, prng: Prng, entry: listpack.Entry): void {
  if (db.isObject(ref)) {
    const table = db.objectOf(ref) as MemberTable;
    table.read(table.random(prng), entry);
    return;
  }
  const buf = db.valueBuf(ref);
  const off = db.valueOff(ref);
  const len = db.valueLen(ref);
  const index = prng.below(setSize(db, ref));
  if (db.encodingOf(ref) === ENCODING_INTSET) readInteger(buf, off, index, entry);
  else listpack.read(buf, listpack.seek(buf, off, len, index), entry);
}

/** As MemberTable.scan; a packed set is shown whole, whatever the cursor. */
export function scanMembers(
  records: RecordReader,
  ref: Ref,
  cursor: number,
  count: number,
  visit: MemberVisitor,
): number {
  if (records.isObject(ref)) return (records.objectOf(ref) as MemberTable).scan(cursor, count, visit);
  forEachMember(records, ref, visit);
  return 0;
}

function startWith(db: Database, ref: Ref): void {
  const { limits } = db.keyspace;
  BUILDER.startWith(db.encodingOf(ref), db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref), limits);
}

function addToObject(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  values: Values,
  first: number,
  last: number,
): number {
  const { buf, off, len } = values;
  const set = db.objectOf(ref) as MemberTable;
  const before = set.size;
  db.willChange(ref);
  for (let i = first; i < last; i++) set.add(buf, off[i] as number, len[i] as number);
  if (set.size > before) db.changed(kbuf, koff, klen, ref);
  return set.size - before;
}

function removeFromObject(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  values: Values,
  first: number,
  last: number,
): number {
  const { buf, off, len } = values;
  const set = db.objectOf(ref) as MemberTable;
  const before = set.size;
  db.willChange(ref);
  for (let i = first; i < last; i++) set.remove(buf, off[i] as number, len[i] as number);
  const removed = before - set.size;
  if (set.size === 0) db.delete(kbuf, koff, klen);
  else if (removed > 0) db.changed(kbuf, koff, klen, ref);
  return removed;
}

function readInteger(buf: Buffer, off: number, index: number, entry: listpack.Entry): void {
  intset.read(buf, off, index, VALUE);
  entry.buf = entry.digits;
  entry.off = 0;
  entry.len = intset.format(VALUE, entry.digits, 0);
  entry.integer = Number.NaN;
}
