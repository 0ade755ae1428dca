import { expect, test } from 'vitest';
import { type Database, NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { Model, scanAll } from './model.ts';

function withReports(model: Model): string[] {
  const reports: string[] = [];
  model.keyspace.hooks = {
    expired(db, kbuf, koff, klen) {
      reports.push(`${db.index}:${kbuf.latin1Slice(koff, koff + klen)}`);
    },
    published() {},
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
  const { version } = model.keyspace;
  model.db().find(KEY, 0, 3);
  expect(model.keyspace.version).toBe(version);
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
  model.keyspace.beginExpiring();
  model.keyspace.expireSlice(0);
  expect(model.keyspace.nextSlice_ms).toBe(Number.POSITIVE_INFINITY);
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
    model.expireSome();
    cycles++;
  }
  expect(reports.length).toBe(10_000);
  expect(keyspace.expired).toBe(10_000);
  expect(keyspace.stats()).toMatchObject({ keys: 10_000, volatileKeys: 5000 });
  model.check();
});

/** Every look at the clock takes `perLook_ms`, so that work takes time. */
function withClock(
  seed: number,
  perLook_ms: number,
): { keyspace: Keyspace; now_ms: () => number; pass(ms: number): void } {
  let elapsed_ms = 0;
  const { keyspace } = new Model(seed, { monotonic_ms: () => (elapsed_ms += perLook_ms) });
  return {
    keyspace,
    now_ms: () => elapsed_ms,
    pass(ms) {
      elapsed_ms += ms;
    },
  };
}

function setKeys(keyspace: Keyspace, from: number, to: number, deadline_ms: number): void {
  const db = keyspace.databases[0] as Database;
  for (let n = from; n < to; n++) {
    const key = Buffer.from(`key:${n}`);
    db.setString(key, 0, key.length, VALUE, 0, VALUE.length, deadline_ms);
  }
}

test('a slice goes on while many keys are dead and ends after a millisecond', () => {
  const { keyspace, now_ms, pass } = withClock(5, 0.01);
  const db = keyspace.databases[0] as Database;
  setKeys(keyspace, 0, 10_000, 1);
  pass(10);
  const begun_ms = now_ms();
  keyspace.beginExpiring();
  keyspace.expireSlice(0);
  expect(keyspace.nextSlice_ms).toBeLessThan(Number.POSITIVE_INFINITY);
  expect(now_ms() - begun_ms).toBeLessThan(1.1);
  expect(db.size).toBeLessThan(9000);
  expect(db.size).toBeGreaterThan(5000);
});

test('a slice behind a long turn may take a quarter of it', () => {
  const { keyspace, now_ms, pass } = withClock(5, 0.01);
  setKeys(keyspace, 0, 60_000, 1);
  pass(100);
  const begun_ms = now_ms();
  keyspace.beginExpiring();
  keyspace.expireSlice(20);
  expect(now_ms() - begun_ms).toBeGreaterThan(4.9);
  expect(now_ms() - begun_ms).toBeLessThan(5.2);
});

test.each([
  { effort: 1, share: 0.25 },
  { effort: 10, share: 0.43 },
])('with an effort of $effort a share of $share of all time goes into dead keys, and no more', ({ effort, share }) => {
  const { keyspace, now_ms, pass } = withClock(6, 0.01);
  keyspace.setExpireEffort(effort);
  setKeys(keyspace, 0, 100_000, 1);
  keyspace.beginExpiring();
  const begun_ms = now_ms();
  let working_ms = 0;
  while (keyspace.isExpiring) {
    const at_ms = now_ms();
    keyspace.expireSlice(0);
    working_ms += now_ms() - at_ms;
    if (keyspace.isExpiring) pass(Math.max(0, keyspace.nextSlice_ms - now_ms()));
  }
  expect(working_ms / (now_ms() - begun_ms)).toBeCloseTo(share, 1);
});

test('DEBUG SET-ACTIVE-EXPIRE 0 leaves dead keys to those who look at them', () => {
  const model = new Model(6);
  model.keyspace.activeExpire = false;
  model.set(0, KEY, VALUE, 1);
  model.keyspace.beginExpiring();
  model.keyspace.expireSlice(0);
  expect(model.db().size).toBe(1);
  model.keyspace.activeExpire = true;
  model.keyspace.beginExpiring();
  model.keyspace.expireSlice(0);
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
