/*
 * Hashes as values of keys, in two forms:
 *
 *   listpack  fields and values in turn, in the record, looked through from the front
 *   object    a table of fields with their values (member-table.ts)
 *
 * OBJECT ENCODING says `listpack` and `hashtable`, and a hash that has become a table stays one. All decisions between the
 * forms are in HashBuilder; commands that change a packed hash work on a builder that starts with its bytes, unless they
 * only overwrite a value with one that takes as much room.
 *
 * No function here checks the type of a key: its caller does, before anything is changed.
 */
import type { Prng } from '../../base/prng.ts';
import * as listpack from '../data/listpack.ts';
import type { MemberTable } from '../data/member-table.ts';
import type { RecordReader } from '../data/record.ts';
import type { Database, Ref } from '../keyspace/database.ts';
import { HashBuilder } from './hash-builder.ts';
import type { Values } from './list-value.ts';
import type { ElementVisitor } from './value-type.ts';

/** A longer value is not tried to be overwritten where it is. */
const IN_PLACE_MAX = 256;

/** Tools of one call each; they hold nothing between two. */
const BUILDER = new HashBuilder();
const ENTRY_BYTES = Buffer.allocUnsafeSlow(listpack.lengthBound(IN_PLACE_MAX));

/** Number of fields. */
export function hashLength(records: RecordReader, ref: Ref): number {
  if (records.isObject(ref)) return (records.objectOf(ref) as MemberTable).size;
  return listpack.count(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref)) / 2;
}

export function hasField(db: Database, ref: Ref, fbuf: Buffer, foff: number, flen: number): boolean {
  if (db.isObject(ref)) return (db.objectOf(ref) as MemberTable).has(fbuf, foff, flen);
  return findPacked(db, ref, fbuf, foff, flen) >= 0;
}

/** Where the value of a field is, for `readFound` and `setFound`; 0 when there is none. Good until the next change. */
export function findField(db: Database, ref: Ref, fbuf: Buffer, foff: number, flen: number): number {
  if (db.isObject(ref)) return (db.objectOf(ref) as MemberTable).find(fbuf, foff, flen);
  const at = findPacked(db, ref, fbuf, foff, flen);
  return at < 0 ? 0 : listpack.next(db.valueBuf(ref), at);
}

/** The bytes are good until the next change of any database. */
export function readFound(db: Database, ref: Ref, found: number, value: listpack.Entry): void {
  if (db.isObject(ref)) (db.objectOf(ref) as MemberTable).readValue(found, value);
  else listpack.read(db.valueBuf(ref), found, value);
}

/** Both in one; false when there is no such field. */
export function readField(
  db: Database,
  ref: Ref,
  fbuf: Buffer,
  foff: number,
  flen: number,
  value: listpack.Entry,
): boolean {
  const found = findField(db, ref, fbuf, foff, flen);
  if (found === 0) return false;
  readFound(db, ref, found, value);
  return true;
}

/**
 * Sets the fields and values that lie in turn from `first` to before `last`, and answers how many fields are new. `ref` is
 * 0 when the key does not exist yet.
 */
export function setFields(
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
  if (last - first === 2) {
    const [foff, flen] = [off[first] as number, len[first] as number];
    const [voff, vlen] = [off[first + 1] as number, len[first + 1] as number];
    // A table looks the field up itself when it puts it.
    const isPacked = ref !== 0 && !db.isObject(ref);
    const found = isPacked ? findField(db, ref, buf, foff, flen) : 0;
    return setFound(db, kbuf, koff, klen, ref, found, buf, foff, flen, buf, voff, vlen) ? 1 : 0;
  }
  let added = 0;
  if (ref !== 0 && db.isObject(ref)) {
    const table = db.objectOf(ref) as MemberTable;
    const taken = table.usedBytes();
    db.willChange(ref);
    for (let i = first; i < last; i += 2) {
      const v = i + 1;
      if (table.put(buf, off[i] as number, len[i] as number, buf, off[v] as number, len[v] as number)) added++;
    }
    db.changed(kbuf, koff, klen, ref, table.usedBytes() !== taken);
    return added;
  }
  begin(db, ref);
  for (let i = first; i < last; i += 2) {
    const v = i + 1;
    if (BUILDER.set(buf, off[i] as number, len[i] as number, buf, off[v] as number, len[v] as number)) added++;
  }
  BUILDER.store(db, kbuf, koff, klen, ref);
  return added;
}

/** Sets one field, of which `findField` answered `found`, or which was not looked for (0); false when it had a value. */
export function setFound(
  db: Database,
  kbuf: Buffer,
  koff: number,
  klen: number,
  ref: Ref,
  found: number,
  fbuf: Buffer,
  foff: number,
  flen: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): boolean {
  if (ref !== 0 && db.isObject(ref)) {
    const table = db.objectOf(ref) as MemberTable;
    const taken = table.usedBytes();
    db.willChange(ref);
    const isNew =
      found !== 0 && table.overwrite(found, vbuf, voff, vlen) ? false : table.put(fbuf, foff, flen, vbuf, voff, vlen);
    db.changed(kbuf, koff, klen, ref, table.usedBytes() !== taken);
    return isNew;
  }
  if (found !== 0 && overwritten(db, ref, found, flen, vbuf, voff, vlen)) return false;
  begin(db, ref);
  const isNew = BUILDER.set(fbuf, foff, flen, vbuf, voff, vlen);
  BUILDER.store(db, kbuf, koff, klen, ref);
  return isNew;
}

