import { describe, expect, test } from 'vitest';
import { Key } from '../../../src/server/data/key.ts';
import { ListCursor, ListObject } from '../../../src/server/data/list-object.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { MemberTable } from '../../../src/server/data/member-table.ts';
import { SLAB_BYTES } from '../../../src/server/data/slabs.ts';
import { newKeyspace } from '../persistence/support.ts';

const MEGABYTE = 1024 * 1024;
const ELEMENTS = 50_000;
const ELEMENT_BYTES = 390;
/** Less than what lies in slabs of the value's own, and more than what chance does to the figure. */
const GIVEN_BACK_MIN = 12 * MEGABYTE;

const KEY = Buffer.from('key');
const OTHER = Buffer.from('other');

const made: Buffer[] = [];

function element(i: number): Buffer {
  made[i] ??= Buffer.from(`element-${i}`.padEnd(ELEMENT_BYTES, '.'));
  return made[i];
}

function longList(): ListObject {
  const list = new ListObject();
  for (let i = 0; i < ELEMENTS; i++) list.pushTail(element(i), 0, ELEMENT_BYTES);
  return list;
}

function elementsOf(list: ListObject, from: number, count: number): string[] {
  const [cursor, entry] = [new ListCursor(), new Entry()];
  list.seek(from, cursor);
  return Array.from({ length: count }, () => {
    list.read(cursor, entry);
    list.next(cursor);
    return entry.buf.latin1Slice(entry.off, entry.off + entry.len);
  });
}

function bigSet(): MemberTable {
  const set = new MemberTable(new Key(16), false);
  for (let i = 0; i < ELEMENTS; i++) set.add(element(i), 0, ELEMENT_BYTES);
  return set;
}

const arrayBuffers = (): number => process.memoryUsage().arrayBuffers;

describe('A long list', () => {
  const stored = (object: ListObject | MemberTable) => ({ type: 1, encoding: 6, bytes: null, object, deadline_ms: -1 });

  test('gives its memory back when it is deleted, at the end of the turn and without the garbage collector', () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    db.put(KEY, 0, 3, stored(longList()));
    const before = arrayBuffers();
    db.delete(KEY, 0, 3);
    expect(before - arrayBuffers()).toBeLessThan(MEGABYTE);
    while (keyspace.releaseMemory());
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
  });

  test('keeps its memory when it goes to another key, and gives it back when the database is emptied', () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    const list = longList();
    db.put(KEY, 0, 3, stored(list));
    db.put(OTHER, 0, 5, db.take(db.findForWrite(KEY, 0, 3)));
    while (keyspace.releaseMemory());
    expect(elementsOf(list, ELEMENTS - 1, 1)).toEqual([String(element(ELEMENTS - 1))]);
    const before = arrayBuffers();
    db.clear();
    while (keyspace.releaseMemory());
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
  });

  test('gives all of it back when it is deleted after it had shrunk', () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    const list = longList();
    db.put(KEY, 0, 3, stored(list));
    list.trim(ELEMENTS - 7000, 7000);
    expect(list.hasSlabs).toBe(true);
    db.changed(KEY, 0, 3);
    const before = arrayBuffers();
    db.delete(KEY, 0, 3);
    while (keyspace.releaseMemory());
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
  });

  test('gives its slabs back when little stays of it', () => {
    const list = longList();
    const entry = new Entry();
    const before = arrayBuffers();
    while (list.length > 1000) list.popHead(entry);
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
    expect(elementsOf(list, 0, 1)).toEqual([String(element(ELEMENTS - 1000))]);
  });

  test('leaves its slabs when little stays of it, and what a pop read can still be read', () => {
    const list = longList();
    const entry = new Entry();
    list.trim(ELEMENTS - 3000, 3000);
    expect(list.hasSlabs).toBe(true);
    let popped = 0;
    for (; list.hasSlabs; popped++) list.popHead(entry);
    expect(entry.buf.latin1Slice(entry.off, entry.off + entry.len)).toBe(String(element(ELEMENTS - 3000 + popped - 1)));
    expect(list.length).toBeGreaterThan(1000);
    expect(elementsOf(list, 0, 1)).toEqual([String(element(ELEMENTS - 3000 + popped))]);
    expect(elementsOf(list, list.length - 1, 1)).toEqual([String(element(ELEMENTS - 1))]);
    for (let i = 0; i < ELEMENTS; i++) list.pushTail(element(i), 0, ELEMENT_BYTES);
    expect(elementsOf(list, list.length - 1, 1)).toEqual([String(element(ELEMENTS - 1))]);
  });

  test('leaves what a copy of it reads, which changes on its own', () => {
    const list = longList();
    const copy = list.clone();
    list.pushTail(Buffer.from('more'), 0, 4);
    list.dispose();
    expect(copy.length).toBe(ELEMENTS);
    expect(elementsOf(copy, ELEMENTS - 3, 3)).toEqual([3, 2, 1].map((i) => String(element(ELEMENTS - i))));
  });

  test('gives memory back while it shrinks, and takes as much as it needs when it is a queue', () => {
    const list = longList();
    const entry = new Entry();
    const before = arrayBuffers();
    for (let i = 0; i < ELEMENTS * 2; i++) {
      list.popHead(entry);
      if (i % 1000 === 0) expect(entry.buf.latin1Slice(entry.off, entry.off + entry.len)).toBe(String(element(i)));
      list.pushTail(element(ELEMENTS + i), 0, ELEMENT_BYTES);
    }
    expect(arrayBuffers() - before).toBeLessThan(40 * MEGABYTE);
    list.trim(ELEMENTS - 1000, 1000);
    list.pushTail(element(0), 0, ELEMENT_BYTES);
    list.popHead(entry);
    expect(elementsOf(list, 0, 1)).toEqual([String(element(ELEMENTS * 3 - 999))]);
  });
});

