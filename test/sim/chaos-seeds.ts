/*
 * Which seeds to run: the first few with every run of the tests, up to a thousand with the slow ones, there in halves so
 * that two workers can share them. RKV_SEED=n replays one and RKV_SEEDS=n runs the first n, both in chaos.test.ts alone.
 */
import { expect } from 'vitest';
import { type RunReport, run } from './chaos.ts';

const FIRST_SEEDS = 10;
const ALL_SEEDS = 1000;
/** The runs of one test: short enough to tell where the time goes, long enough to keep the list short. */
export const SEEDS_PER_TEST = 10;

const replayed = process.env['RKV_SEED'];

export function firstBatches(): number[] {
  if (replayed !== undefined) return [Number(replayed)];
  return batches(1, Number(process.env['RKV_SEEDS'] ?? FIRST_SEEDS));
}

/** Every other batch of those that are left. */
export function furtherBatches(half: 0 | 1): number[] {
  return batches(FIRST_SEEDS + 1, ALL_SEEDS).filter((_, i) => i % 2 === half);
}

export function runBatch(start: number): RunReport[] {
  if (replayed !== undefined) return [run({ seed: start })];
  return Array.from({ length: SEEDS_PER_TEST }, (_, i) => run({ seed: start + i }));
}

/** A run that wrote nothing, or a batch without one election, would keep every promise and show nothing. */
export function expectChaos(reports: readonly RunReport[]): void {
  for (const { acknowledged } of reports) expect(acknowledged).toBeGreaterThan(0);
  const votes = reports.reduce((sum, report) => sum + report.votes, 0);
  if (reports.length > 1) expect(votes, 'votes in all runs of the batch').toBeGreaterThan(0);
}

function batches(first: number, last: number): number[] {
  const starts: number[] = [];
  for (let start = first; start <= last; start += SEEDS_PER_TEST) starts.push(start);
  return starts;
}
