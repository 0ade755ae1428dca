/* What SCAN and the commands that scan one value take: a cursor, a pattern, and about how much to answer at once. */

import { GlobPattern } from '../../base/glob.ts';
import type { Call } from '../command/call.ts';
import { INVALID_CURSOR, NOT_INTEGER, SYNTAX } from '../command/errors.ts';

const DEFAULT_COUNT = 10;

/** For readOptions. */
export const ELEMENT_OPTIONS = { MATCH: { values: 1 }, COUNT: { values: 1, check: checkCount } } as const;

function checkCount(call: Call, i: number): void {
  if (call.integer(i) < 1) throw SYNTAX;
}

export function countOf(call: Call, i: number | undefined): number {
  return i === undefined ? DEFAULT_COUNT : call.integer(i, NOT_INTEGER);
}

/** Or null, which matches all: for a pattern of its own, * is not the empty name. */
export function patternAt(call: Call, i: number | undefined): GlobPattern | null {
  return i === undefined || call.is(i, '*') ? null : new GlobPattern(call.bytes(i));
}

/** What C reads as an unsigned number is a cursor; nothing is, a sign may stand in front, and NUL ends it. */
export function cursorAt(call: Call, i: number): bigint {
  const found = /^([+-]?)(\d{1,40})(?:\0|$)/.exec(call.text(i));
  if (call.len(i) === 0) return 0n;
  if (found === null) throw INVALID_CURSOR;
  const cursor = BigInt(found[2]!);
  if (cursor >= 2n ** 64n) throw INVALID_CURSOR;
  return found[1] === '-' ? BigInt.asUintN(64, -cursor) : cursor;
}
