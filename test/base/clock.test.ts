import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/base/clock.ts';

describe('ManualClock', () => {
  test('stands still until it is advanced', () => {
    const clock = new ManualClock(5000);
    expect([clock.now_ms(), clock.now_us(), clock.monotonic_ms()]).toEqual([5000, 5_000_000, 0]);
    clock.advance(1.5);
    expect([clock.now_ms(), clock.now_us(), clock.monotonic_ms()]).toEqual([5001, 5_001_500, 1.5]);
  });

  test('runs timers in the order of their time, at that time', () => {
    const clock = new ManualClock(0);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.monotonic_ms()}`);
    clock.setTimeout(note('late'), 30);
    clock.setTimeout(note('first'), 10);
    clock.setTimeout(note('second'), 10);
    clock.setInterval(note('tick'), 12);
    clock.advance(29);
    expect(seen).toEqual(['first@10', 'second@10', 'tick@12', 'tick@24']);
    clock.advance(1);
    expect(seen.at(-1)).toBe('late@30');
    expect(clock.timers).toBe(1);
  });

  test('runs a timer that a timer sets, if it is due within the same step', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    clock.setTimeout(() => clock.setTimeout(() => seen.push(clock.monotonic_ms()), 5), 5);
    clock.advance(20);
    expect(seen).toEqual([10]);
    expect(clock.monotonic_ms()).toBe(20);
  });

  test('forgets a cleared timer, and an interval that clears itself', () => {
    const clock = new ManualClock();
    let runs = 0;
    clock.clear(clock.setTimeout(() => runs++, 1));
    const tick = clock.setInterval(() => {
      if (++runs === 2) clock.clear(tick);
    }, 1);
    clock.advance(10);
    expect(runs).toBe(2);
    expect(clock.timers).toBe(0);
    expect(clock.nextDue_ms()).toBeNull();
  });

  test('runs any set of timers in order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 60 }), (plan) => {
        const clock = new ManualClock();
        const seen: number[] = [];
        const timers = plan.map(([after], i) => clock.setTimeout(() => seen.push(i), after));
        plan.forEach(([, cleared], i) => {
          if (cleared) clock.clear(timers[i]!);
        });
        clock.advance(100);
        const expected = plan
          .map(([after, cleared], i) => ({ after, cleared, i }))
          .filter(({ cleared }) => !cleared)
          .sort((a, b) => a.after - b.after || a.i - b.i)
          .map(({ i }) => i);
        expect(seen).toEqual(expected);
      }),
    );
  });
});

describe('systemClock', () => {
  test('tells the same wall time in milliseconds and microseconds', () => {
    const clock = systemClock();
    for (let i = 0; i < 1000; i++) {
      const before_ms = clock.now_ms();
      const now_us = clock.now_us();
      const after_ms = clock.now_ms();
      expect(Number.isInteger(now_us)).toBe(true);
      expect(now_us).toBeGreaterThanOrEqual(before_ms * 1000);
      expect(now_us).toBeLessThan((after_ms + 1) * 1000);
    }
  });

  test('runs timers and clears them', async () => {
    const clock = systemClock();
    let cleared = false;
    clock.clear(clock.setTimeout(() => (cleared = true), 1));
    const begun_ms = clock.monotonic_ms();
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
    expect(clock.monotonic_ms()).toBeGreaterThan(begun_ms);
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const tick = clock.setInterval(() => {
        if (++ticks === 2) resolve(clock.clear(tick));
      }, 1);
    });
    expect(cleared).toBe(false);
  });
});
