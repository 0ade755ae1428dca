/*
 * Strings: storing and reading whole values. Numbers are in string-number.ts, parts of values in string-range.ts.
 *
 * GET and SET are the hottest path of the server: arguments go from the input buffer to the record, and values from the
 * record to the output buffer, without a string, a Buffer or a closure in between.
 */

import type { Call } from '../command/call.ts';
import { EX, EXAT, PX, PXAT, positiveDeadlineFrom } from '../command/deadline.ts';
import { WRONG_TYPE, wrongArity } from '../command/errors.ts';
import { type Options, readOptions } from '../command/options.ts';
import type { Spec } from '../command/spec.ts';
import { TYPE_STRING } from '../data/encoding.ts';
import { KEEP_DEADLINE, NO_DEADLINE, type Ref } from '../keyspace/database.ts';
import { EVENT_GENERIC, EVENT_STRING } from '../keyspace/key-events.ts';

export const specs: readonly Spec[] = [
  {
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'string',
    summary: 'Returns the string value of a key.',
    complexity: 'O(1)',
    run: get,
  },
  {
    name: 'set',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [
      {
        flags: ['RW', 'access', 'update', 'variable_flags'],
        first: 1,
        last: 1,
        step: 1,
        notes: 'RW and ACCESS due to the optional `GET` argument',
      },
    ],
    since: '1.0.0',
    group: 'string',
    summary: 'Sets the string value of a key, ignoring its type. The key is created if it does not exist.',
    complexity: 'O(1)',
    run: set,
  },
  {
    name: 'setnx',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['OW', 'insert'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'string',
    summary: 'Sets the string value of a key only when the key does not exist.',
    complexity: 'O(1)',
    run: setnx,
  },
  {
    name: 'setex',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [{ flags: ['OW', 'update'], first: 1, last: 1, step: 1 }],
    since: '2.0.0',
    group: 'string',
    summary: 'Sets the string value and the expiration time of a key, in seconds.',
    complexity: 'O(1)',
    run: (call) => setFor(call, positiveDeadlineFrom(call, 2, EX)),
  },
  {
    name: 'psetex',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [{ flags: ['OW', 'update'], first: 1, last: 1, step: 1 }],
    since: '2.6.0',
    group: 'string',
    summary: 'Sets the string value and the expiration time of a key, in milliseconds.',
    complexity: 'O(1)',
    run: (call) => setFor(call, positiveDeadlineFrom(call, 2, PX)),
  },
  {
    name: 'getset',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RW', 'access', 'update'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'string',
    summary: 'Sets the string value of a key and returns the value it had before.',
    complexity: 'O(1)',
    run: getset,
  },
  {
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RW', 'access', 'delete'], first: 1, last: 1, step: 1 }],
    since: '6.2.0',
    group: 'string',
    summary: 'Returns the string value of a key and deletes the key.',
    complexity: 'O(1)',
    run: getdel,
  },
  {
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['string'],
    keys: [
      {
        flags: ['RW', 'access', 'update'],
        first: 1,
        last: 1,
        step: 1,
        notes: 'RW and UPDATE because it changes the TTL',
      },
    ],
    since: '6.2.0',
    group: 'string',
    summary: 'Returns the string value of a key and sets or removes its expiration time.',
    complexity: 'O(1)',
    run: getex,
  },
  {
    name: 'mget',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: -1, step: 1 }],
    since: '1.0.0',
    group: 'string',
    summary: 'Returns the string values of several keys.',
    complexity: 'O(N) with N the number of keys',
    run: mget,
  },
  {
    name: 'mset',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [{ flags: ['OW', 'update'], first: 1, last: -1, step: 2 }],
    since: '1.0.1',
    group: 'string',
    summary: 'Sets the string values of several keys in one step.',
    complexity: 'O(N) with N the number of keys',
    run: mset,
  },
  {
    name: 'msetnx',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [{ flags: ['OW', 'insert'], first: 1, last: -1, step: 2 }],
    since: '1.0.1',
    group: 'string',
    summary: 'Sets the string values of several keys in one step, only when none of them exists.',
    complexity: 'O(N) with N the number of keys',
    run: msetnx,
  },
];

function get(call: Call): void {
  const ref = findString(call, 1);
  if (ref === 0) call.reply.null();
  else replyValue(call, ref);
}

