import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { type Loss, RetryPause } from '../../../src/server/replication/retry-pause.ts';

function pauses(loss: Loss, count: number): number[] {
  const pause = new RetryPause(new ManualClock());
  return Array.from({ length: count }, () => pause.after(loss));
}

test('a primary that cannot be reached is tried again within a second', () => {
  expect(pauses('attempt', 6)).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test('full copies that fail are asked for less and less often', () => {
  expect(pauses('copy', 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(pauses('unknownCommand', 8).at(-1)).toBe(3_600_000);
});

test('a link that worked is made again at once, one that broke at once is not', () => {
  const clock = new ManualClock();
  const pause = new RetryPause(clock);
  pause.up();
  clock.advance(2000);
  expect(pause.after('link')).toBe(0);
  pause.up();
  clock.advance(10);
  expect([pause.after('link'), pause.after('link')]).toEqual([100, 200]);
});

test('failures are forgotten when the link was up for longer than the last pause', () => {
  const clock = new ManualClock();
  const pause = new RetryPause(clock);
  expect([pause.after('copy'), pause.after('copy'), pause.after('copy')]).toEqual([1000, 2000, 4000]);
  pause.up();
  clock.advance(3000);
  expect(pause.after('copy')).toBe(8000);
  pause.up();
  clock.advance(9000);
  expect(pause.after('copy')).toBe(1000);
});
