import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/base/nearest.ts';

const KNOWN = ['db', 'maxmemory', 'maxmemory-policy', 'port', 'save', 'appendonly'];

test.each([
  ['maxmemroy', 'maxmemory'],
  ['MAXMEMORY', 'maxmemory'],
  ['prot', 'port'],
  ['sav', 'save'],
  ['appendonyl', 'appendonly'],
  ['maxmemory-polcy', 'maxmemory-policy'],
])('%s was meant to be %s', (typed, meant) => {
  expect(nearest(typed, KNOWN)).toBe(meant);
  expect(didYouMean(typed, KNOWN)).toBe(`; did you mean '${meant}'?`);
});

test.each(['', 'xyz', 'frobnicate', 'a', 'D'])('%j is no slip of the fingers', (typed) => {
  expect(nearest(typed, KNOWN)).toBeNull();
  expect(didYouMean(typed, KNOWN)).toBe('');
});
