import { expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { AccessClock } from '../../../src/server/data/access-clock.ts';

test('idle time counts seconds since the last use, also across the wrap of 24 bits', () => {
  const clock = new AccessClock(new Prng(1));
  clock.setTime((2 ** 24 - 5) * 1000);
  const access = clock.fresh();
  clock.setTime((2 ** 24 + 5) * 1000);
  expect(clock.idle_s(access)).toBe(10);
  expect(clock.idle_s(clock.used(access))).toBe(0);
  expect(clock.idle_s(clock.fromIdle(77))).toBe(77);
});

test('a frequency grows with the logarithm of uses and decays by the minute', () => {
  const clock = new AccessClock(new Prng(1));
  clock.useLfu = true;
  clock.setTime(1_700_000_000_000);
  let access = clock.fresh();
  expect(clock.frequency(access)).toBe(5);
  for (let i = 0; i < 1000; i++) access = clock.used(access);
  const frequency = clock.frequency(access);
  expect(frequency).toBeGreaterThan(12);
  expect(frequency).toBeLessThan(28);
  clock.setTime(1_700_000_000_000 + 3 * 60_000);
  expect(clock.frequency(access)).toBe(frequency - 3);
  clock.setTime(1_700_000_000_000 + 500 * 60_000);
  expect(clock.frequency(access)).toBe(0);
  clock.decay_minutes = 0;
  expect(clock.frequency(access)).toBe(frequency);
});

test('a restored frequency is the one that was saved', () => {
  const clock = new AccessClock(new Prng(1));
  clock.useLfu = true;
  clock.setTime(1_700_000_000_000);
  expect(clock.frequency(clock.fromFrequency(200))).toBe(200);
});
