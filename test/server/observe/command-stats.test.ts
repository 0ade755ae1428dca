import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { CommandStats } from '../../../src/server/observe/command-stats.ts';
import { Histogram } from '../../../src/server/observe/histogram.ts';

const [GET, SET, EXEC] = [0, 1, 2];

function newStats(): { stats: CommandStats; clock: ManualClock } {
  const clock = new ManualClock();
  return { stats: new CommandStats(3, clock, { 'latency-tracking': true }), clock };
}

test('a command takes from the end of the one before to its own end', () => {
  const { stats, clock } = newStats();
  stats.begin(clock.monotonic_ms());
  stats.ran(GET);
  clock.advance(3);
  stats.ran(SET);
  clock.advance(5);
  stats.end();
  clock.advance(1000);
  expect(stats.figures(GET)).toEqual({ calls: 1, usec: 3000, rejected: 0, failed: 0 });
  expect(stats.figures(SET)).toEqual({ calls: 1, usec: 5000, rejected: 0, failed: 0 });
});

test('a run of one command shares its time out, thirty-two calls at a time', () => {
  const { stats, clock } = newStats();
  stats.begin(clock.monotonic_ms());
  for (let i = 0; i < 33; i++) {
    stats.ran(GET);
    clock.advance(i < 32 ? 1 : 100);
  }
  stats.end();
  expect(stats.figures(GET)).toMatchObject({ calls: 33, usec: 132_000 });
  expect(stats.histogram(GET)?.percentile_ns(50)).toBeCloseTo(1e6, -4);
  expect(stats.histogram(GET)?.percentile_ns(100)).toBeCloseTo(1e8, -6);
});

test('the clock is read once for a run that ends a delivery', () => {
  const clock = new ManualClock();
  let looks = 0;
  const monotonic_ms = (): number => {
    looks++;
    return 0;
  };
  const stats = new CommandStats(3, Object.assign(clock, { monotonic_ms }), { 'latency-tracking': true });
  stats.begin(0);
  for (let i = 0; i < 32; i++) stats.ran(GET);
  stats.end();
  expect(looks).toBe(1);
});

test('EXEC is not charged with the commands in it', () => {
  const { stats, clock } = newStats();
  stats.begin(clock.monotonic_ms());
  stats.ran(EXEC);
  clock.advance(1);
  stats.ran(SET);
  clock.advance(10);
  stats.resumed(EXEC);
  clock.advance(2);
  stats.end();
  expect(stats.figures(EXEC)).toMatchObject({ calls: 1, usec: 3000 });
  expect(stats.figures(SET)).toMatchObject({ calls: 1, usec: 10_000 });
});

test('who asks does not see itself, and what is refused is no call', () => {
  const { stats, clock } = newStats();
  stats.begin(clock.monotonic_ms());
  stats.ran(GET);
  stats.settle();
  expect(stats.figures(GET)).toBeNull();
  stats.ran(GET);
  stats.settle();
  expect(stats.figures(GET)?.calls).toBe(1);
  stats.rejected(SET);
  expect(stats.figures(SET)).toEqual({ calls: 0, usec: 0, rejected: 1, failed: 0 });
  stats.reset();
  expect(stats.figures(SET)).toBeNull();
});

test('a percentile is the upper end of its bucket, as in Redis', () => {
  const histogram = new Histogram();
  for (const value of [8000, 7001, 255, 1, 5_000_000_000]) histogram.record(value, 1);
  expect([1, 40, 60, 80, 100].map((percent) => histogram.percentile_ns(percent))).toEqual([
    1, 255, 7007, 8031, 1_002_438_655,
  ]);
});
