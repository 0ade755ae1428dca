/* The checkers must be able to find something: here are nodes that do wrong. */
import { expect, test } from 'vitest';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { run } from './chaos.ts';
import { Violation } from './checkers.ts';

/** Nodes that do wrong are found out soon here, and those that do right have short runs there. */
const SOON_FOUND = { from: 14, seeds: 60 };
const SHORT_RUNS = { from: 19, seeds: 2 };

/** The first violation of that kind; nodes that do wrong break other promises as well. */
function firstViolation(
  kind: RegExp,
  { from, seeds }: typeof SOON_FOUND,
  tamper?: (effects: Effect[]) => Effect[],
): string | null {
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      run({ seed, nodes: 15, storms: true, ...(tamper === undefined ? {} : { tamper }) });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      if (kind.test(error.message)) return error.message;
    }
  }
  return null;
}

test('a vote that is sent before it is on disk is given twice sooner or later', () => {
  const late = (effects: Effect[]): Effect[] => [
    ...effects.filter(({ type }) => type !== 'persist'),
    ...effects.filter(({ type }) => type === 'persist'),
  ];
  expect(firstViolation(/voted for/, SOON_FOUND, late)).toMatch(
    /^seed \d+: \w+ in epoch \d+ voted for \w+ and for \w+ \(replay: RKV_SEED=\d+\)$/,
  );
}, 60_000);

test('a vote that is written but not forced to disk is given twice sooner or later', () => {
  const lazy = (effects: Effect[]): Effect[] =>
    effects
      .filter(({ type }) => type !== 'sync')
      .map((effect) => (effect.type === 'persist' ? { type: 'persist', fsync: false } : effect));
  expect(firstViolation(/voted for/, SOON_FOUND, lazy)).toMatch(/voted for/);
}, 60_000);

test('under the same conditions the machine itself does nothing wrong', () => {
  expect(firstViolation(/./, SHORT_RUNS)).toBeNull();
}, 60_000);
