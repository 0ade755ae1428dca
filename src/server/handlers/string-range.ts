/*
 * Strings: parts of values, and what two of them have in common.
 */

import type { Call } from '../command/call.ts';
import { OFFSET_OUT_OF_RANGE, ReplyError, STRING_TOO_LONG, WRONG_TYPE } from '../command/errors.ts';
import { integerAt, readOptions } from '../command/options.ts';
import { READS_ONE_KEY, type Spec } from '../command/spec.ts';
import { TYPE_STRING } from '../data/encoding.ts';
import { longestCommonSubsequence, type Match } from '../data/lcs.ts';
import { EVENT_STRING } from '../keyspace/key-events.ts';
import { findString } from './string.ts';

export const specs: readonly Spec[] = [
  {
    name: 'strlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RO'], first: 1, last: 1, step: 1 }],
    since: '2.2.0',
    group: 'string',
    summary: 'Returns the length of a string value, in bytes.',
    complexity: 'O(1)',
    run: strlen,
  },
  {
    name: 'append',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RW', 'insert'], first: 1, last: 1, step: 1 }],
    since: '2.0.0',
    group: 'string',
    summary: 'Appends a string to the value of a key. Creates the key if it does not exist.',
    complexity: 'O(1)',
    run: append,
  },
  {
    name: 'getrange',
    arity: 4,
    flags: ['readonly'],
    acl: ['string'],
    keys: READS_ONE_KEY,
    since: '2.4.0',
    group: 'string',
    summary: 'Returns a part of the string value of a key.',
    complexity: 'O(N) with N the length of the returned string',
    run: getrange,
  },
  {
    name: 'substr',
    arity: 4,
    flags: ['readonly'],
    acl: ['string'],
    keys: READS_ONE_KEY,
    since: '1.0.0',
    group: 'string',
    summary: 'Returns a part of the string value of a key; an old name of GETRANGE.',
    complexity: 'O(N) with N the length of the returned string',
    run: getrange,
  },
  {
    name: 'setrange',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [{ flags: ['RW', 'update'], first: 1, last: 1, step: 1 }],
    since: '2.2.0',
    group: 'string',
    summary: 'Overwrites a part of a string value from an offset on. Creates the key if it does not exist.',
    complexity: 'O(N) with N the length of the written string',
    run: setrange,
  },
  {
    name: 'lcs',
    arity: -3,
    flags: ['readonly'],
    acl: ['string'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: 2, step: 1 }],
    since: '7.0.0',
    group: 'string',
    summary: 'Finds the longest common subsequence of two strings.',
    complexity: 'O(N*M) with N and M the lengths of the strings',
    run: lcs,
  },
];

function strlen(call: Call): void {
  const ref = findString(call, 1);
  call.reply.integer(ref === 0 ? 0 : call.db.valueLen(ref));
}

function append(call: Call): void {
  const { db, buf } = call;
  const length = writableLength(call) + call.len(2);
  if (length > call.server.config['proto-max-bulk-len']) throw STRING_TOO_LONG;
  const total = db.append(buf, call.off(1), call.len(1), buf, call.off(2), call.len(2));
  call.event(EVENT_STRING, 'append', 1);
  call.reply.integer(total);
}

function setrange(call: Call): void {
  const { db, buf } = call;
  const offset = call.integer(2);
  if (offset < 0) throw OFFSET_OUT_OF_RANGE;
  const length = writableLength(call);
  // An empty value changes nothing, and creates no key.
  if (call.len(3) === 0) return call.reply.integer(length);
  if (offset + call.len(3) > call.server.config['proto-max-bulk-len']) throw STRING_TOO_LONG;
  const total = db.overwriteRange(buf, call.off(1), call.len(1), offset, buf, call.off(3), call.len(3));
  call.event(EVENT_STRING, 'setrange', 1);
  call.reply.integer(total);
}

function writableLength(call: Call): number {
  const { db } = call;
  const ref = db.findForWrite(call.buf, call.off(1), call.len(1));
  if (ref === 0) return 0;
  if (db.typeOf(ref) !== TYPE_STRING) throw WRONG_TYPE;
  return db.valueLen(ref);
}

function getrange(call: Call): void {
  const { db, reply } = call;
  let start = call.integer(2);
  let end = call.integer(3);
  const ref = findString(call, 1);
  const length = ref === 0 ? 0 : db.valueLen(ref);
  if (start < 0 && end < 0 && start > end) return reply.bulkText('');
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  end = Math.min(end, length - 1);
  if (start > end || length === 0) return reply.bulkText('');
  reply.bulk(db.valueBuf(ref), db.valueOff(ref) + start, end - start + 1);
}

const LCS_OPTIONS = {
  LEN: { values: 0 },
  IDX: { values: 0 },
  MINMATCHLEN: { values: 1, check: integerAt },
  WITHMATCHLEN: { values: 0 },
} as const;

const NOT_STRINGS = new ReplyError('ERR The specified keys must contain string values');
const LEN_AND_IDX = new ReplyError('ERR If you want both the length and indexes, please just use IDX.');
const NO_ROOM = new ReplyError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');

function lcs(call: Call): void {
  const a = valueOrEmpty(call, 1);
  const b = valueOrEmpty(call, 2);
  // Both have been looked at by now: what was dead is gone.
  if (a === null || b === null) throw NOT_STRINGS;
  const options = readOptions(LCS_OPTIONS, call, 3);
  const shortest = options.MINMATCHLEN === undefined ? 0 : Math.max(0, call.integer(options.MINMATCHLEN));
  if (options.LEN !== undefined && options.IDX !== undefined) throw LEN_AND_IDX;
  const cells = (a.length + 1) * (b.length + 1);
  // Four bytes a cell; the table may not need more than a value could.
  if (cells * 4 > call.server.config['proto-max-bulk-len']) throw NO_ROOM;
  const result = longestCommonSubsequence(a, b, options.IDX !== undefined);
  if (options.LEN !== undefined) call.reply.integer(result.length);
  else if (options.IDX === undefined) call.reply.bulkBuffer(result.bytes);
  else replyMatches(call, result, { shortest, withLength: options.WITHMATCHLEN !== undefined });
}

/** Null: it is no string. */
function valueOrEmpty(call: Call, i: number): Buffer | null {
  const { db } = call;
  const ref = db.find(call.buf, call.off(i), call.len(i));
  if (ref === 0) return Buffer.alloc(0);
  if (db.typeOf(ref) !== TYPE_STRING) return null;
  return db.valueBuf(ref).subarray(db.valueOff(ref), db.valueOff(ref) + db.valueLen(ref));
}

function replyMatches(
  { reply }: Call,
  { matches, length }: { matches: readonly Match[]; length: number },
  { shortest, withLength }: { shortest: number; withLength: boolean },
): void {
  const shown = matches.filter((match) => match.length >= shortest);
  reply.map(2);
  reply.bulkText('matches');
  reply.array(shown.length);
  for (const match of shown) {
    reply.array(withLength ? 3 : 2);
    for (const start of [match.a, match.b]) {
      reply.array(2);
      reply.integer(start);
      reply.integer(start + match.length - 1);
    }
    if (withLength) reply.integer(match.length);
  }
  reply.bulkText('len');
  reply.integer(length);
}
