/*
 * Which seeds to run: RKV_SEED=n replays one, RKV_SEEDS=n runs so many; else a thousand in CI and fewer where somebody
 * waits. In halves, so that two workers can share them.
 */
import { expect } from 'vitest';
import { type RunReport, run } from './chaos.ts';

const SEEDS = process.env['CI'] === undefined ? 200 : 1000;
/** The runs of one test: short enough to tell where the time goes, long enough to keep the list short. */
export const SEEDS_PER_TEST = 50;

export function batches(half: 0 | 1): number[] {
  const only = process.env['RKV_SEED'];
  if (only !== undefined) return half === 0 ? [Number(only)] : [];
  const seeds = Number(process.env['RKV_SEEDS'] ?? SEEDS);
  const starts: number[] = [];
  for (let start = 1; start <= seeds; start += SEEDS_PER_TEST) starts.push(start);
  return starts.filter((_, i) => i % 2 === half);
}

export function runBatch(start: number): RunReport[] {
  if (process.env['RKV_SEED'] !== undefined) return [run({ seed: start })];
  return Array.from({ length: SEEDS_PER_TEST }, (_, i) => run({ seed: start + i }));
}

/** A run that wrote nothing, or a batch without one election, would keep every promise and show nothing. */
export function expectChaos(reports: readonly RunReport[]): void {
  for (const { acknowledged } of reports) expect(acknowledged).toBeGreaterThan(0);
  const votes = reports.reduce((sum, report) => sum + report.votes, 0);
  if (reports.length > 1) expect(votes, 'votes in all runs of the batch').toBeGreaterThan(0);
}
