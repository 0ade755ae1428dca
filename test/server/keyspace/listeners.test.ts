import { expect, test } from 'vitest';
import { TYPE_SET } from '../../../src/server/data/encoding.ts';
import { type Database, NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import type { Waiter, Watcher } from '../../../src/server/keyspace/listeners.ts';
import { Model, objectOf } from './model.ts';

const KEY = Buffer.from('key');
const OTHER = Buffer.from('other');
const VALUE = Buffer.from('value');
const OBJECT = objectOf(100);

function watched(model: Model, existing = true): { db: Database; watcher: Watcher } {
  const db = model.db();
  const watcher = { dirty: false };
  if (existing) model.set(0, KEY, VALUE, NO_DEADLINE);
  db.watch(KEY, 0, 3, watcher);
  return { db, watcher };
}

test.each<[string, (db: Database, model: Model) => void]>([
  ['set', (_, model) => model.set(0, KEY, VALUE, NO_DEADLINE)],
  ['appended to', (db) => db.append(KEY, 0, 3, VALUE, 0, 5)],
  ['partly overwritten', (db) => db.overwriteRange(KEY, 0, 3, 2, VALUE, 0, 5)],
  ['replaced by packed bytes', (db) => db.setPacked(KEY, 0, 3, TYPE_SET, 3, VALUE, 0, 5)],
  ['replaced by an object', (db) => db.setObject(KEY, 0, 3, TYPE_SET, 6, OBJECT)],
  ['changed in place', (db) => db.changed(KEY, 0, 3)],
  ['deleted', (db) => db.delete(KEY, 0, 3)],
  ['given a deadline', (db) => db.setDeadline(KEY, 0, 3, 5)],
  ['taken away', (db) => db.take(db.peek(KEY, 0, 3))],
  ['put', (db) => db.put(KEY, 0, 3, db.take(db.peek(KEY, 0, 3)))],
  ['cleared with its database', (db) => db.clear()],
  ['swapped to another database', (_, model) => model.swap()],
])('a watched key that is %s makes its watcher dirty', (_, change) => {
  const model = new Model(1);
  const { db, watcher } = watched(model);
  change(db, model);
  expect(watcher.dirty).toBe(true);
});

test('reads, other keys, other databases and cleaning leave a watcher alone', () => {
  const model = new Model(2);
  const { db, watcher } = watched(model);
  db.find(KEY, 0, 3);
  db.findForWrite(KEY, 0, 3);
  model.set(0, OTHER, VALUE, NO_DEADLINE);
  model.delete(0, OTHER);
  model.set(1, KEY, VALUE, NO_DEADLINE);
  model.keyspace.clean(10, { idle: true });
  expect(watcher.dirty).toBe(false);
});

test('clearing or swapping does not touch who watches a key that is in neither database', () => {
  const model = new Model(3);
  const { db, watcher } = watched(model, false);
  db.clear();
  model.swap();
  expect(watcher.dirty).toBe(false);
  model.set(1, KEY, VALUE, NO_DEADLINE);
  model.swap();
  expect(watcher.dirty).toBe(true);
});

test('nobody is told after unwatch, others still are', () => {
  const model = new Model(4);
  const { db, watcher } = watched(model);
  const second = { dirty: false };
  db.watch(KEY, 0, 3, second);
  db.watch(KEY, 0, 3, second);
  db.listeners.unwatch('key', watcher);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  expect([watcher.dirty, second.dirty]).toEqual([false, true]);
  second.dirty = false;
  db.listeners.unwatch('key', second);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  expect(second.dirty).toBe(false);
});

test('a watched key that expires is a change, removed or not', () => {
  const model = new Model(5);
  const { db, watcher } = watched(model);
  model.setDeadline(0, KEY, model.keyspace.now_ms);
  watcher.dirty = false;
  expect(db.hasExpiredSinceWatch(KEY, 0, 3, watcher)).toBe(false);
  model.keyspace.now_ms += 1;
  expect(db.hasExpiredSinceWatch(KEY, 0, 3, watcher)).toBe(true);
  db.find(KEY, 0, 3);
  expect(watcher.dirty).toBe(true);
});

test('a key that was dead when the watch began may go, but not come back', () => {
  const model = new Model(6);
  model.set(0, KEY, VALUE, 1);
  const { db, watcher } = watched(model, false);
  expect(db.hasExpiredSinceWatch(KEY, 0, 3, watcher)).toBe(false);
  db.find(KEY, 0, 3);
  expect(db.size).toBe(0);
  expect(watcher.dirty).toBe(false);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  expect(watcher.dirty).toBe(true);
});

/** A made-up client of a blocking command: takes a key as soon as it is there, and notes which. */
function taker(model: Model, name: string, taken: string[]): Waiter {
  const waiter: Waiter = {
    serve(db, key) {
      if (db.findForWrite(key, 0, key.length) === 0) return;
      taken.push(`${name}: ${key}`);
      model.delete(db.index, key);
      db.listeners.leave(key.toString('latin1'), waiter);
    },
  };
  return waiter;
}

test('who waits for a key is served when its command is over, the first one first, and once', () => {
  const model = new Model(7);
  const db = model.db();
  const taken: string[] = [];
  for (const name of ['first', 'second']) db.listeners.wait('key', taker(model, name, taken));
  expect(model.keyspace.ready.isEmpty).toBe(true);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  expect(taken).toEqual([]);
  model.keyspace.ready.serve();
  expect(taken).toEqual(['first: key']);
  model.keyspace.ready.serve();
  expect(taken).toEqual(['first: key']);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  model.keyspace.ready.serve();
  expect(taken).toEqual(['first: key', 'second: key']);
  expect(db.listeners.count).toBe(0);
});

test('a key that goes, or changes in another database, makes nobody ready; one that comes with SWAPDB does', () => {
  const model = new Model(8);
  const taken: string[] = [];
  model.set(0, KEY, VALUE, NO_DEADLINE);
  model.db().listeners.wait('key', taker(model, 'it', taken));
  model.delete(0, KEY);
  model.set(1, KEY, VALUE, NO_DEADLINE);
  model.db().clear();
  expect(model.keyspace.ready.isEmpty).toBe(true);
  model.swap();
  model.keyspace.ready.serve();
  expect(taken).toEqual(['it: key']);
});

test('what is served may make others ready, which are served too', () => {
  const model = new Model(9);
  const db = model.db();
  const taken: string[] = [];
  db.listeners.wait('other', taker(model, 'behind', taken));
  const mover: Waiter = {
    serve(from, key) {
      taken.push('mover');
      model.delete(from.index, key);
      model.set(0, OTHER, VALUE, NO_DEADLINE);
      from.listeners.leave('key', mover);
    },
  };
  db.listeners.wait('key', mover);
  model.set(0, KEY, VALUE, NO_DEADLINE);
  model.keyspace.ready.serve();
  expect(taken).toEqual(['mover', 'behind: other']);
});

test('nothing is counted while nobody listens', () => {
  const model = new Model(10);
  const { db, watcher } = watched(model);
  const { listeners } = db;
  const waiter: Waiter = { serve() {} };
  expect(listeners.count).toBe(1);
  listeners.wait('key', waiter);
  listeners.hearAdditions(() => {});
  expect(listeners.count).toBe(3);
  listeners.leave('key', waiter);
  listeners.hearAdditions(null);
  db.listeners.unwatch('key', watcher);
  expect(listeners.count).toBe(0);
});
