import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from '../../../src/server/data/encoding.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { defaultLimits } from '../../../src/server/keyspace/limits.ts';
import { SetBuilder } from '../../../src/server/types/set-builder.ts';
import {
  addMembers,
  forEachMember,
  hasMember,
  randomMember,
  removeMembers,
  scanMembers,
  setSize,
} from '../../../src/server/types/set-value.ts';
import { valuesOf } from './values.ts';

const KEY = Buffer.from('a set');
const LIMITS = defaultLimits();
const INTSET_MAX = LIMITS['set-max-intset-entries'];

function database() {
  return new Keyspace({ databases: 1, seed: 1, chunkBytes: 16384 }).databases[0]!;
}

type Database = ReturnType<typeof database>;

function find(db: Database): number {
  return db.findForWrite(KEY, 0, KEY.length);
}

function add(db: Database, texts: readonly string[]): number {
  return addMembers(db, KEY, 0, KEY.length, find(db), valuesOf(texts), 0, texts.length);
}

function remove(db: Database, texts: readonly string[]): number {
  return removeMembers(db, KEY, 0, KEY.length, find(db), valuesOf(texts), 0, texts.length);
}

function members(db: Database): string[] {
  const texts: string[] = [];
  if (find(db) === 0) return texts;
  forEachMember(db, find(db), (buf, off, len) => {
    texts.push(buf.toString('latin1', off, off + len));
  });
  return texts.sort();
}

/** For steps that are too many to make an expectation of each. */
function same(found: number | boolean, wanted: number | boolean): void {
  if (found !== wanted) expect(found).toBe(wanted);
}

const kinds = {
  integers: (prng: Prng, range: number) => `${prng.below(range) * (prng.chance(0.01) ? 2 ** 32 : 1) - 50}`,
  texts: (prng: Prng, range: number) => `member ${prng.below(range)}`,
  mixed: (prng: Prng, range: number) => {
    const n = prng.below(range);
    if (n === 0) return 'long '.repeat(40);
    return n % 3 === 0 ? `t${n}` : `${n}`;
  },
};

describe('set value', () => {
  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('stays equal to a Set in every form: %s', (kind) => {
    const prng = new Prng(6);
    for (const range of [30, 200, 900, 5000]) {
      const db = database();
      const model = new Set<string>();
      for (let step = 0; step < 4000; step++) {
        const texts = Array.from({ length: 1 + prng.below(3) }, () => kinds[kind](prng, range));
        if (prng.chance(step < 2500 ? 0.7 : 0.2)) {
          const fresh = new Set(texts.filter((text) => !model.has(text)));
          same(add(db, texts), fresh.size);
          for (const text of texts) model.add(text);
        } else if (model.size > 0) {
          const gone = new Set(texts.filter((text) => model.has(text)));
          same(remove(db, texts), gone.size);
          for (const text of texts) model.delete(text);
        }
        const ref = find(db);
        same(ref !== 0, model.size > 0);
        if (ref === 0) continue;
        same(setSize(db, ref), model.size);
        const probe = Buffer.from(kinds[kind](prng, range));
        same(hasMember(db, ref, probe, 0, probe.length), model.has(probe.toString()));
        if (step % 100 === 0) expect(members(db)).toEqual([...model].sort());
      }
    }
  });

  it('changes its form as Redis 7.2 does, and never back', () => {
    const db = database();
    add(db, ['1', '2', '3']);
    expect(db.typeOf(find(db))).toBe(TYPE_SET);
    expect(db.encodingOf(find(db))).toBe(ENCODING_INTSET);
    add(db, ['one']);
    expect(db.encodingOf(find(db))).toBe(ENCODING_LISTPACK);
    remove(db, ['one']);
    expect(db.encodingOf(find(db))).toBe(ENCODING_LISTPACK);
    expect(db.isObject(find(db))).toBe(false);
    expect(members(db)).toEqual(['1', '2', '3']);

    const numbers = Array.from({ length: INTSET_MAX }, (_, i) => `${i * 1000}`);
    db.delete(KEY, 0, KEY.length);
    add(db, numbers);
    expect(db.encodingOf(find(db))).toBe(ENCODING_INTSET);
    add(db, ['7']);
    expect(db.encodingOf(find(db))).toBe(ENCODING_HASHTABLE);
    expect(db.isObject(find(db))).toBe(true);
    expect(setSize(db, find(db))).toBe(INTSET_MAX + 1);
  });

  it('writes nothing when nothing is new or gone', () => {
    for (const texts of [['1', '2'], ['a', 'b'], Array.from({ length: 300 }, (_, i) => `member ${i}`)]) {
      const db = database();
      add(db, texts);
      const { version } = db.keyspace;
      expect(add(db, texts.slice(0, 2))).toBe(0);
      expect(remove(db, ['nobody', '77'])).toBe(0);
      expect(db.keyspace.version).toBe(version);
    }
  });

  it('picks and scans members in every form', () => {
    const prng = new Prng(3);
    const entry = new Entry();
    for (const texts of [['1', '2', '-3'], ['a', '5', 'b'], Array.from({ length: 300 }, (_, i) => `member ${i}`)]) {
      const db = database();
      add(db, texts);
      const picked = new Set<string>();
      for (let i = 0; i < texts.length * 20; i++) {
        randomMember(db, find(db), prng, entry);
        picked.add(entry.buf.toString('latin1', entry.off, entry.off + entry.len));
      }
      expect([...picked].sort()).toEqual(texts.toSorted());
      const seen: string[] = [];
      let cursor = 0;
      do {
        cursor = scanMembers(db, find(db), cursor, 10, (buf, off, len) => {
          seen.push(buf.toString('latin1', off, off + len));
        });
      } while (cursor !== 0);
      expect(seen.sort()).toEqual(texts.toSorted());
    }
  });

  it('can be built without a key', () => {
    for (const [texts, encoding] of [
      [['3', '1'], ENCODING_INTSET],
      [['x', '1'], ENCODING_LISTPACK],
      [Array.from({ length: 700 }, (_, i) => `${i}`), ENCODING_HASHTABLE],
    ] as const) {
      const builder = new SetBuilder();
      builder.clear(LIMITS);
      for (const text of [...texts, ...texts]) builder.add(Buffer.from(text), 0, text.length);
      expect(builder.size).toBe(texts.length);
      const entry = builder.entry(NO_DEADLINE);
      expect(entry.encoding).toBe(encoding);
      const db = database();
      db.put(KEY, 0, KEY.length, entry);
      expect(members(db)).toEqual(texts.toSorted());
    }
  });
});
