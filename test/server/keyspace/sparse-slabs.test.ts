import { expect, test } from 'vitest';
import { SLAB_BYTES } from '../../../src/server/data/slabs.ts';
import { NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { Model } from './model.ts';

const MEGABYTE = 1024 * 1024;
/** 90 MB of records, in three slabs. */
const KEYS = 6000;
const VALUE = Buffer.alloc(15_000, 'v');

const key = (n: number): Buffer => Buffer.from(`key:${n}`);

function filled(): Model {
  const model = new Model(17, { databases: 1, chunkBytes: MEGABYTE });
  for (let n = 0; n < KEYS; n++) model.set(0, key(n), VALUE, NO_DEADLINE);
  return model;
}

/** As at the end of a turn. */
function endTurn({ keyspace }: Model): void {
  keyspace.cleanAfterChanges(1);
  keyspace.releaseMemory();
}

function quieten({ keyspace }: Model): void {
  while (keyspace.clean(10));
  while (keyspace.releaseMemory());
}

test('a few of many keys keep no slab', () => {
  const model = filled();
  for (let n = 0; n < KEYS - 20; n++) {
    model.delete(0, key(n));
    if (n % 10 === 0) endTurn(model);
  }
  quieten(model);
  expect(model.keyspace.memory.chunks.vacantBytes).toBe(0);
  model.check();
});

test('slabs in which a part of the keys went are joined', () => {
  const model = filled();
  for (let n = 0; n < KEYS; n++) {
    // By chunks, so that the cleaner finds nothing to do.
    if (n % 2000 > 250) model.delete(0, key(n));
    if (n % 10 === 0) endTurn(model);
  }
  quieten(model);
  const { chunks } = model.keyspace.memory;
  expect(chunks.usedBytes + chunks.vacantBytes).toBe(SLAB_BYTES);
  model.check();
  for (let n = 0; n < KEYS; n++) model.set(0, key(n), VALUE, NO_DEADLINE);
  model.check();
});

test('the table of a few of many keys keeps no slab', () => {
  const model = new Model(18, { databases: 1 });
  const { segments } = model.keyspace.memory;
  const table = model.db().store.keys.volatile;
  for (let n = 1; n <= 1_200_000; n++) table.insert(Math.imul(n, 0x9e37_79b1), n);
  expect(segments.usedBytes).toBeGreaterThan(8 * MEGABYTE);
  for (let n = 1; n <= 1_190_000; n++) if (table.locate(Math.imul(n, 0x9e37_79b1), n)) table.remove();
  quieten(model);
  expect(segments.vacantBytes).toBe(0);
  const left = Array.from({ length: 10_000 }, (_, i) => 1_190_001 + i);
  expect(left.filter((n) => !table.locate(Math.imul(n, 0x9e37_79b1), n))).toEqual([]);
});
