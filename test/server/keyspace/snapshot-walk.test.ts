import { expect, test } from 'vitest';
import type { Records } from '../../../src/server/data/record.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import type { SnapshotSink } from '../../../src/server/keyspace/snapshot-walk.ts';
import { type Held, Model, objectOf } from './model.ts';

/** What a snapshot wrote: by database and key, the value as text and the deadline. */
class Written implements SnapshotSink {
  readonly keys = new Map<string, string>();
  twice = 0;

  record(records: Records, ref: number, databaseIndex: number): void {
    const key = records.keyBuf(ref).latin1Slice(records.keyOff(ref), records.keyOff(ref) + records.keyLen(ref));
    const start = records.valueOff(ref);
    const value = records.valueBuf(ref).subarray(start, start + records.valueLen(ref));
    const name = `${databaseIndex}:${key}`;
    if (this.keys.has(name)) this.twice++;
    this.keys.set(name, describe({ value, deadline_ms: records.deadlineOf(ref) }));
  }
}

function describe({ value, deadline_ms }: Held): string {
  return `${value.toString('latin1')} until ${deadline_ms}`;
}

/** Dead keys are part of the state, as long as nobody has removed them. */
function stateOf(model: Model): Map<string, string> {
  const state = new Map<string, string>();
  for (const db of model.keyspace.databases) {
    db.forEach((kbuf, koff, klen) => {
      const key = kbuf.latin1Slice(koff, koff + klen);
      state.set(`${db.index}:${key}`, describe(model.map(db.index).get(key) as Held));
    });
  }
  return state;
}

/** A few names of keys that are not the same in both. */
function differences(actual: Map<string, string>, expected: Map<string, string>): string[] {
  const names = new Set([...actual.keys(), ...expected.keys()]);
  return [...names].filter((name) => actual.get(name) !== expected.get(name)).slice(0, 5);
}

/** Wherever a walk goes astray inside, it takes these bytes for a living record. */
const LOOKS_LIKE_HEADERS = Buffer.alloc(101, 2);

test.each([1, 2, 3])('a snapshot is the state at its beginning, whatever happens during it (seed %i)', (seed) => {
  const model = new Model(seed, { range: 3000 });
  for (let step = 0; step < 15_000; step++) model.step();
  for (let round = 0; round < 3; round++) {
    const expected = stateOf(model);
    const written = new Written();
    const walk = model.keyspace.beginSnapshot(written);
    let slices = 0;
    while (!walk.step(0)) {
      for (let step = 0; step < 30; step++) model.step();
      slices++;
      if (round === 1 && slices === 5) model.clear(0);
      if (round === 2 && slices === 5) model.swap();
    }
    expect(slices).toBeGreaterThan(10);
    expect(written.twice).toBe(0);
    expect(differences(written.keys, expected)).toEqual([]);
    model.check();
  }
});

test('a snapshot of an idle keyspace writes every key once, and the next one does it again', () => {
  const model = new Model(7, { range: 500 });
  for (let step = 0; step < 2000; step++) model.step();
  for (let round = 0; round <= 256; round++) {
    const written = new Written();
    const walk = model.keyspace.beginSnapshot(written);
    // Epochs are 8 bits: walks that never end must not make old records look new.
    if (round % 256 !== 0) continue;
    while (!walk.step(1));
    expect(differences(written.keys, stateOf(model))).toEqual([]);
  }
});

test('a chunk that dies and is filled anew under the feet of the walk is passed over', () => {
  const model = new Model(10, { chunkBytes: 256 * 1024, databases: 1 });
  for (let n = 0; n < 3000; n++) model.set(0, Buffer.from(`old:${n}`), Buffer.alloc(200, 'o'), NO_DEADLINE);
  const { arena } = model.db().records;
  const birth = arena.birthOf(0);
  const expected = stateOf(model);
  const written = new Written();
  const walk = model.keyspace.beginSnapshot(written);
  walk.step(0);
  for (let n = 0; n < 3000; n++) model.delete(0, Buffer.from(`old:${n}`));
  for (let n = 0; n < 10_000; n++) model.set(0, Buffer.from(`new:${n}`), LOOKS_LIKE_HEADERS, NO_DEADLINE);
  expect(arena.birthOf(0)).toBeGreaterThan(birth);
  while (!walk.step(0));
  expect(differences(written.keys, expected)).toEqual([]);
  expect(written.twice).toBe(0);
});

test('after an aborted snapshot nothing is written any more', () => {
  const model = new Model(8);
  const key = Buffer.from('key');
  model.set(0, key, key, NO_DEADLINE);
  const written = new Written();
  const walk = model.keyspace.beginSnapshot(written);
  walk.abort();
  model.set(0, key, Buffer.from('new'), NO_DEADLINE);
  expect(written.keys.size).toBe(0);
  expect(walk.step(1)).toBe(true);
});

test('an object is given to the snapshot before it is changed in place', () => {
  const model = new Model(9);
  const db = model.db();
  const key = Buffer.from('key');
  const object = objectOf(100);
  db.setObject(key, 0, 3, 4, 6, object);
  const seen: unknown[] = [];
  const walk = model.keyspace.beginSnapshot({ record: (records, ref) => seen.push(records.objectOf(ref)) });
  db.willChange(db.peek(key, 0, 3));
  expect(seen).toEqual([object]);
  db.willChange(db.peek(key, 0, 3));
  while (!walk.step(1));
  expect(seen).toEqual([object]);
});
