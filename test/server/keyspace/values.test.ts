import { expect, test } from 'vitest';
import {
  ENCODING_EMBSTR,
  ENCODING_HASHTABLE,
  ENCODING_INT,
  ENCODING_LISTPACK,
  ENCODING_RAW,
  encodingName,
  TYPE_HASH,
  TYPE_LIST,
} from '../../../src/server/data/encoding.ts';
import { PLAIN_STRING, RAW_STRING } from '../../../src/server/data/record-layout.ts';
import { type Database, KEEP_DEADLINE, NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Model, objectOf } from './model.ts';

const KEY = Buffer.from('key');

function bytesOf(db: Database, key = KEY): Buffer {
  const ref = db.peek(key, 0, key.length);
  return db.valueBuf(ref).subarray(db.valueOff(ref), db.valueOff(ref) + db.valueLen(ref));
}

function put(db: Database, value: Buffer, kind = PLAIN_STRING): void {
  db.setString(KEY, 0, 3, value, 0, value.length, NO_DEADLINE, kind);
}

test.each([
  ['12345', ENCODING_INT],
  ['-9223372036854775808', ENCODING_INT],
  ['9223372036854775808', ENCODING_EMBSTR],
  ['012', ENCODING_EMBSTR],
  ['', ENCODING_EMBSTR],
  ['x'.repeat(44), ENCODING_EMBSTR],
  ['x'.repeat(45), ENCODING_RAW],
])('the string %j has its encoding', (text, encoding) => {
  const db = new Model(1).db();
  put(db, Buffer.from(text));
  expect(encodingName(db.encodingOf(db.peek(KEY, 0, 3)))).toBe(encodingName(encoding));
});

test('a string that was appended to or asked to be raw is raw, an overwritten one not', () => {
  const db = new Model(2).db();
  put(db, Buffer.from('12'), RAW_STRING);
  expect(db.encodingOf(db.peek(KEY, 0, 3))).toBe(ENCODING_RAW);
  put(db, Buffer.from('13'));
  expect(db.encodingOf(db.peek(KEY, 0, 3))).toBe(ENCODING_INT);
  db.append(KEY, 0, 3, KEY, 0, 1);
  expect(db.encodingOf(db.peek(KEY, 0, 3))).toBe(ENCODING_RAW);
});

test('appending byte by byte takes a string from nothing past every form it is kept in', () => {
  const model = new Model(3);
  const { keyspace } = model;
  const db = model.db();
  const expected = Buffer.alloc(70_000);
  for (let length = 0; length < expected.length; length++) {
    expected[length] = length % 251;
    expect(db.append(KEY, 0, 3, expected, length, 1)).toBe(length + 1);
    if (length % 1000 === 0) keyspace.clean(1);
  }
  expect(bytesOf(db).equals(expected)).toBe(true);
  expect(db.isBig(db.peek(KEY, 0, 3))).toBe(true);
});

test('a range far behind the end leaves zeros before it', () => {
  const db = new Model(4).db();
  for (const at of [10, 5000, 40_000, 200_000]) {
    put(db, Buffer.from('abc'));
    expect(db.overwriteRange(KEY, 0, 3, at, KEY, 0, 3)).toBe(at + 3);
    const expected = Buffer.concat([Buffer.from('abc'), Buffer.alloc(at - 3), KEY]);
    expect(bytesOf(db).equals(expected)).toBe(true);
  }
});

test('bytes that were lent stay as they are, whatever happens to the key', () => {
  const db = new Model(5).db();
  const original = Buffer.alloc(50_000, 'a');
  const changes: ((db: Database) => void)[] = [
    () => db.overwriteRange(KEY, 0, 3, 0, Buffer.from('zzz'), 0, 3),
    () => db.append(KEY, 0, 3, Buffer.from('zzz'), 0, 3),
    () => put(db, Buffer.alloc(50_000, 'b')),
    () => void db.delete(KEY, 0, 3),
    () => {
      db.put(KEY, 0, 3, db.take(db.peek(KEY, 0, 3)));
      db.overwriteRange(KEY, 0, 3, 0, Buffer.from('zzz'), 0, 3);
    },
  ];
  for (const change of changes) {
    put(db, original);
    const lent = db.lend(db.peek(KEY, 0, 3));
    change(db);
    expect(lent.equals(original)).toBe(true);
  }
});

test('a big value that nobody reads is overwritten in its own memory', () => {
  const db = new Model(6).db();
  put(db, Buffer.alloc(50_000, 'a'));
  const before = db.valueBuf(db.peek(KEY, 0, 3));
  put(db, Buffer.alloc(49_000, 'b'));
  expect(db.valueBuf(db.peek(KEY, 0, 3))).toBe(before);
  expect(bytesOf(db).equals(Buffer.alloc(49_000, 'b'))).toBe(true);
});

