import { describe, test } from 'vitest';
import { expectChaos, firstBatches, runBatch, SEEDS_PER_TEST } from './chaos-seeds.ts';

describe('a tormented cluster keeps its promises and comes to agree again', () => {
  test.each(firstBatches())(`seeds %i and the ${SEEDS_PER_TEST - 1} after it`, { timeout: 120_000 }, (start) => {
    expectChaos(runBatch(start));
  });
});
