import { expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { Prng } from '../../../src/base/prng.ts';
import { Arena, CHUNK_SHIFT, UNIT_MASK, UNITS_MASK } from '../../../src/server/data/arena.ts';

/** A record is its length in its first word and its number in the second. */
function write(arena: Arena, address: number, units: number, id: number): void {
  const words = arena.words[address >>> CHUNK_SHIFT] as Int32Array;
  const base = (address & UNIT_MASK) << 1;
  words[base] = units;
  words[base + 1] = id;
}

function idAt(arena: Arena, address: number): number {
  return (arena.words[address >>> CHUNK_SHIFT] as Int32Array)[((address & UNIT_MASK) << 1) + 1] as number;
}

test('records of random sizes keep apart from each other while others come and go', () => {
  const arena = new Arena(4096);
  const prng = new Prng(1);
  const living = new Map<number, { address: number; units: number }>();
  let units = 0;
  for (let id = 1; id <= 50_000; id++) {
    const size = prng.chance(0.01) ? prng.below(8000) + 1 : prng.below(20) + 1;
    const address = arena.allocate(size);
    assert(address !== 0, 'address 0 means nothing');
    write(arena, address, size, id);
    living.set(id, { address, units: size });
    units += size;
    if (living.size > 500) {
      const victim = id - prng.below(500);
      const record = living.get(victim);
      if (record === undefined) continue;
      arena.free(record.address, record.units);
      living.delete(victim);
      units -= record.units;
    }
  }
  for (const [id, { address }] of living) expect(idAt(arena, address)).toBe(id);
  expect(arena.liveUnits).toBe(units);
});

test('a chunk can be walked from record to record up to its used end', () => {
  const arena = new Arena(4096);
  const expected: number[] = [];
  for (let id = 1; id <= 2000; id++) {
    const address = arena.allocate((id % 7) + 1);
    write(arena, address, (id % 7) + 1, id);
    if (id % 3 === 0) arena.free(address, (id % 7) + 1);
    expected.push((id % 7) + 1);
  }
  const met: number[] = [];
  for (let chunk = 0; chunk < arena.chunkCount; chunk++) {
    for (let unit = 1; unit < arena.usedOf(chunk); unit += met.at(-1) as number) {
      met.push(((arena.words[chunk] as Int32Array)[unit << 1] as number) & UNITS_MASK);
    }
  }
  expect(met).toEqual(expected);
});

test('a chunk whose records all died is used again, and address 0 stays reserved in it', () => {
  const arena = new Arena();
  const births = new Set<number>();
  for (let round = 0; round < 50_000; round++) {
    const address = arena.allocate(100);
    assert(address !== 0, 'address 0 means nothing');
    births.add(arena.birthOf(address >>> CHUNK_SHIFT));
    arena.free(address, 100);
  }
  expect(arena.chunkCount).toBe(2);
  expect(births.size).toBeGreaterThan(20);
  expect(arena.liveUnits).toBe(0);
});

test('only a few empty chunks are kept, the memory of the others goes back', () => {
  const arena = new Arena();
  const addresses = Array.from({ length: 30_000 }, () => {
    const address = arena.allocate(100);
    write(arena, address, 100, 1);
    return address;
  });
  expect(arena.chunkBytes).toBeGreaterThan(20 * 1024 * 1024);
  for (const address of addresses) arena.free(address, 100);
  expect(arena.chunkBytes).toBeLessThanOrEqual(9 * 1024 * 1024);
  expect(arena.sealedUnits).toBe(0);
});

test('small chunks come first and grow to one megabyte', () => {
  const arena = new Arena(64 * 1024);
  arena.allocate(10);
  expect(arena.chunkBytes).toBe(64 * 1024);
  for (let i = 0; i < 60_000; i++) arena.allocate(10);
  const sizes = arena.bytes.map((bytes) => bytes.length / 1024);
  expect(sizes).toEqual([64, 128, 256, 512, 1024, 1024, 1024, 1024]);
});

test('the emptiest full chunk is the one to clean', () => {
  const arena = new Arena(4096);
  const addresses = Array.from({ length: 3000 }, () => arena.allocate(8));
  expect(arena.emptiestChunk(0.95)).toBe(-1);
  expect(arena.sealedLiveShare()).toBeGreaterThan(0.9);
  const victims = addresses.filter((address) => address >>> CHUNK_SHIFT === 2);
  for (const address of victims.slice(1)) arena.free(address, 8);
  expect(arena.emptiestChunk(0.95)).toBe(2);
});
