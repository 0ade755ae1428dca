import { expect, test } from 'vitest';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Model, scanAll } from './model.ts';

/** Wherever a walk goes astray inside, it takes these bytes for a living record. */
const LOOKS_LIKE_HEADERS = Buffer.alloc(101, 2);

test.each([1, 2])('a keyspace holds what a Map holds after 30 000 random operations (seed %i)', (seed) => {
  const model = new Model(seed);
  for (let step = 1; step <= 30_000; step++) {
    model.step();
    if (step % 10_000 === 0) model.check();
    if (step % 7000 === 0) model.swap();
    if (step === 20_000) model.clear(0);
  }
});

test('a keyspace in cluster mode holds what a Map holds', () => {
  const model = new Model(5, { clusterMode: true, databases: 2 });
  for (let step = 1; step <= 30_000; step++) {
    model.step();
    if (step % 10_000 === 0) model.check();
  }
});

test('a database grows to 40 000 keys and shrinks to none', () => {
  const model = new Model(6, { databases: 1 });
  const keys = Array.from({ length: 40_000 }, (_, n) => Buffer.from(`key:${n}`));
  for (const key of keys) model.set(0, key, key, NO_DEADLINE);
  model.check();
  const full = model.keyspace.stats();
  // 12 bytes of header, 8 or 12 of key, 8 or 12 of value.
  expect(full.recordBytes / 40_000).toBeLessThanOrEqual(40);
  for (const key of keys) {
    model.delete(0, key);
    model.keyspace.clean(0);
  }
  model.check();
  const empty = model.keyspace.stats();
  expect(empty.keys).toBe(0);
  expect(empty.recordBytes).toBe(0);
  expect(empty.tableBytes).toBeLessThan(2000);
});

test('12 bytes of header, 16 of key and 32 of value take 64', () => {
  const model = new Model(7);
  model.set(0, Buffer.alloc(16, 'k'), Buffer.alloc(32, 'v'), NO_DEADLINE);
  expect(model.keyspace.stats().recordBytes).toBe(64);
});

test('cleaning wins back the room of dead records', () => {
  const model = new Model(8, { range: 5000, databases: 1 });
  for (let n = 0; n < 20_000; n++) {
    const key = Buffer.from(`key:${model.prng.below(5000)}`);
    model.set(0, key, Buffer.alloc(model.prng.below(200), 'v'), NO_DEADLINE);
  }
  while (model.keyspace.clean(1));
  const { records } = model.db();
  expect(records.arena.sealedLiveShare()).toBeGreaterThan(0.75);
  expect(records.arena.chunkBytes).toBeLessThan(5 * 1024 * 1024);
  model.check();
});

test('the cleaner begins anew when the chunk it works on was emptied and filled by others', () => {
  const model = new Model(15, { chunkBytes: 256 * 1024, databases: 1 });
  const { arena } = model.db().records;
  for (let n = 0; n < 3000; n++) model.set(0, Buffer.from(`old:${n}`), Buffer.alloc(200, 'o'), NO_DEADLINE);
  for (let n = 0; n < 3000; n++) {
    if (n % 3 !== 0) model.delete(0, Buffer.from(`old:${n}`));
  }
  const birth = arena.birthOf(0);
  expect(model.keyspace.clean(0)).toBe(true);
  for (let n = 0; n < 3000; n += 3) model.delete(0, Buffer.from(`old:${n}`));
  for (let n = 0; n < 12_000; n++) model.set(0, Buffer.from(`new:${n}`), LOOKS_LIKE_HEADERS, NO_DEADLINE);
  expect(arena.birthOf(0)).toBeGreaterThan(birth);
  while (model.keyspace.clean(0));
  model.check();
});

test('an overwrite of equal rounded size stays where it is, another one moves', () => {
  const model = new Model(9);
  const key = Buffer.from('counter');
  const db = model.db();
  model.set(0, key, Buffer.from('1000'), NO_DEADLINE);
  const ref = db.peek(key, 0, key.length);
  model.set(0, key, Buffer.from('1001'), NO_DEADLINE);
  expect(db.peek(key, 0, key.length)).toBe(ref);
  model.set(0, key, Buffer.alloc(100, 'x'), NO_DEADLINE);
  expect(db.peek(key, 0, key.length)).not.toBe(ref);
  model.check();
});