const SET_OPTIONS = {
  NX: { values: 0, not: ['XX'] },
  XX: { values: 0, not: ['NX'] },
  GET: { values: 0 },
  KEEPTTL: { values: 0, not: ['EX', 'PX', 'EXAT', 'PXAT'] },
  EX: { values: 1, not: ['PX', 'EXAT', 'PXAT', 'KEEPTTL'] },
  PX: { values: 1, not: ['EX', 'EXAT', 'PXAT', 'KEEPTTL'] },
  EXAT: { values: 1, not: ['EX', 'PX', 'PXAT', 'KEEPTTL'] },
  PXAT: { values: 1, not: ['EX', 'PX', 'EXAT', 'KEEPTTL'] },
} as const;

function set(call: Call): void {
  if (call.argc > 3) return setWithOptions(call);
  store(call, 1, 2, NO_DEADLINE);
  call.reply.ok();
}

function setWithOptions(call: Call): void {
  const options = readOptions(SET_OPTIONS, call, 3);
  const deadline_ms = expiryOf(call, options);
  const { db, buf, reply } = call;
  const exists = db.findForWrite(buf, call.off(1), call.len(1)) !== 0;
  const refused = (options.NX !== undefined && exists) || (options.XX !== undefined && !exists);
  if (options.GET !== undefined) get(call);
  if (refused) {
    if (options.GET === undefined) reply.null();
    return;
  }
  store(call, 1, 2, options.KEEPTTL !== undefined ? KEEP_DEADLINE : deadline_ms);
  if (deadline_ms !== NO_DEADLINE) call.event(EVENT_GENERIC, 'expire', 1);
  if (options.GET === undefined) reply.ok();
  if (deadline_ms !== NO_DEADLINE) call.propagate('SET', call.view(1), call.view(2), 'PXAT', String(deadline_ms));
  else if (options.GET !== undefined) propagateSet(call, options.KEEPTTL !== undefined);
}

function propagateSet(call: Call, keepDeadline: boolean): void {
  if (keepDeadline) call.propagate('SET', call.view(1), call.view(2), 'KEEPTTL');
  else call.propagate('SET', call.view(1), call.view(2));
}

type Expiry = Options<{ EX: unknown; PX: unknown; EXAT: unknown; PXAT: unknown }>;

function expiryOf(call: Call, { EX: ex, PX: px, EXAT: exat, PXAT: pxat }: Expiry): number {
  if (ex !== undefined) return positiveDeadlineFrom(call, ex, EX);
  if (px !== undefined) return positiveDeadlineFrom(call, px, PX);
  if (exat !== undefined) return positiveDeadlineFrom(call, exat, EXAT);
  if (pxat !== undefined) return positiveDeadlineFrom(call, pxat, PXAT);
  return NO_DEADLINE;
}

function setnx(call: Call): void {
  const exists = call.db.findForWrite(call.buf, call.off(1), call.len(1)) !== 0;
  if (!exists) store(call, 1, 2, NO_DEADLINE);
  call.reply.integer(exists ? 0 : 1);
}

function setFor(call: Call, deadline_ms: number): void {
  store(call, 1, 3, deadline_ms);
  call.event(EVENT_GENERIC, 'expire', 1);
  call.reply.ok();
  call.propagate('SET', call.view(1), call.view(3), 'PXAT', String(deadline_ms));
}

function getset(call: Call): void {
  get(call); // Refuses other types before anything is written.
  store(call, 1, 2, NO_DEADLINE);
  propagateSet(call, false);
}

function getdel(call: Call): void {
  const ref = findString(call, 1);
  if (ref === 0) {
    // A replica that may be written to still holds what is dead: nobody may see it, and it goes.
    call.db.findForWrite(call.buf, call.off(1), call.len(1));
    return call.reply.null();
  }
  replyValue(call, ref);
  call.db.delete(call.buf, call.off(1), call.len(1));
  call.event(EVENT_GENERIC, 'del', 1);
  call.propagate('DEL', call.view(1));
}

const GETEX_OPTIONS = {
  PERSIST: { values: 0, not: ['EX', 'PX', 'EXAT', 'PXAT'] },
  EX: { values: 1, not: ['PX', 'EXAT', 'PXAT', 'PERSIST'] },
  PX: { values: 1, not: ['EX', 'EXAT', 'PXAT', 'PERSIST'] },
  EXAT: { values: 1, not: ['EX', 'PX', 'PXAT', 'PERSIST'] },
  PXAT: { values: 1, not: ['EX', 'PX', 'EXAT', 'PERSIST'] },
} as const;

