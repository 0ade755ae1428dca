import { expect, test } from 'vitest';
import { run } from './chaos.ts';

test('fifty nodes come through it as five do', { timeout: 120_000 }, () => {
  const report = run({ seed: 3, nodes: 50 });
  expect(report.nodes).toBe(50);
  expect(report.acknowledged).toBeGreaterThan(0);
});
