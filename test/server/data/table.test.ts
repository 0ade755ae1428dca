import { expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { SEGMENT_BLOCK_BYTES } from '../../../src/server/data/memory.ts';
import { SlabPool } from '../../../src/server/data/slabs.ts';
import { Table } from '../../../src/server/data/table.ts';

/** Pairs have addresses of their own here, so an address stands for its pair. */
class Model {
  readonly memory = { tableBytes: 0, segments: new SlabPool(SEGMENT_BLOCK_BYTES) };
  readonly table = new Table(this.memory);
  readonly hashes = new Map<number, number>();
  readonly prng: Prng;
  #lastAddress = 0;

  constructor(seed: number) {
    this.prng = new Prng(seed);
  }

  insert(hash: number): number {
    const address = ++this.#lastAddress;
    this.table.insert(hash, address);
    this.hashes.set(address, hash);
    return address;
  }

  remove(address: number): void {
    // One expectation for each of so many would take longer than what it watches.
    if (!this.table.locate(this.hashes.get(address) as number, address)) throw new Error(`pair ${address} is lost`);
    this.table.remove();
    this.hashes.delete(address);
  }

  check(): void {
    expect(this.table.size).toBe(this.hashes.size);
    for (const [address, hash] of this.hashes) {
      if (!this.table.locate(hash, address)) throw new Error(`pair ${address} is lost`);
    }
    expect(sorted(collectAll(this.table)).equals(sorted([...this.hashes.keys()])), 'what is collected').toBe(true);
  }
}

/** As bytes, which are soon compared. */
function sorted(addresses: number[]): Buffer {
  return Buffer.from(Int32Array.from(addresses).sort().buffer);
}

function ascending(a: number, b: number): number {
  return a - b;
}

function collectAll(table: Table, wanted = 50, between: () => void = () => {}): number[] {
  const met: number[] = [];
  let from = 0;
  do {
    from = table.collect(from, wanted);
    met.push(...table.batch.subarray(0, table.batchSize));
    between();
  } while (from !== 0);
  return met;
}

test('a table holds what a Map holds through growth, random changes and shrinking', () => {
  const model = new Model(1);
  for (const [rounds, insertShare] of [
    [40_000, 0.9],
    [30_000, 0.5],
    [60_000, 0.1],
  ] as const) {
    let addresses = [...model.hashes.keys()];
    for (let round = 0; round < rounds; round++) {
      if (model.prng.chance(insertShare)) {
        model.insert(model.prng.next() | 0);
      } else if (addresses.length > 0) {
        const at = model.prng.below(addresses.length);
        model.remove(addresses[at] as number);
        addresses[at] = addresses.at(-1) as number;
        addresses.pop();
      }
      if (round % 5000 === 0) addresses = [...model.hashes.keys()];
    }
    model.check();
  }
  for (const address of model.hashes.keys()) model.remove(address);
  model.check();
});

test('a table that was emptied is as small as a new one', () => {
  const model = new Model(2);
  const bytes = model.memory.tableBytes;
  for (let i = 0; i < 50_000; i++) model.insert(model.prng.next() | 0);
  expect(model.memory.tableBytes).toBeGreaterThan(50_000 * 8);
  expect(model.memory.tableBytes).toBeLessThan(50_000 * 20);
  for (const address of [...model.hashes.keys()]) model.remove(address);
  expect(model.memory.tableBytes).toBe(bytes);
  model.table.dispose();
  expect(model.memory.tableBytes).toBe(0);
});

test('replacing an address leaves the other pairs of the same hash alone', () => {
  const { table } = new Model(3);
  table.insert(7, 100);
  table.insert(7, 200);
  table.insert(7, 300);
  expect(table.locate(7, 200)).toBe(true);
  table.replace(201);
  const met: number[] = [];
  for (let address = table.seek(7); address !== 0; address = table.seekNext()) met.push(address);
  expect(met).toEqual([100, 201, 300]);
  expect(table.locate(7, 200)).toBe(false);
});

test.each([
  ['all equal', () => 0x1234_5678],
  ['all zero', () => 0],
  ['all ones', () => -1],
  ['equal in their upper 24 bits', (prng: Prng) => 0x5555_5500 | prng.below(256)],
  ['equal in their upper 16 bits', (prng: Prng) => 0x7fff_0000 | prng.below(65536)],
])('hashes that are %s cost memory in proportion to their number', (_, hash) => {
  const model = new Model(4);
  const bytes = model.memory.tableBytes;
  for (let i = 0; i < 6000; i++) model.insert(hash(model.prng));
  expect(model.memory.tableBytes).toBeLessThan(6000 * 100);
  model.check();
  for (let i = 0; i < 20_000; i++) model.insert(model.prng.next() | 0);
  model.check();
  for (const address of [...model.hashes.keys()]) model.remove(address);
  model.check();
  expect(model.memory.tableBytes).toBeLessThanOrEqual(bytes * 40);
});

test('collecting meets every pair that stays exactly once while the table grows', () => {
  const model = new Model(5);
  const stable = Array.from({ length: 3000 }, () => model.insert(model.prng.next() | 0));
  const met = collectAll(model.table, 7, () => {
    for (let i = 0; i < 100 && model.table.size < 50_000; i++) model.insert(model.prng.next() | 0);
  });
  expect(model.table.size).toBe(50_000);
  const inside = met.filter((address) => address <= stable.length).toSorted(ascending);
  expect(inside).toEqual(stable);
});

test('collecting meets every pair that stays exactly once while the table shrinks', () => {
  const model = new Model(6);
  for (let i = 0; i < 60_000; i++) model.insert(model.prng.next() | 0);
  const stable = [...model.hashes.keys()].filter((address) => address % 50 === 0);
  const others = [...model.hashes.keys()].filter((address) => address % 50 !== 0);
  const met = collectAll(model.table, 20, () => {
    for (const address of others.splice(-100)) model.remove(address);
  });
  const inside = met.filter((address) => address % 50 === 0).toSorted(ascending);
  expect(inside).toEqual(stable);
  expect(others.length).toBe(0);
});

test('collecting meets about as many pairs as wanted', () => {
  const model = new Model(7);
  for (let i = 0; i < 30_000; i++) model.insert(model.prng.next() | 0);
  for (let from = 0, first = true; first || from !== 0; first = false) {
    from = model.table.collect(from, 10);
    expect(model.table.batchSize).toBeLessThan(30);
  }
});

test('random picks are uniform', () => {
  const model = new Model(8);
  // Between two powers of two, so that segments of two depths exist.
  for (let i = 0; i < 2500; i++) model.insert(model.prng.next() | 0);
  const picks = new Int32Array(2501);
  const draws = 250_000;
  for (let i = 0; i < draws; i++) {
    const address = model.table.random(model.prng);
    picks[address] = (picks[address] as number) + 1;
  }
  const mean = draws / 2500;
  let variance = 0;
  for (let address = 1; address <= 2500; address++) variance += ((picks[address] as number) - mean) ** 2;
  // Of a Poisson distribution the variance is the mean.
  expect(variance / 2500 / mean).toBeGreaterThan(0.9);
  expect(variance / 2500 / mean).toBeLessThan(1.1);
});

test('a random pick finds the only pair of a table, and none in an empty one', () => {
  const model = new Model(9);
  expect(model.table.random(model.prng)).toBe(0);
  const address = model.insert(-5);
  expect(model.table.random(model.prng)).toBe(address);
});