test('an adopted value is not copied, a short one is', () => {
  const model = new Model(7);
  const db = model.db();
  const incoming = Buffer.alloc(100_000, 'a');
  db.setStringAdopted(KEY, 0, 3, incoming, 100, 90_000, NO_DEADLINE);
  expect(db.valueBuf(db.peek(KEY, 0, 3)).buffer).toBe(incoming.buffer);
  expect(bytesOf(db).length).toBe(90_000);
  db.setStringAdopted(KEY, 0, 3, incoming, 100, 90, NO_DEADLINE);
  expect(db.isBig(db.peek(KEY, 0, 3))).toBe(false);
  expect(model.keyspace.stats().bigBytes).toBe(0);
});

test('packed bytes and objects replace each other and keep the deadline', () => {
  const model = new Model(8);
  const db = model.db();
  const deadline_ms = model.keyspace.now_ms + 1000;
  const packed = Buffer.from('packed bytes');
  let size = 1000;
  const object = objectOf(() => size);
  db.setPacked(KEY, 0, 3, TYPE_HASH, ENCODING_LISTPACK, packed, 0, packed.length);
  db.setDeadline(KEY, 0, 3, deadline_ms);
  db.setObject(KEY, 0, 3, TYPE_HASH, ENCODING_HASHTABLE, object);
  const ref = db.peek(KEY, 0, 3);
  expect([db.typeOf(ref), encodingName(db.encodingOf(ref))]).toEqual([TYPE_HASH, 'hashtable']);
  expect([db.objectOf(ref), db.isObject(ref), db.deadlineOf(ref)]).toEqual([object, true, deadline_ms]);
  expect(model.keyspace.stats().objectBytes).toBe(1000);
  size = 2000;
  db.willChange(ref);
  db.changed(KEY, 0, 3);
  expect(model.keyspace.stats().objectBytes).toBe(2000);
  db.setPacked(KEY, 0, 3, TYPE_LIST, ENCODING_LISTPACK, packed, 0, packed.length);
  expect(bytesOf(db).equals(packed)).toBe(true);
  expect(db.deadlineOf(db.peek(KEY, 0, 3))).toBe(deadline_ms);
  expect(model.keyspace.stats().objectBytes).toBe(0);
  db.setString(KEY, 0, 3, packed, 0, 3, NO_DEADLINE);
  expect(db.deadlineOf(db.peek(KEY, 0, 3))).toBe(NO_DEADLINE);
  expect(db.volatileSize).toBe(0);
});

test('an entry keeps type, encoding, deadline and object on its way to another key', () => {
  const model = new Model(9);
  const db = model.db();
  const object = objectOf(500);
  db.setObject(KEY, 0, 3, TYPE_HASH, ENCODING_HASHTABLE, object);
  db.setDeadline(KEY, 0, 3, model.keyspace.now_ms + 5);
  const entry = db.take(db.peek(KEY, 0, 3));
  expect(entry).toEqual({
    type: TYPE_HASH,
    encoding: ENCODING_HASHTABLE,
    deadline_ms: model.keyspace.now_ms + 5,
    bytes: null,
    object,
  });
  expect([db.size, db.volatileSize]).toEqual([0, 0]);
  const other = model.db(1);
  other.put(KEY, 0, 3, entry);
  expect(other.objectOf(other.peek(KEY, 0, 3))).toBe(object);
  expect([other.size, other.volatileSize]).toEqual([1, 1]);
});

test('used bytes return to where they were when all keys are gone', () => {
  const model = new Model(10);
  const before = model.keyspace.usedBytes();
  for (let step = 0; step < 5000; step++) {
    model.set(0, model.randomKey(), model.randomValue(), step % 2 === 0 ? KEEP_DEADLINE : model.keyspace.now_ms + 5);
  }
  expect(model.keyspace.usedBytes()).toBeGreaterThan(before + 100_000);
  for (const key of [...model.map().keys()]) model.delete(0, Buffer.from(key, 'latin1'));
  expect(model.keyspace.usedBytes()).toBe(before);
});

test('clearing forgets everything at once', () => {
  const model = new Model(11);
  for (let n = 0; n < 1000; n++) model.step();
  const { version } = model.keyspace;
  model.clear(0);
  expect(model.db().size).toBe(0);
  expect(model.keyspace.version).toBeGreaterThan(version);
  model.check();
});