describe('A big set', () => {
  test('gives its memory back when it is disposed of, except for what a copy reads', () => {
    const set = bigSet();
    const copy = set.clone();
    set.dispose();
    expect(copy.has(element(ELEMENTS - 1), 0, ELEMENT_BYTES)).toBe(true);
    const other = bigSet();
    const before = arrayBuffers();
    other.dispose();
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
  });

  test('gives its slabs back when few members stay', () => {
    const set = bigSet();
    const before = arrayBuffers();
    for (let i = 1000; i < ELEMENTS; i++) set.remove(element(i), 0, ELEMENT_BYTES);
    expect(before - arrayBuffers()).toBeGreaterThan(GIVEN_BACK_MIN);
    expect(Array.from({ length: 1000 }, (_, i) => i).filter((i) => !set.has(element(i), 0, ELEMENT_BYTES))).toEqual([]);
  });

  test('of short members gives back the table that finds them, too', () => {
    const set = new MemberTable(new Key(16), false);
    const members = 1_000_000;
    const name = Buffer.alloc(4);
    for (let i = 0; i < members; i++) set.add(name, 0, name.writeInt32LE(i));
    const before = arrayBuffers();
    set.dispose();
    // The members take one slab, their table another.
    expect(before - arrayBuffers()).toBeGreaterThan(1.5 * SLAB_BYTES);
  });

  test('keeps all members when it leaves its slabs because few are left, and when it grows and is copied again', () => {
    const set = bigSet();
    const remove = (i: number) => set.remove(element(i), 0, ELEMENT_BYTES);
    let removed = 0;
    for (; set.hasSlabs; removed++) remove(removed);
    expect(set.size).toBe(ELEMENTS - removed);
    expect(set.size).toBeGreaterThan(1000);
    const missing = (from: number) =>
      Array.from({ length: ELEMENTS - from }, (_, i) => from + i).filter((i) => !set.has(element(i), 0, ELEMENT_BYTES));
    expect(missing(removed)).toEqual([]);
    for (let i = 0; i < removed; i++) set.add(element(i), 0, ELEMENT_BYTES);
    const copy = set.clone();
    for (let i = 0; i < ELEMENTS; i += 2) copy.remove(element(i), 0, ELEMENT_BYTES);
    expect(missing(0)).toEqual([]);
    set.dispose();
    expect(copy.has(element(1), 0, ELEMENT_BYTES)).toBe(true);
  });
});
