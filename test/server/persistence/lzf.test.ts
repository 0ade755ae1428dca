import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { EXPANSION_MAX, lzfCompress, lzfExpand } from '../../../src/server/persistence/lzf.ts';

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

  it('gives back every input that it compresses, from one compressor one after the other', () => {
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
