import { expect, test } from 'vitest';
import type { Records } from '../../../src/server/data/record.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';

const KEYS = 500;

function filled(prefix: string): { keyspace: Keyspace; keys: string[] } {
  const keyspace = new Keyspace({ seed: 1, databases: 2, chunkBytes: 16 * 1024 });
  keyspace.now_ms = 1_700_000_000_000;
  return { keyspace, keys: fill(keyspace.databases[1]!, prefix) };
}

function fill(db: Keyspace['databases'][number], prefix: string): string[] {
  const keys = Array.from({ length: KEYS }, (_, i) => `${prefix}:${i}`);
  for (const key of keys) db.setString(Buffer.from(key), 0, key.length, Buffer.from(key), 0, key.length, NO_DEADLINE);
  return keys.sort();
}

class Snapshot {
  readonly keys: string[] = [];
  record(records: Records, ref: number): void {
    const off = records.keyOff(ref);
    this.keys.push(records.keyBuf(ref).latin1Slice(off, off + records.keyLen(ref)));
  }
}

function wholeSnapshot(keyspace: Keyspace): string[] {
  const snapshot = new Snapshot();
  const walk = keyspace.beginSnapshot(snapshot);
  while (!walk.step(1));
  return snapshot.keys.sort();
}

test('data that is loaded aside is in no lookup, count or snapshot until it is adopted, and then alone', () => {
  const { keyspace, keys } = filled('old');
  const { dirty } = keyspace;
  const staged = keyspace.stage();
  const fresh = staged.load(() => fill(staged.databases[1]!, 'new'));
  expect([keyspace.databases[1]!.size, keyspace.dirty]).toEqual([KEYS, dirty]);
  expect(wholeSnapshot(keyspace)).toEqual(keys);
  keyspace.adopt(staged);
  expect([keyspace.databases[1]!.size, keyspace.dirty]).toEqual([KEYS, dirty]);
  expect(wholeSnapshot(keyspace)).toEqual(fresh);
});

test('a snapshot under way goes on with the data that was adopted away', () => {
  const { keyspace, keys } = filled('old');
  const staged = keyspace.stage();
  const fresh = staged.load(() => fill(staged.databases[1]!, 'new'));
  const snapshot = new Snapshot();
  const walk = keyspace.beginSnapshot(snapshot);
  walk.step(0);
  keyspace.adopt(staged);
  while (!walk.step(0));
  expect(snapshot.keys.sort()).toEqual(keys);
  expect(wholeSnapshot(keyspace)).toEqual(fresh);
});

// Epochs are 8 bits: after 256 snapshots a record that none of them has seen looks like a new one.
test.each([1, 255, 256, 257, 600])('a snapshot has all of what was loaded during %i others', (count) => {
  const { keyspace } = filled('old');
  const staged = keyspace.stage();
  const fresh = staged.load(() => fill(staged.databases[1]!, 'new'));
  for (let i = 0; i < count; i++) wholeSnapshot(keyspace);
  keyspace.adopt(staged);
  expect(wholeSnapshot(keyspace)).toEqual(fresh);
});

test('what is given up takes no memory, and another can be loaded', () => {
  const { keyspace } = filled('old');
  const used = keyspace.usedBytes();
  const staged = keyspace.stage();
  staged.load(() => fill(staged.databases[1]!, 'new'));
  expect(keyspace.usedBytes()).toBeGreaterThan(used);
  keyspace.unstage(staged);
  expect(keyspace.usedBytes()).toBe(used);
  keyspace.adopt(keyspace.stage());
  expect(keyspace.databases[1]!.size).toBe(0);
});
