/*
 * Strings that hold numbers: INCR and its family. Nearly all counters fit a double exactly; those that do not take the
 * way through BigInt, up to 64 bits.
 */

import { parseInt64, writeInteger } from '../../base/ascii.ts';
import { addDecimal, isLongDouble } from '../../base/long-double.ts';
import type { Call } from '../command/call.ts';
import { NOT_FLOAT, NOT_INTEGER, OVERFLOW, ReplyError, WRONG_TYPE } from '../command/errors.ts';
import type { KeySpec, Spec } from '../command/spec.ts';
import { EMBSTR_MAX, TYPE_STRING } from '../data/encoding.ts';
import { EMBSTR_STRING, PLAIN_STRING, RAW_STRING } from '../data/record-layout.ts';
import { KEEP_DEADLINE } from '../keyspace/database.ts';
import { EVENT_STRING } from '../keyspace/key-events.ts';

const UPDATES_ONE_KEY: readonly KeySpec[] = [{ flags: ['RW', 'access', 'update'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  {
    name: 'incr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: UPDATES_ONE_KEY,
    since: '1.0.0',
    group: 'string',
    summary: 'Increments the integer value of a key by one. Uses 0 as the value of a missing key.',
    complexity: 'O(1)',
    run: (call) => add(call, 1),
  },
  {
    name: 'decr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: UPDATES_ONE_KEY,
    since: '1.0.0',
    group: 'string',
    summary: 'Decrements the integer value of a key by one. Uses 0 as the value of a missing key.',
    complexity: 'O(1)',
    run: (call) => add(call, -1),
  },
  {
    name: 'incrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: UPDATES_ONE_KEY,
    since: '1.0.0',
    group: 'string',
    summary: 'Increments the integer value of a key by a number. Uses 0 as the value of a missing key.',
    complexity: 'O(1)',
    run: (call) => addArgument(call, call.int64(2)),
  },
  {
    name: 'decrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: UPDATES_ONE_KEY,
    since: '1.0.0',
    group: 'string',
    summary: 'Decrements the integer value of a key by a number. Uses 0 as the value of a missing key.',
    complexity: 'O(1)',
    run: decrby,
  },
  {
    name: 'incrbyfloat',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: UPDATES_ONE_KEY,
    since: '2.6.0',
    group: 'string',
    summary: 'Increments the floating point value of a key by a number. Uses 0 as the value of a missing key.',
    complexity: 'O(1)',
    run: incrbyfloat,
  },
];

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function decrby(call: Call): void {
  const amount = call.int64(2);
  if (amount === INT64_MIN) throw new ReplyError('ERR decrement would overflow');
  addArgument(call, -amount);
}

function addArgument(call: Call, amount: bigint): void {
  const small = Number(amount);
  if (Number.isSafeInteger(small)) add(call, small);
  else addInt64(call, amount);
}

function add(call: Call, amount: number): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  let value = 0;
  if (ref !== 0) {
    if (db.typeOf(ref) !== TYPE_STRING) throw WRONG_TYPE;
    value = db.integerOf(ref);
  }
  const sum = value + amount;
  // NaN (no number, or one beyond 2^53) fails this too.
  if (!Number.isSafeInteger(sum)) return addInt64(call, BigInt(amount));
  const length = writeInteger(sum, call.scratch, 0);
  db.setString(buf, call.off(1), call.len(1), call.scratch, 0, length, KEEP_DEADLINE, PLAIN_STRING, ref);
  call.event(EVENT_STRING, 'incrby', 1);
  call.reply.integer(sum);
}

function addInt64(call: Call, amount: bigint): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  let value: bigint | null = 0n;
  if (ref !== 0) {
    if (db.typeOf(ref) !== TYPE_STRING) throw WRONG_TYPE;
    value = parseInt64(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref));
    if (value === null) throw NOT_INTEGER;
  }
  const sum = value + amount;
  if (sum > INT64_MAX || sum < INT64_MIN) throw OVERFLOW;
  const text = Buffer.from(sum.toString());
  db.setString(buf, call.off(1), call.len(1), text, 0, text.length, KEEP_DEADLINE);
  call.event(EVENT_STRING, 'incrby', 1);
  call.reply.int64(sum);
}

function incrbyfloat(call: Call): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref !== 0 && db.typeOf(ref) !== TYPE_STRING) throw WRONG_TYPE;
  const value = ref === 0 ? '0' : db.valueBuf(ref).latin1Slice(db.valueOff(ref), db.valueOff(ref) + db.valueLen(ref));
  const amount = call.text(2);
  if (!isLongDouble(value) || !isLongDouble(amount)) throw NOT_FLOAT;
  const sum = addDecimal(value, amount);
  if (sum === null) throw new ReplyError('ERR increment would produce NaN or Infinity');
  const text = Buffer.from(sum);
  // As Redis names it: `int` is what it may be only once it is loaded from a file.
  const kind = text.length > EMBSTR_MAX ? RAW_STRING : EMBSTR_STRING;
  db.setString(buf, call.off(1), call.len(1), text, 0, text.length, KEEP_DEADLINE, kind);
  call.event(EVENT_STRING, 'incrbyfloat', 1);
  call.reply.bulkBuffer(text);
  // The sum, not the summand: another machine might round otherwise.
  call.propagate('SET', call.view(1), text, 'KEEPTTL');
}
