import { expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { Deadlines } from '../../../src/server/state/deadlines.ts';

test('whoever is due first comes first, whatever was added and has left in between', () => {
  const prng = new Prng(7);
  const waiting = new Map<number, number>();
  const deadlines = new Deadlines<number>((who) => waiting.has(who));
  let next = 0;
  for (let step = 0; step < 20_000; step++) {
    const what = prng.below(10);
    if (what < 5) {
      const due_ms = prng.below(1000);
      waiting.set(next, due_ms);
      deadlines.add(due_ms, next++);
    } else if (what < 8) {
      const who = [...waiting.keys()][prng.below(Math.max(1, Math.min(waiting.size, 50)))];
      if (who !== undefined && waiting.delete(who)) deadlines.left();
    } else {
      const earliest_ms = Math.min(Number.POSITIVE_INFINITY, ...waiting.values());
      expect(deadlines.next_ms()).toBe(earliest_ms);
      if (earliest_ms === Number.POSITIVE_INFINITY) continue;
      expect(deadlines.takeDue(earliest_ms - 1)).toBeNull();
      const who = deadlines.takeDue(earliest_ms) as number;
      expect(waiting.get(who)).toBe(earliest_ms);
      waiting.delete(who);
    }
  }
});

test('those that left are forgotten, though their time is far away', () => {
  const waiting = new Set<number>();
  const asked: number[] = [];
  const deadlines = new Deadlines<number>((who) => {
    asked.push(who);
    return waiting.has(who);
  });
  for (let who = 0; who < 100_000; who++) {
    waiting.add(who);
    deadlines.add(1_000_000 + who, who);
    waiting.delete(who);
    deadlines.left();
  }
  asked.length = 0;
  expect(deadlines.next_ms()).toBe(Number.POSITIVE_INFINITY);
  expect(asked.length).toBeLessThan(100);
});