function getex(call: Call): void {
  const options = readOptions(GETEX_OPTIONS, call, 2);
  const ref = findString(call, 1);
  if (ref === 0) return call.reply.null();
  const deadline_ms = expiryOf(call, options);
  replyValue(call, ref);
  const { db, buf } = call;
  if (options.PERSIST !== undefined) {
    if (db.deadlineOf(ref) === NO_DEADLINE) return;
    db.setDeadline(buf, call.off(1), call.len(1), NO_DEADLINE);
    call.event(EVENT_GENERIC, 'persist', 1);
    call.propagate('PERSIST', call.view(1));
  } else if (deadline_ms !== NO_DEADLINE) {
    if (deadline_ms <= call.server.keyspace.now_ms) {
      db.delete(buf, call.off(1), call.len(1));
      call.event(EVENT_GENERIC, 'del', 1);
      call.propagate('DEL', call.view(1));
    } else {
      db.setDeadline(buf, call.off(1), call.len(1), deadline_ms);
      call.event(EVENT_GENERIC, 'expire', 1);
      call.propagate('PEXPIREAT', call.view(1), String(deadline_ms));
    }
  }
}

function mget(call: Call): void {
  const { db, buf, reply } = call;
  fetchAhead(call, 1);
  reply.array(call.argc - 1);
  for (let i = 1; i < call.argc; i++) {
    const ref = db.find(buf, call.off(i), call.len(i));
    // Unlike GET, a key of another type is answered as missing.
    if (ref === 0 || db.typeOf(ref) !== TYPE_STRING) reply.null();
    else replyValue(call, ref);
  }
}

function mset(call: Call): void {
  if (call.argc % 2 === 0) throw wrongArity('mset');
  fetchAhead(call, 2);
  for (let i = 1; i < call.argc; i += 2) store(call, i, i + 1, NO_DEADLINE);
  call.changes = (call.argc - 1) / 2;
  call.reply.ok();
}

function msetnx(call: Call): void {
  if (call.argc % 2 === 0) throw wrongArity('msetnx');
  for (let i = 1; i < call.argc; i += 2) {
    if (call.db.findForWrite(call.buf, call.off(i), call.len(i)) !== 0) return call.reply.integer(0);
  }
  for (let i = 1; i < call.argc; i += 2) store(call, i, i + 1, NO_DEADLINE);
  call.changes = (call.argc - 1) / 2;
  call.reply.integer(1);
}

/** The record of a key that is read as a string; 0 when it is missing. Throws when it holds something else. */
export function findString(call: Call, i: number): Ref {
  const { db } = call;
  const ref = db.find(call.buf, call.off(i), call.len(i));
  if (ref !== 0 && db.typeOf(ref) !== TYPE_STRING) throw WRONG_TYPE;
  return ref;
}

/** With so many keys the processor's caches would forget the first before we come to them. */
const FETCHED_MAX = 256;

/** The keys of a command, every `step`th argument, are going to be looked up. */
function fetchAhead({ db, buf, request, argc }: Call, step: number): void {
  if (argc > 3) db.fetchAhead(buf, request.off, request.len, 1, Math.min(argc, FETCHED_MAX), step);
}

/** Answers the value of a string record. */
function replyValue({ db, reply }: Call, ref: Ref): void {
  if (db.isBig(ref)) reply.bulkPassed(db.lend(ref));
  else reply.bulk(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref));
}

/** From here on a value keeps the buffer it arrived in, when that belongs to its request alone. */
const ADOPTED_MIN = 32 * 1024;

function store(call: Call, key: number, value: number, deadline_ms: number): void {
  const { db, buf, request } = call;
  const length = call.len(value);
  if (length >= ADOPTED_MIN && request.owned && deadline_ms !== KEEP_DEADLINE && length * 2 > buf.length) {
    db.setStringAdopted(buf, call.off(key), call.len(key), buf, call.off(value), length, deadline_ms);
  } else {
    db.setString(buf, call.off(key), call.len(key), buf, call.off(value), length, deadline_ms);
  }
  call.event(EVENT_STRING, 'set', key);
}
