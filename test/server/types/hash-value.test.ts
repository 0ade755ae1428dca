import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { ENCODING_HASHTABLE, ENCODING_LISTPACK } from '../../../src/server/data/encoding.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { copyOfValue } from '../../../src/server/keyspace/copy-value.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { defaultLimits } from '../../../src/server/keyspace/limits.ts';
import {
  findField,
  hasField,
  hashLength,
  pickDifferentFields,
  pickFields,
  readField,
  removeFields,
  setFields,
  setFound,
  walkHash,
} from '../../../src/server/types/hash-value.ts';
import { valuesOf } from './values.ts';

const KEY = Buffer.from('a hash');

function database(limits = defaultLimits()) {
  return new Keyspace({ databases: 1, seed: 1, chunkBytes: 16384, limits }).databases[0]!;
}

type Database = ReturnType<typeof database>;

const find = (db: Database): number => db.findForWrite(KEY, 0, KEY.length);

function set(db: Database, ...texts: readonly string[]): number {
  return setFields(db, KEY, 0, KEY.length, find(db), valuesOf(texts), 0, texts.length);
}

function remove(db: Database, ...texts: readonly string[]): number {
  return removeFields(db, KEY, 0, KEY.length, find(db), valuesOf(texts), 0, texts.length);
}

function get(db: Database, field: string): string | null {
  const value = new Entry();
  const isThere = readField(db, find(db), Buffer.from(field), 0, field.length, value);
  expect(hasField(db, find(db), Buffer.from(field), 0, field.length)).toBe(isThere);
  return isThere ? value.buf.toString('latin1', value.off, value.off + value.len) : null;
}

function all(db: Database): Map<string, string> {
  const texts: string[] = [];
  if (find(db) !== 0)
    walkHash(db, find(db), 0, Number.POSITIVE_INFINITY, (buf, off, len) =>
      texts.push(buf.toString('latin1', off, off + len)),
    );
  return new Map(texts.flatMap((field, i) => (i % 2 === 0 ? [[field, texts[i + 1] as string]] : [])));
}

function setFoundOne(db: Database, field: Buffer, value: Buffer): void {
  const ref = find(db);
  const found = ref === 0 ? 0 : findField(db, ref, field, 0, field.length);
  setFound(db, KEY, 0, KEY.length, ref, found, field, 0, field.length, value, 0, value.length);
}

const encoding = (db: Database): number => db.encodingOf(find(db));

