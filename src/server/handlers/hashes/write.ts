/* Hashes: fields set, counted up and removed. What a hash is made of is in types/hash-value.ts. */

import { parseInt64, parseInteger, writeInteger } from '../../../base/ascii.ts';
import { addDecimal, isInfinite, isLongDouble } from '../../../base/long-double.ts';
import type { Call } from '../../command/call.ts';
import { NOT_FLOAT, OVERFLOW, ReplyError, WRONG_TYPE, wrongArity } from '../../command/errors.ts';
import type { KeySpec, Spec } from '../../command/spec.ts';
import { TYPE_HASH } from '../../data/encoding.ts';
import { Entry } from '../../data/listpack.ts';
import type { Ref } from '../../keyspace/database.ts';
import { EVENT_HASH } from '../../keyspace/key-events.ts';
import { findField, hasField, readFound, removeFields, setFields, setFound } from '../../types/hash-value.ts';

const UPDATED: readonly KeySpec[] = [{ flags: ['RW', 'update'], first: 1, last: 1, step: 1 }];
const INSERTED: readonly KeySpec[] = [{ flags: ['RW', 'insert'], first: 1, last: 1, step: 1 }];
const DELETED: readonly KeySpec[] = [{ flags: ['RW', 'delete'], first: 1, last: 1, step: 1 }];
const COUNTED: readonly KeySpec[] = [{ flags: ['RW', 'access', 'update'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  {
    name: 'hset',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hash'],
    keys: UPDATED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Sets fields of a hash. The key is created if it does not exist.',
    complexity: 'O(N) with N the number of fields given',
    run: hset,
  },
  {
    name: 'hsetnx',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hash'],
    keys: INSERTED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Sets a field of a hash unless the field exists.',
    complexity: 'O(1)',
    run: hsetnx,
  },
  {
    name: 'hmset',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hash'],
    keys: UPDATED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Sets fields of a hash. HSET does the same, and says how many fields are new.',
    complexity: 'O(N) with N the number of fields given',
    run: hmset,
  },
  {
    name: 'hdel',
    arity: -3,
    flags: ['write', 'fast'],
    acl: ['hash'],
    keys: DELETED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Removes fields from a hash. Deletes the hash when the last one was removed.',
    complexity: 'O(N) with N the number of fields given',
    run: hdel,
  },
  {
    name: 'hincrby',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hash'],
    keys: COUNTED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Increments the integer value of a field by a number. Uses 0 as the value of a missing field.',
    complexity: 'O(1)',
    run: hincrby,
  },
  {
    name: 'hincrbyfloat',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hash'],
    keys: COUNTED,
    since: '2.6.0',
    group: 'hash',
    summary: 'Increments the floating point value of a field by a number. Uses 0 as the value of a missing field.',
    complexity: 'O(1)',
    run: hincrbyfloat,
  },
];

const VALUE = new Entry();
const NO_INTEGER = new ReplyError('ERR hash value is not an integer');
const NO_FLOAT = new ReplyError('ERR hash value is not a float');
const NOT_FINITE = new ReplyError('ERR value is NaN or Infinity');
const SUM_NOT_FINITE = new ReplyError('ERR increment would produce NaN or Infinity');
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function hset(call: Call): void {
  call.reply.integer(setArguments(call));
}

function hmset(call: Call): void {
  setArguments(call);
  call.reply.ok();
}

/** How many of the fields are new. */
function setArguments(call: Call): number {
  if (call.argc % 2 !== 0) throw wrongArity(call.command.spec.name);
  const ref = findForWrite(call);
  call.changes = (call.argc - 2) / 2;
  const added = setFields(call.db, call.buf, call.off(1), call.len(1), ref, call.request, 2, call.argc);
  call.event(EVENT_HASH, 'hset', 1);
  return added;
}

function hsetnx(call: Call): void {
  const ref = findForWrite(call);
  if (ref !== 0 && hasField(call.db, ref, call.buf, call.off(2), call.len(2))) return call.reply.integer(0);
  setFields(call.db, call.buf, call.off(1), call.len(1), ref, call.request, 2, call.argc);
  call.event(EVENT_HASH, 'hset', 1);
  call.reply.integer(1);
}

function hdel(call: Call): void {
  const ref = findForWrite(call);
  if (ref === 0) return call.reply.integer(0);
  call.changes = removeFields(call.db, call.buf, call.off(1), call.len(1), ref, call.request, 2, call.argc);
  if (call.changes > 0) {
    call.event(EVENT_HASH, 'hdel', 1);
    call.eventIfGone(1);
  }
  call.reply.integer(call.changes);
}

function hincrby(call: Call): void {
  const amount = parseInteger(call.buf, call.off(3), call.len(3));
  // Refused before the key is looked at.
  const wide = Number.isNaN(amount) ? call.int64(3) : null;
  const ref = findForWrite(call);
  const found = readValue(call, ref);
  const sum = (found === 0 ? 0 : integerRead()) + amount;
  // NaN (no number, or one beyond 2^53) fails this too.
  if (!Number.isSafeInteger(sum)) return addInt64(call, ref, found, wide ?? BigInt(amount));
  setTo(call, ref, found, call.scratch, writeInteger(sum, call.scratch, 0));
  call.event(EVENT_HASH, 'hincrby', 1);
  call.reply.integer(sum);
}

function integerRead(): number {
  return Number.isNaN(VALUE.integer) ? parseInteger(VALUE.buf, VALUE.off, VALUE.len) : VALUE.integer;
}

function addInt64(call: Call, ref: Ref, found: number, amount: bigint): void {
  const value = found === 0 ? 0n : parseInt64(VALUE.buf, VALUE.off, VALUE.len);
  if (value === null) throw NO_INTEGER;
  const sum = value + amount;
  if (sum > INT64_MAX || sum < INT64_MIN) throw OVERFLOW;
  setTo(call, ref, found, call.scratch, call.scratch.latin1Write(sum.toString(), 0));
  call.event(EVENT_HASH, 'hincrby', 1);
  call.reply.int64(sum);
}

function hincrbyfloat(call: Call): void {
  const amount = call.text(3);
  if (!isLongDouble(amount)) throw NOT_FLOAT;
  if (isInfinite(amount)) throw NOT_FINITE;
  const ref = findForWrite(call);
  const found = readValue(call, ref);
  const value = found === 0 ? '0' : VALUE.buf.latin1Slice(VALUE.off, VALUE.off + VALUE.len);
  if (!isLongDouble(value)) throw NO_FLOAT;
  const sum = addDecimal(value, amount);
  if (sum === null) throw SUM_NOT_FINITE;
  const text = Buffer.from(sum);
  setTo(call, ref, found, text, text.length);
  call.event(EVENT_HASH, 'hincrbyfloat', 1);
  call.reply.bulkBuffer(text);
  // The sum, not the summand: another machine might round otherwise.
  call.propagate('HSET', call.view(1), call.view(2), text);
}

/** Reads what the field says into VALUE; answers where it was found, or 0. */
function readValue(call: Call, ref: Ref): number {
  const found = ref === 0 ? 0 : findField(call.db, ref, call.buf, call.off(2), call.len(2));
  if (found !== 0) readFound(call.db, ref, found, VALUE);
  return found;
}

function setTo(call: Call, ref: Ref, found: number, digits: Buffer, length: number): void {
  const { db, buf } = call;
  setFound(db, buf, call.off(1), call.len(1), ref, found, buf, call.off(2), call.len(2), digits, 0, length);
  VALUE.forget();
}

/** The record of a hash that is going to be changed; 0 when it is missing. Throws when the key holds something else. */
function findForWrite(call: Call): Ref {
  const ref = call.db.findForWrite(call.buf, call.off(1), call.len(1));
  if (ref !== 0 && call.db.typeOf(ref) !== TYPE_HASH) throw WRONG_TYPE;
  return ref;
}