test('SCAN meets every key that stays, while others come, go and move', () => {
  const model = new Model(10, { databases: 1 });
  const stable = Array.from({ length: 2000 }, (_, n) => `stable:${n}`);
  for (const key of stable) model.set(0, Buffer.from(key), Buffer.alloc(30, 'v'), NO_DEADLINE);
  let round = 0;
  const met = scanAll(model.db(), 5, () => {
    round++;
    for (let i = 0; i < 20; i++) {
      const key = Buffer.from(`other:${model.prng.below(20_000)}`);
      if (model.prng.chance(round < 300 ? 0.9 : 0.2))
        model.set(0, key, Buffer.alloc(model.prng.below(300)), NO_DEADLINE);
      else model.delete(0, key);
    }
    const moved = Buffer.from(stable[model.prng.below(stable.length)] as string);
    model.set(0, moved, Buffer.alloc(model.prng.below(300)), NO_DEADLINE);
    model.keyspace.clean(0);
  });
  expect(met.filter((key) => key.startsWith('stable')).toSorted()).toEqual(stable.toSorted());
});

test('a SCAN cursor means the same in a keyspace of the same seed', () => {
  const [first, second] = [new Model(11), new Model(11)];
  for (let n = 0; n < 1000; n++) {
    first.set(0, Buffer.from(`key:${n}`), Buffer.from('v'), NO_DEADLINE);
    second.set(0, Buffer.from(`key:${999 - n}`), Buffer.from('another value'), NO_DEADLINE);
  }
  const keys: string[] = [];
  const visit = (kbuf: Buffer, koff: number, klen: number): void => void keys.push(kbuf.latin1Slice(koff, koff + klen));
  let cursor = 0n;
  for (let half = 0; half < 40; half++) cursor = first.db().scan(cursor, 10, visit);
  do cursor = second.db().scan(cursor, 10, visit);
  while (cursor !== 0n);
  expect(new Set(keys).size).toBe(1000);
  expect(keys.length).toBe(1000);
});

test('random keys are living keys, each with about the same chance', () => {
  const model = new Model(12);
  for (let n = 0; n < 100; n++) model.set(0, Buffer.from(`key:${n}`), Buffer.from('v'), n % 2 === 0 ? 1 : NO_DEADLINE);
  const db = model.db();
  const picks = new Map<string, number>();
  for (let draw = 0; draw < 20_000; draw++) {
    const ref = db.randomRef();
    const key = db.keyBuf(ref).latin1Slice(db.keyOff(ref), db.keyOff(ref) + db.keyLen(ref));
    picks.set(key, (picks.get(key) ?? 0) + 1);
  }
  expect(picks.size).toBe(50);
  expect(Math.min(...picks.values())).toBeGreaterThan(300);
  expect(Math.max(...picks.values())).toBeLessThan(500);
});

test('hits and misses are counted by reads alone', () => {
  const model = new Model(13);
  const { keyspace } = model;
  const key = Buffer.from('key');
  model.db().find(key, 0, 3);
  model.set(0, key, key, NO_DEADLINE);
  model.db().find(key, 0, 3);
  model.db().findForWrite(key, 0, 3);
  model.db().peek(key, 0, 3);
  expect([keyspace.hits, keyspace.misses, keyspace.version]).toEqual([1, 1, 1]);
});

test('idle time starts anew with a read, a write and never with a peek', () => {
  const model = new Model(14);
  const db = model.db();
  const key = Buffer.from('key');
  model.set(0, key, key, NO_DEADLINE);
  model.keyspace.now_ms += 10_000;
  expect(db.idle_s(db.peek(key, 0, 3))).toBe(10);
  expect(db.idle_s(db.find(key, 0, 3))).toBe(0);
  db.setIdle(db.peek(key, 0, 3), 500);
  expect(db.idle_s(db.peek(key, 0, 3))).toBe(500);
  model.set(0, key, key, NO_DEADLINE);
  expect(db.idle_s(db.peek(key, 0, 3))).toBe(0);
});
