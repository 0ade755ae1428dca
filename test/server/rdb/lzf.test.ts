import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { EXPANSION_MAX, lzfCompress, lzfExpand } from '../../../src/server/rdb/lzf.ts';

function compress(input: Buffer): Buffer | null {
  // Off the start of their buffers, so that a forgotten offset shows.
  const padded = Buffer.concat([Buffer.from('xyz'), input]);
  const out = Buffer.alloc(input.length + 7);
  const length = lzfCompress(padded, 3, input.length, out, 5, input.length);
  return length === 0 ? null : out.subarray(5, 5 + length);
}

function expand(stream: Buffer, length: number): Buffer | null {
  const into = Buffer.alloc(length);
  return lzfExpand(stream, 0, stream.length, into) ? into : null;
}

describe('LZF', () => {
  it('expands the stream that redis-server makes of a hundred letters', () => {
    const stream = Buffer.from('016161e0570001' + '6161', 'hex');
    expect(expand(stream, 100)?.toString()).toBe('a'.repeat(100));
  });

  it('gives back every input that it compresses, one after the other', () => {
    const prng = new Prng(7);
    for (let round = 0; round < 500; round++) {
      const alphabet = 1 + prng.below(prng.chance(0.3) ? 256 : 6);
      const input = Buffer.from(Array.from({ length: prng.below(3000) }, () => prng.below(alphabet)));
      const stream = compress(input);
      if (stream === null) continue;
      expect(stream.length).toBeLessThanOrEqual(input.length);
      expect(expand(stream, input.length)?.equals(input), `round ${round}`).toBe(true);
    }
  });

  it('finds matches as far back as the format reaches, and no farther', () => {
    const prng = new Prng(1);
    const noise = Buffer.from(Array.from({ length: 8192 }, () => prng.below(256)));
    for (const distance of [8191, 8192, 8193]) {
      const input = Buffer.concat([noise.subarray(0, 264), noise.subarray(0, distance - 264), noise.subarray(0, 264)]);
      const stream = compress(Buffer.concat([input, Buffer.alloc(4000)]));
      expect(
        expand(stream!, input.length + 4000)
          ?.subarray(0, input.length)
          .equals(input),
        `${distance}`,
      ).toBe(true);
    }
  });

  it('expands streams of more than a megabyte, with copies that reach back over every border', () => {
    const prng = new Prng(11);
    const items: number[] = [];
    const expected: number[] = [];
    while (items.length < 1_050_000) {
      const reach = Math.min(8192, expected.length);
      if (reach === 0 || prng.chance(0.9)) {
        const literals = Array.from({ length: 1 + prng.below(32) }, () => prng.below(256));
        items.push(literals.length - 1, ...literals);
        expected.push(...literals);
        continue;
      }
      const distance = 1 + prng.below(prng.chance(0.5) ? Math.min(12, reach) : reach);
      const length = 3 + prng.below(prng.chance(0.5) ? 262 : 6);
      const high = (distance - 1) >> 8;
      if (length < 9) items.push(((length - 2) << 5) | high, (distance - 1) & 255);
      else items.push((7 << 5) | high, length - 9, (distance - 1) & 255);
      for (let i = 0; i < length; i++) expected.push(expected[expected.length - distance]!);
    }
    const stream = Buffer.from(items);
    expect(expand(stream, expected.length)?.equals(Buffer.from(expected))).toBe(true);
    expect(expand(stream, expected.length - 1)).toBeNull();
    expect(expand(stream.subarray(0, stream.length - 1), expected.length)).toBeNull();
  });

  it('makes the same stream of the same input, whatever was compressed before', () => {
    const input = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * i) % 61));
    const first = compress(input);
    compress(Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * i * 7) % 59)));
    expect(compress(input)?.equals(first!)).toBe(true);
  });

  it('says 0 when the result would not fit', () => {
    const noise = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 97) & 0xff));
    expect(compress(noise)).toBeNull();
    expect(lzfCompress(Buffer.alloc(100), 0, 100, Buffer.alloc(100), 0, 4)).toBe(0);
  });

  it('refuses streams that are cut off, point before the start or give another length', () => {
    const stream = compress(Buffer.from('abcabcabcabcabcabcabcabc-end'))!;
    const length = 28;
    expect(expand(stream, length)).not.toBeNull();
    expect(expand(stream, length + 1)).toBeNull();
    expect(expand(stream, length - 1)).toBeNull();
    for (let cut = 0; cut < stream.length; cut++)
      expect(expand(stream.subarray(0, cut), length), `cut ${cut}`).toBeNull();
    expect(expand(Buffer.from([0x00, 0x61, 0x20, 0x01]), 4)).toBeNull();
  });

  it('never reads or writes beyond its buffers, whatever the stream', () => {
    const prng = new Prng(3);
    for (let round = 0; round < 5000; round++) {
      const stream = Buffer.from(Array.from({ length: prng.below(40) }, () => prng.below(256)));
      expand(stream, prng.below(400));
    }
  });

  it('cannot expand by more than the bound that readers check claimed lengths with', () => {
    const stream = compress(Buffer.alloc(1_000_000))!;
    expect(stream.length * EXPANSION_MAX).toBeGreaterThanOrEqual(1_000_000);
  });
});
