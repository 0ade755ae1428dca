import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { ENCODING_QUICKLIST, TYPE_LIST } from '../../../src/server/data/encoding.ts';
import { ListCursor, ListObject } from '../../../src/server/data/list-object.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { ALL } from '../../../src/server/types/elements.ts';
import {
  closeList,
  dropFromEnd,
  type End,
  listEntry,
  listLength,
  openList,
  PACKED_BYTES_MAX,
  pushValues,
  readEnd,
  storeList,
  walkList,
} from '../../../src/server/types/list-value.ts';
import { valuesOf } from './values.ts';

const KEY = Buffer.from('a list');

function database() {
  return new Keyspace({ databases: 1, seed: 1, chunkBytes: 16384 }).databases[0]!;
}

type Database = ReturnType<typeof database>;

function find(db: Database): number {
  return db.findForWrite(KEY, 0, KEY.length);
}

function push(db: Database, end: End, texts: readonly string[]): number {
  return pushValues(db, KEY, 0, KEY.length, find(db), end, valuesOf(texts), 0, texts.length);
}

function elements(db: Database): string[] {
  const texts: string[] = [];
  const ref = find(db);
  if (ref === 0) return texts;
  walkList(db, ref, 0, ALL, (buf, off, len) => {
    texts.push(buf.toString('latin1', off, off + len));
  });
  return texts;
}

function elementOf(prng: Prng): string {
  if (prng.chance(0.02)) return 'x'.repeat(prng.below(6000));
  return prng.chance(0.3) ? `${prng.next() - 2 ** 31}` : prng.hex(prng.below(30));
}

describe('list value', () => {
  it.each([1, 2, 3])('stays equal to an array, packed and big, seed %i', (seed) => {
    const prng = new Prng(seed);
    const db = database();
    const entry = new Entry();
    let model: string[] = [];
    for (let step = 0; step < 6000; step++) {
      const end: End = prng.chance(0.5) ? 'head' : 'tail';
      // Grows and shrinks in turns, through nothing, packed and big.
      if (prng.chance(Math.floor(step / 500) % 2 === 0 ? 0.6 : 0.3)) {
        const texts = Array.from({ length: 1 + prng.below(3) }, () => elementOf(prng));
        model = end === 'head' ? [...texts.toReversed(), ...model] : [...model, ...texts];
        expect(push(db, end, texts)).toBe(model.length);
      } else if (model.length > 0) {
        readEnd(db, find(db), end, entry);
        expect(entry.buf.toString('latin1', entry.off, entry.off + entry.len)).toBe(model.at(end === 'head' ? 0 : -1));
        const count = 1 + prng.below(4);
        dropFromEnd(db, KEY, 0, KEY.length, find(db), end, count);
        model = end === 'head' ? model.slice(count) : model.slice(0, Math.max(0, model.length - count));
      }
      const ref = find(db);
      expect(ref !== 0).toBe(model.length > 0);
      if (ref !== 0) expect(listLength(db, ref)).toBe(model.length);
      if (step % 20 === 0) expect(elements(db)).toEqual(model);
    }
  });

  it('is packed up to a limit, big from there on, and a quicklist in both cases', () => {
    const db = database();
    push(db, 'tail', ['a']);
    expect(db.isObject(find(db))).toBe(false);
    while (!db.isObject(find(db))) push(db, 'head', ['an element of a list']);
    expect(listLength(db, find(db)) * 22).toBeGreaterThan(PACKED_BYTES_MAX * 0.9);
    expect(db.typeOf(find(db))).toBe(TYPE_LIST);
    expect(db.encodingOf(find(db))).toBe(ENCODING_QUICKLIST);
    expect(elements(db).at(-1)).toBe('a');
  });

  it('can be edited in place, grow out of its record, and end the key with its last element', () => {
    for (const total of [5, 500]) {
      const db = database();
      const model = Array.from({ length: total }, (_, i) => `e${i}`);
      push(db, 'tail', model);
      const edit = (change: (list: ListObject, cursor: ListCursor) => void): void => {
        const ref = find(db);
        const wasObject = db.isObject(ref);
        if (wasObject) db.willChange(ref);
        const list = openList(db, ref);
        const cursor = new ListCursor();
        list.seek(2, cursor);
        change(list, cursor);
        closeList(db, KEY, 0, KEY.length, list, wasObject);
      };
      edit((list, cursor) => list.insert(cursor, Buffer.from('new'), 0, 3));
      model.splice(2, 0, 'new');
      expect(elements(db)).toEqual(model);
      edit((list, cursor) => list.remove(cursor));
      model.splice(2, 1);
      expect(elements(db)).toEqual(model);
      edit((list, cursor) => list.replace(cursor, Buffer.alloc(3000, 0x61), 0, 3000));
      model[2] = 'a'.repeat(3000);
      expect(elements(db)).toEqual(model);
      expect(db.isObject(find(db))).toBe(true);
      edit((list) => {
        const entry = new Entry();
        while (list.length > 0) list.popHead(entry);
      });
      expect(find(db)).toBe(0);
    }
  });

  it('counts every change, and lets a refused one leave no trace', () => {
    const db = database();
    const { keyspace } = db;
    push(db, 'tail', ['a', 'b']);
    push(
      db,
      'tail',
      Array.from({ length: 300 }, (_, i) => `element ${i}`),
    );
    const before = keyspace.version;
    push(db, 'tail', ['c']);
    expect(keyspace.version).toBe(before + 1);
    dropFromEnd(db, KEY, 0, KEY.length, find(db), 'head', 1);
    expect(keyspace.version).toBe(before + 2);
    elements(db);
    expect(keyspace.version).toBe(before + 2);
  });

  it('is stored and copied in the form that fits it, with its own life', () => {
    for (const total of [3, 1000]) {
      const db = database();
      const list = new ListObject();
      for (let i = 0; i < total; i++) list.pushTail(Buffer.from(`${i}`), 0, `${i}`.length);
      storeList(db, KEY, 0, KEY.length, list);
      expect(db.isObject(find(db))).toBe(total === 1000);
      const copy = listEntry(openList(db, find(db)).clone(), NO_DEADLINE);
      expect(copy.object === null).toBe(total === 3);
      push(db, 'tail', ['more']);
      const other = Buffer.from('copy');
      db.put(other, 0, other.length, copy);
      expect(listLength(db, db.find(other, 0, other.length))).toBe(total);
      expect(listLength(db, find(db))).toBe(total + 1);
    }
  });
});