/** Removes fields and answers how many there were; deletes the key when none are left. */
export function removeFields(
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
  if (db.isObject(ref)) {
    const table = db.objectOf(ref) as MemberTable;
    const before = table.size;
    db.willChange(ref);
    for (let i = first; i < last; i++) table.remove(buf, off[i] as number, len[i] as number);
    const removed = before - table.size;
    if (table.size === 0) db.delete(kbuf, koff, klen);
    else if (removed > 0) db.changed(kbuf, koff, klen, ref);
    return removed;
  }
  begin(db, ref);
  let removed = 0;
  for (let i = first; i < last; i++) if (BUILDER.remove(buf, off[i] as number, len[i] as number)) removed++;
  if (BUILDER.size === 0) db.delete(kbuf, koff, klen);
  else if (removed > 0) BUILDER.store(db, kbuf, koff, klen, ref);
  return removed;
}

/** Shows each field and then its value; as MemberTable.scan, but a packed hash is shown whole, whatever the cursor. */
export function walkHash(
  records: RecordReader,
  ref: Ref,
  cursor: number,
  count: number,
  visit: ElementVisitor,
): number {
  if (records.isObject(ref)) return (records.objectOf(ref) as MemberTable).scan(cursor, count, visit);
  const entry = new listpack.Entry();
  const buf = records.valueBuf(ref);
  const off = records.valueOff(ref);
  const end = listpack.end(off, records.valueLen(ref));
  for (let at = listpack.first(off); at < end; at = listpack.next(buf, at)) {
    listpack.read(buf, at, entry);
    visit(entry.buf, entry.off, entry.len);
  }
  return 0;
}

/** The bytes are good until the next change of any database. */
export type FieldVisitor = (field: listpack.Entry, value: listpack.Entry) => void;

/** Shows `count` fields, each picked from all of them whatever was picked before. */
export function pickFields(db: Database, ref: Ref, count: number, prng: Prng, visit: FieldVisitor): void {
  const field = new listpack.Entry();
  const value = new listpack.Entry();
  if (db.isObject(ref)) {
    const table = db.objectOf(ref) as MemberTable;
    for (let i = 0; i < count; i++) showOf(table, table.random(prng), field, value, visit);
    return;
  }
  const buf = db.valueBuf(ref);
  const starts = packedFields(db, ref);
  for (let i = 0; i < count; i++) showAt(buf, starts[prng.below(starts.length)] as number, field, value, visit);
}

/** Shows `count` different fields, in no order; there are as many. */
export function pickDifferentFields(db: Database, ref: Ref, count: number, prng: Prng, visit: FieldVisitor): void {
  const field = new listpack.Entry();
  const value = new listpack.Entry();
  if (!db.isObject(ref)) {
    const buf = db.valueBuf(ref);
    chooseFrom(packedFields(db, ref), count, prng, (start) => showAt(buf, start, field, value, visit));
    return;
  }
  const table = db.objectOf(ref) as MemberTable;
  const show = (reference: number) => showOf(table, reference, field, value, visit);
  // As long as most picks are new ones, it is quicker to pick again than to look at all fields.
  if (count * 3 > table.size) return chooseFrom(table.references(), count, prng, show);
  const picked = new Set<number>();
  while (picked.size < count) picked.add(table.random(prng));
  picked.forEach(show);
}

/** Shows `count` of all, each as likely as the others. */
function chooseFrom(all: Int32Array, count: number, prng: Prng, show: (one: number) => void): void {
  let needed = count;
  for (let i = 0; needed > 0; i++) {
    if (prng.below(all.length - i) >= needed) continue;
    show(all[i] as number);
    needed--;
  }
}

function showOf(
  table: MemberTable,
  reference: number,
  field: listpack.Entry,
  value: listpack.Entry,
  visit: FieldVisitor,
): void {
  table.read(reference, field);
  table.readValue(reference, value);
  visit(field, value);
}

function showAt(buf: Buffer, start: number, field: listpack.Entry, value: listpack.Entry, visit: FieldVisitor): void {
  listpack.read(buf, start, field);
  listpack.read(buf, listpack.next(buf, start), value);
  visit(field, value);
}

/** Where the fields of a packed hash begin. */
function packedFields(db: Database, ref: Ref): Int32Array {
  const buf = db.valueBuf(ref);
  const starts = new Int32Array(hashLength(db, ref));
  let at = listpack.first(db.valueOff(ref));
  for (let i = 0; i < starts.length; i++) {
    starts[i] = at;
    at = listpack.next(buf, listpack.next(buf, at));
  }
  return starts;
}

function findPacked(db: Database, ref: Ref, fbuf: Buffer, foff: number, flen: number): number {
  const off = db.valueOff(ref);
  return listpack.find(db.valueBuf(ref), listpack.first(off), listpack.end(off, db.valueLen(ref)), 2, fbuf, foff, flen);
}

/**
 * Overwrites the value at `at` of a packed hash in its record, which was looked up last; false, with nothing done, when the
 * new value takes another room, or the limits of packed hashes are passed.
 */
function overwritten(
  db: Database,
  ref: Ref,
  at: number,
  flen: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): boolean {
  if (vlen > IN_PLACE_MAX) return false;
  const { limits } = db.keyspace;
  if (Math.max(flen, vlen) > limits['hash-max-listpack-value']) return false;
  if (hashLength(db, ref) > limits['hash-max-listpack-entries']) return false;
  const bytes = listpack.writeEntry(ENTRY_BYTES, 0, vbuf, voff, vlen);
  if (listpack.next(db.valueBuf(ref), at) - at !== bytes) return false;
  db.patchPacked(ref, at - db.valueOff(ref), ENTRY_BYTES, 0, bytes);
  return true;
}

function begin(db: Database, ref: Ref): void {
  const { limits } = db.keyspace;
  if (ref === 0) BUILDER.clear(limits);
  else BUILDER.startWith(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref), limits);
}
