import { expect, test } from 'vitest';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Model, scanAll } from './model.ts';

function withReports(model: Model): string[] {
  const reports: string[] = [];
  model.keyspace.hooks = {
    expired(db, kbuf, koff, klen) {
      reports.push(`${db.index}:${kbuf.latin1Slice(koff, koff + klen)}`);
    },
  };
  return reports;
}

const KEY = Buffer.from('key');
const VALUE = Buffer.from('value');

test('a key lives up to its deadline and is gone a millisecond later', () => {
  const model = new Model(1);
  const reports = withReports(model);
  const db = model.db();
  model.set(0, KEY, VALUE, model.keyspace.now_ms + 10);
  model.keyspace.now_ms += 10;
  expect(db.find(KEY, 0, 3)).not.toBe(0);
  model.keyspace.now_ms += 1;
  expect(db.peek(KEY, 0, 3)).toBe(0);
  expect(db.size).toBe(1);
  expect(reports).toEqual([]);
  expect(db.find(KEY, 0, 3)).toBe(0);
  expect(db.size).toBe(0);
  expect(reports).toEqual(['0:key']);
  expect(model.keyspace.expired).toBe(1);
});

test('that a key expires is no change of the data', () => {
  const model = new Model(2);
  model.set(0, KEY, VALUE, model.keyspace.now_ms);
  model.keyspace.now_ms += 1;
  const { dirty } = model.keyspace;
  model.db().find(KEY, 0, 3);
  expect(model.keyspace.dirty).toBe(dirty);
  expect(model.db().delete(KEY, 0, 3)).toBe(false);
});

test('a replica hides dead keys and keeps them until the primary says so', () => {
  const model = new Model(3);
  const reports = withReports(model);
  const db = model.db();
  model.set(0, KEY, VALUE, model.keyspace.now_ms);
  model.keyspace.now_ms += 1;
  model.keyspace.passive = true;
  expect(db.find(KEY, 0, 3)).toBe(0);
  expect(db.randomRef()).toBe(0);
  expect(scanAll(db)).toEqual([]);
  expect(model.keyspace.expireCycle(1)).toBe(false);
  expect(db.size).toBe(1);
  model.keyspace.applying = true;
  expect(db.find(KEY, 0, 3)).not.toBe(0);
  model.keyspace.applying = false;
  expect(db.delete(KEY, 0, 3)).toBe(true);
  expect(db.size).toBe(0);
  expect(reports).toEqual([]);
});

test('the cycle removes all dead keys in time, and no living one', () => {
  const model = new Model(4);
  const reports = withReports(model);
  const { keyspace, prng } = model;
  for (let n = 0; n < 20_000; n++) {
    const deadline_ms = n % 4 === 0 ? NO_DEADLINE : keyspace.now_ms + (n % 4 === 1 ? 1_000_000 : prng.below(1000));
    model.set(prng.below(2), Buffer.from(`key:${n}`), VALUE, deadline_ms);
  }
  keyspace.now_ms += 1001;
  let cycles = 0;
  while (reports.length < 10_000 && cycles < 100_000) {
    keyspace.expireCycle(0);
    cycles++;
  }
  expect(reports.length).toBe(10_000);
  expect(keyspace.expired).toBe(10_000);
  expect(keyspace.stats()).toMatchObject({ keys: 10_000, volatileKeys: 5000 });
  model.check();
});

test('the cycle goes on while many keys are dead and stops at its budget', () => {
  const model = new Model(5);
  let now_ms = 0;
  const { keyspace } = new Model(5, { monotonic_ms: () => now_ms++ });
  const db = keyspace.databases[0];
  for (let n = 0; n < 10_000; n++) db?.setString(Buffer.from(`key:${n}`), 0, String(n).length + 4, VALUE, 0, 5, 1);
  expect(keyspace.expireCycle(10)).toBe(true);
  expect(db?.size).toBeLessThan(10_000 - 100);
  expect(db?.size).toBeGreaterThan(9000);
  while (keyspace.expireCycle(1_000_000));
  expect(db?.size).toBe(0);
  expect(model.db().size).toBe(0);
});

test('DEBUG SET-ACTIVE-EXPIRE 0 leaves dead keys to those who look at them', () => {
  const model = new Model(6);
  model.keyspace.activeExpire = false;
  model.set(0, KEY, VALUE, 1);
  model.keyspace.expireCycle(1);
  expect(model.db().size).toBe(1);
  model.keyspace.activeExpire = true;
  model.keyspace.expireCycle(1);
  expect(model.db().size).toBe(0);
});

test('an overwrite of a dead key reports its end first', () => {
  const model = new Model(7);
  const reports = withReports(model);
  model.set(0, KEY, VALUE, 1);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  expect(reports).toEqual(['0:key']);
  expect(model.db().volatileSize).toBe(0);
  model.check();
});

test('a deadline comes and goes without a loss, whatever room the record has', () => {
  const model = new Model(8);
  for (let length = 0; length < 40; length++) {
    const key = Buffer.from(`key:${length}`);
    model.set(0, key, Buffer.alloc(length, 'v'), NO_DEADLINE);
    for (const deadline_ms of [model.keyspace.now_ms + 5, model.keyspace.now_ms + 2 ** 41, NO_DEADLINE]) {
      model.setDeadline(0, key, deadline_ms);
      model.check();
    }
  }
  expect(model.db().volatileSize).toBe(0);
});
