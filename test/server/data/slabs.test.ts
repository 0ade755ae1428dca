import { expect, test } from 'vitest';
import { SlabPool } from '../../../src/server/data/slabs.ts';

const BLOCK_BYTES = 1024 * 1024;
const BLOCKS_PER_SLAB = 33;

function taken(pool: SlabPool): Uint8Array {
  pool.take();
  return new Uint8Array(pool.buffer, pool.byteOffset, BLOCK_BYTES);
}

const full = (byte: number): Buffer => Buffer.alloc(BLOCK_BYTES, byte);
const give = (pool: SlabPool, { buffer, byteOffset }: Uint8Array): boolean => pool.give(buffer, byteOffset);

test('blocks do not overlap, and one that was never taken is zero', () => {
  const pool = new SlabPool(BLOCK_BYTES);
  const blocks = Array.from({ length: BLOCKS_PER_SLAB + 2 }, (_, i) => {
    const block = taken(pool);
    expect(pool.isZero).toBe(true);
    expect(Buffer.compare(block, full(0))).toBe(0);
    return block.fill(i + 1);
  });
  for (const [i, block] of blocks.entries()) expect(Buffer.compare(block, full(i + 1))).toBe(0);
});

test('a block that was given back is taken again, and says that it is not zero', () => {
  const pool = new SlabPool(BLOCK_BYTES);
  const [, second] = [taken(pool), taken(pool)];
  expect(give(pool, second)).toBe(true);
  expect(taken(pool).byteOffset).toBe(second.byteOffset);
  expect(pool.isZero).toBe(false);
});

test('a slab goes when its last block came back and a release was asked for, one with each call', () => {
  const pool = new SlabPool(BLOCK_BYTES);
  const blocks = Array.from({ length: 2 * BLOCKS_PER_SLAB + 1 }, () => taken(pool));
  for (const block of blocks.slice(1)) give(pool, block);
  expect(blocks.at(-1)?.length).toBe(BLOCK_BYTES);
  expect(pool.release()).toBe(true);
  expect(pool.release()).toBe(false);
  expect(pool.release()).toBe(false);
  expect(blocks.at(-1)?.length).toBe(0);
  // The first slab has still a block in use.
  expect(blocks[0]?.length).toBe(BLOCK_BYTES);
});

test('memory that is not of a pool is not taken back by it', () => {
  expect(new SlabPool(BLOCK_BYTES).give(new ArrayBuffer(BLOCK_BYTES), 0)).toBe(false);
});
