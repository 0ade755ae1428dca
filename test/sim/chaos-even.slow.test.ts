import { describe, test } from 'vitest';
import { expectChaos, furtherBatches, runBatch, SEEDS_PER_TEST } from './chaos-seeds.ts';

// In two files, because a file is what a worker takes at a time.
describe('a cluster that is tormented for long keeps its promises and comes to agree again', () => {
  test.each(furtherBatches(0))(`seeds %i and the ${SEEDS_PER_TEST - 1} after it`, { timeout: 120_000 }, (start) => {
    expectChaos(runBatch(start));
  });
});
