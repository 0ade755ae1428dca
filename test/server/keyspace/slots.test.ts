import { expect, test } from 'vitest';
import { slotOfText } from '../../../src/base/slot.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Model, scanAll } from './model.ts';

const VALUE = Buffer.from('value');

function filled(seed: number, keys = 5000): Model {
  const model = new Model(seed, { clusterMode: true, databases: 1 });
  for (let n = 0; n < keys; n++) model.set(0, Buffer.from(`{tag:${n % 50}}:${n}`), VALUE, NO_DEADLINE);
  return model;
}

test('the keys of a slot are counted and listed', () => {
  const { keyspace } = filled(1);
  const slot = slotOfText('{tag:7}');
  expect(keyspace.countKeysInSlot(slot)).toBe(100);
  expect(keyspace.keysInSlot(slot, 10).length).toBe(10);
  const expected = Array.from({ length: 100 }, (_, i) => `{tag:7}:${7 + i * 50}`);
  expect(keyspace.keysInSlot(slot, 1000).map(String).toSorted()).toEqual(expected.toSorted());
  expect(keyspace.countKeysInSlot((slot + 1) & 16383)).toBe(0);
  expect(keyspace.keysInSlot((slot + 1) & 16383, 10)).toEqual([]);
});

test('a slot is deleted in parts, and its table goes with its last key', () => {
  const { keyspace } = filled(2);
  const slot = slotOfText('{tag:7}');
  const before = keyspace.stats();
  const seen: string[] = [];
  const visit = (kbuf: Buffer, koff: number, klen: number): void => void seen.push(kbuf.latin1Slice(koff, koff + klen));
  expect(keyspace.deleteInSlot(slot, 60, visit)).toBe(60);
  expect(keyspace.deleteInSlot(slot, 60, visit)).toBe(40);
  expect(keyspace.deleteInSlot(slot, 60, visit)).toBe(0);
  expect(new Set(seen).size).toBe(100);
  expect(keyspace.countKeysInSlot(slot)).toBe(0);
  expect(keyspace.stats().keys).toBe(4900);
  expect(keyspace.stats().tableBytes).toBeLessThan(before.tableBytes);
});

test('looking for keys in empty slots costs no memory', () => {
  const model = filled(3, 0);
  const before = model.keyspace.usedBytes();
  for (let n = 0; n < 1000; n++) model.get(0, Buffer.from(`key:${n}`));
  expect(model.keyspace.usedBytes()).toBe(before);
});

test('SCAN and random picks see all slots', () => {
  const model = filled(4);
  const keys = scanAll(model.db(), 10);
  expect(keys.length).toBe(5000);
  expect(new Set(keys).size).toBe(5000);
  const db = model.db();
  const slots = new Set<number>();
  for (let draw = 0; draw < 2000; draw++) {
    const ref = db.randomRef();
    slots.add(slotOfText(db.keyBuf(ref).latin1Slice(db.keyOff(ref), db.keyOff(ref) + db.keyLen(ref))));
  }
  expect(slots.size).toBe(50);
});

test('a key that expires as the last of its slot can be set again', () => {
  const model = filled(5, 0);
  const key = Buffer.from('alone');
  model.set(0, key, VALUE, 1);
  model.set(0, key, VALUE, NO_DEADLINE);
  model.check();
  expect(model.keyspace.countKeysInSlot(slotOfText('alone'))).toBe(1);
});
