import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entropySeed, Prng, randomHex } from '../../src/base/prng.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number): number[] => {
    const prng = new Prng(seed);
    return Array.from({ length: 20 }, () => prng.next());
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      expect(draw(seed)).toEqual(draw(seed));
      expect(draw(seed)).not.toEqual(draw(seed + 1));
      expect(draw(seed)).not.toEqual(draw(seed + 2 ** 32));
    }),
  );
});

test('below, float and pick are uniform within three per cent', () => {
  const prng = new Prng(1);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[prng.below(10)]!++;
  for (let i = 0; i < 100_000; i++) counts[Math.floor(prng.float() * 10)]!++;
  for (let i = 0; i < 100_000; i++) counts[prng.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]!++;
  for (const count of counts) expect(Math.abs(count - 30_000)).toBeLessThan(900);
});

test('next covers all 32 bits', () => {
  const prng = new Prng(3);
  let ones = 0;
  let zeros = 0;
  for (let i = 0; i < 100; i++) {
    const n = prng.next();
    expect(n).toBe(n >>> 0);
    ones |= n;
    zeros |= ~n;
  }
  expect([ones, zeros]).toEqual([-1, -1]);
});

test('chance(0) never happens and chance(1) always', () => {
  const prng = new Prng(2);
  for (let i = 0; i < 1000; i++) expect([prng.chance(0), prng.chance(1)]).toEqual([false, true]);
});

test('picking from an empty list is refused', () => {
  expect(() => new Prng(1).pick([])).toThrow(RangeError);
});

test('hex and randomHex give as many digits as asked for', () => {
  const prng = new Prng(9);
  for (const n of [0, 1, 7, 8, 9, 40, 41]) {
    expect(prng.hex(n)).toMatch(new RegExp(`^[0-9a-f]{${n}}$`));
    expect(randomHex(n)).toMatch(new RegExp(`^[0-9a-f]{${n}}$`));
  }
  expect(randomHex(40)).not.toBe(randomHex(40));
  expect(entropySeed()).not.toBe(entropySeed());
});