describe('hash value', () => {
  it.each([
    ['small', 20, 10],
    ['about as large as packed hashes get', 700, 40],
    ['with long values', 300, 120],
  ])('stays equal to a Map: %s', (_, range, longest) => {
    const prng = new Prng(9);
    const db = database();
    const model = new Map<string, string>();
    const other = { numbers: (n: number) => `${n}`, texts: (n: number) => 'v'.repeat(n % longest) };
    for (let step = 0; step < 6000; step++) {
      const field = prng.chance(0.5) ? `${prng.below(range)}` : `field ${prng.below(range)}`;
      if (prng.chance(step < 4000 ? 0.8 : 0.1)) {
        const value = prng.chance(0.5) ? other.numbers(prng.below(70_000)) : other.texts(prng.below(1000));
        if (prng.chance(0.2)) {
          const digits = Buffer.from(`${prng.below(1e6)}`);
          setFoundOne(db, Buffer.from(field), digits);
          model.set(field, digits.toString());
        } else if (set(db, field, value) !== (model.has(field) ? 0 : 1)) expect.fail(`HSET ${field} ${value}`);
        else model.set(field, value);
      } else if (find(db) !== 0) {
        if (remove(db, field, field) !== (model.delete(field) ? 1 : 0)) expect.fail(`HDEL ${field}`);
      }
      if (find(db) !== 0 && get(db, field) !== (model.get(field) ?? null)) expect.fail(`HGET ${field}`);
      if (step % 500 === 0) expect(all(db)).toEqual(model);
    }
    expect(all(db)).toEqual(model);
    if (model.size > 0) remove(db, ...model.keys());
    expect(find(db)).toBe(0);
  });

  it('is packed up to the limits of the live configuration', () => {
    const limits = { ...defaultLimits(), 'hash-max-listpack-entries': 3, 'hash-max-listpack-value': 4 };
    const db = database(limits);
    set(db, 'a', '1', 'b', '2', 'c', '3');
    expect(encoding(db)).toBe(ENCODING_LISTPACK);
    limits['hash-max-listpack-entries'] = 2;
    set(db, 'a', '9');
    expect(encoding(db)).toBe(ENCODING_HASHTABLE);
    db.delete(KEY, 0, KEY.length);
    set(db, 'a', '1234');
    expect(encoding(db)).toBe(ENCODING_LISTPACK);
    set(db, 'a', '12345');
    expect(encoding(db)).toBe(ENCODING_HASHTABLE);
    remove(db, 'a');
    set(db, 'field', '1');
    expect(encoding(db)).toBe(ENCODING_HASHTABLE);
  });

  it('that is packed and larger than a record is changed as a copy where a reader may have it', () => {
    const db = database({ ...defaultLimits(), 'hash-max-listpack-value': 100_000 });
    set(db, 'long', 'x'.repeat(40_000), 'short', 'abc');
    expect(encoding(db)).toBe(ENCODING_LISTPACK);
    const lent = Buffer.from(db.lend(find(db)));
    const seen = db.lend(find(db));
    expect(set(db, 'short', 'def')).toBe(0);
    expect(get(db, 'short')).toBe('def');
    expect(seen.equals(lent)).toBe(true);
  });

  it.each([3, 6000])('of %i fields has a copy that changes on its own', (fields) => {
    const db = database();
    for (let i = 0; i < fields; i++) set(db, `field ${i}`, `${i}`);
    const before = all(db);
    const twin = Buffer.from('twin');
    db.put(twin, 0, twin.length, copyOfValue(db, find(db)));
    set(db, 'field 1', '9');
    remove(db, 'field 2');
    db.delete(KEY, 0, KEY.length);
    db.put(KEY, 0, KEY.length, db.take(db.find(twin, 0, twin.length)));
    expect(all(db)).toEqual(before);
  });

  it.each([40, 3000])('shows fields at random, each as likely as the others, of %i', (fields) => {
    const db = database();
    for (let i = 0; i < fields; i++) set(db, `${i}`, `v${i}`);
    const prng = new Prng(4);
    const picks = new Array<number>(fields).fill(0);
    const note = (field: Entry, value: Entry): void => {
      const name = field.buf.toString('latin1', field.off, field.off + field.len);
      expect(value.buf.toString('latin1', value.off, value.off + value.len)).toBe(`v${name}`);
      picks[Number(name)]!++;
    };
    pickFields(db, find(db), fields * 20, prng, note);
    for (const count of [1, Math.floor(fields / 4), Math.floor(fields / 2), fields]) {
      const seen = new Set<string>();
      pickDifferentFields(db, find(db), count, prng, (field) => {
        seen.add(field.buf.toString('latin1', field.off, field.off + field.len));
      });
      expect(seen.size).toBe(count);
    }
    for (let round = 0; round < 20; round++) pickDifferentFields(db, find(db), Math.floor(fields / 2), prng, note);
    const mean = 20 + 10;
    const chi = picks.reduce((sum, each) => sum + (each - mean) ** 2 / mean, 0) / (fields - 1);
    expect(chi).toBeGreaterThan(0.4);
    expect(chi).toBeLessThan(1.6);
  });

  it('counts its fields', () => {
    const db = database();
    for (let i = 0; i < 600; i++) set(db, `${i}`, '');
    expect(hashLength(db, find(db))).toBe(600);
  });
});
