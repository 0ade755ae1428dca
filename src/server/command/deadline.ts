/*
 * Times in commands: seconds or milliseconds, from now or since 1970, to one form: a deadline in wall-clock milliseconds.
 */

import type { Call } from './call.ts';
import { ReplyError } from './errors.ts';

export interface TimeUnit {
  /** Milliseconds in one unit: 1000 or 1. */
  unit_ms: 1 | 1000;
  /** Counts from now, not from 1970. */
  relative: boolean;
}

export const EX: TimeUnit = { unit_ms: 1000, relative: true };
export const PX: TimeUnit = { unit_ms: 1, relative: true };
export const EXAT: TimeUnit = { unit_ms: 1000, relative: false };
export const PXAT: TimeUnit = { unit_ms: 1, relative: false };

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The deadline that argument `i` names; any value, also a past one. Throws when it does not fit 64 bits. */
export function deadlineFrom(call: Call, i: number, unit: TimeUnit): number {
  const span_ms = call.int64(i) * BigInt(unit.unit_ms);
  const deadline_ms = unit.relative ? span_ms + BigInt(call.server.keyspace.now_ms) : span_ms;
  if (span_ms < INT64_MIN || span_ms > INT64_MAX || deadline_ms > INT64_MAX) throw invalidExpire(call);
  // Deadlines beyond the year 287396 are kept as that year: a double holds no more exactly.
  return Number(deadline_ms > MAX_EXACT ? MAX_EXACT : deadline_ms);
}

/** Like deadlineFrom, for options that refuse zero and negative times (SET, GETEX, SETEX). */
export function positiveDeadlineFrom(call: Call, i: number, unit: TimeUnit): number {
  if (call.int64(i) <= 0n) throw invalidExpire(call);
  return deadlineFrom(call, i, unit);
}

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

function invalidExpire(call: Call): ReplyError {
  return new ReplyError(`ERR invalid expire time in '${call.command.fullName}' command`);
}
