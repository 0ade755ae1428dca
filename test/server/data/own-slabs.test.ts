import { describe, expect, test } from 'vitest';
import { Key } from '../../../src/server/data/key.ts';
import { ListCursor, ListObject } from '../../../src/server/data/list-object.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { SetObject } from '../../../src/server/data/set-object.ts';
import { newKeyspace } from '../persistence/support.ts';

const MEGABYTE = 1024 * 1024;
const ELEMENTS = 150_000;
const ELEMENT_BYTES = 130;
/** Less than what lies in slabs of the value's own, and more than what chance does to the figure. */
const GIVEN_BACK_MIN = 12 * MEGABYTE;

const KEY = Buffer.from('key');
const OTHER = Buffer.from('other');

function element(i: number): Buffer {
  return Buffer.from(`element-${i}`.padEnd(ELEMENT_BYTES, '.'));
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

function bigSet(): SetObject {
  const set = new SetObject(new Key(16));
  for (let i = 0; i < ELEMENTS; i++) set.add(element(i), 0, ELEMENT_BYTES);
  return set;
}

const arrayBuffers = (): number => process.memoryUsage().arrayBuffers;

describe('A long list', () => {
  const stored = (object: ListObject | SetObject) => ({ type: 1, encoding: 6, bytes: null, object, deadline_ms: -1 });

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
});
