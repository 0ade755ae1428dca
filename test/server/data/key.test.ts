import { expect, test } from 'vitest';
import { Key } from '../../../src/server/data/key.ts';

test('a short key is kept as words with zeros at the end', () => {
  const key = new Key(1);
  const input = Buffer.from('..abcdefg..');
  key.load(input, 2, 7);
  expect([...Buffer.from(key.words.buffer, 0, 8)]).toEqual([...Buffer.from('abcdefg\0')]);
});

test('the hash depends on bytes, length and seed, not on where the bytes are', () => {
  const key = new Key(1);
  const hash = key.load(Buffer.from('foo'), 0, 3);
  expect(key.load(Buffer.from('xxfooxx'), 2, 3)).toBe(hash);
  expect(key.load(Buffer.from('foo\0'), 0, 4)).not.toBe(hash);
  expect(key.load(Buffer.from('fop'), 0, 3)).not.toBe(hash);
  expect(new Key(1).load(Buffer.from('foo'), 0, 3)).toBe(hash);
  expect(new Key(2).load(Buffer.from('foo'), 0, 3)).not.toBe(hash);
});

test('similar keys have hashes as if by chance, in every bit', () => {
  const key = new Key(3);
  const count = 20_000;
  const ones = new Int32Array(32);
  const hashes = new Set<number>();
  for (let n = 0; n < count; n++) {
    const bytes = Buffer.from(`key:${String(n).padStart(12, '0')}`);
    const hash = key.load(bytes, 0, bytes.length);
    hashes.add(hash);
    for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] as number) + ((hash >>> bit) & 1);
  }
  // Of 20 000 in 2^32, chance makes 0.05 collisions.
  expect(hashes.size).toBeGreaterThan(count - 4);
  for (const share of ones) expect(Math.abs(share / count - 0.5)).toBeLessThan(0.02);
});

test('no pair of differences collides whatever the seed is', () => {
  // With one multiplication per word, these two would cancel each other out under every multiplier.
  const first = Buffer.from('0000000000000000', 'hex');
  const second = Buffer.from('0000008000000180', 'hex');
  const third = Buffer.from('0000008000000080', 'hex');
  let collisions = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const key = new Key(seed);
    const hash = key.load(first, 0, 8);
    if (key.load(second, 0, 8) === hash || key.load(third, 0, 8) === hash) collisions++;
  }
  expect(collisions).toBe(0);
});
