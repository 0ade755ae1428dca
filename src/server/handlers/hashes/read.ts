/* Hashes: what they hold. */

import type { Call } from '../../command/call.ts';
import { type KeySpec, READS_ONE_KEY, type Spec } from '../../command/spec.ts';
import { Entry } from '../../data/listpack.ts';
import { hasField, hashLength, readField, walkHash } from '../../types/hash-value.ts';
import { findHash } from './find-hash.ts';

const ASKED: readonly KeySpec[] = [{ flags: ['RO'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  {
    name: 'hget',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the value of a field of a hash.',
    complexity: 'O(1)',
    run: hget,
  },
  {
    name: 'hmget',
    arity: -3,
    flags: ['readonly', 'fast'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the values of fields of a hash.',
    complexity: 'O(N) with N the number of fields asked for',
    run: hmget,
  },
  {
    name: 'hgetall',
    arity: 2,
    flags: ['readonly'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns all fields of a hash with their values.',
    complexity: 'O(N) with N the number of fields',
    run: hgetall,
  },
  {
    name: 'hkeys',
    arity: 2,
    flags: ['readonly'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns all fields of a hash.',
    complexity: 'O(N) with N the number of fields',
    run: hkeys,
  },
  {
    name: 'hvals',
    arity: 2,
    flags: ['readonly'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the values of all fields of a hash.',
    complexity: 'O(N) with N the number of fields',
    run: hvals,
  },
  {
    name: 'hlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['hash'],
    keys: ASKED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the number of fields of a hash.',
    complexity: 'O(1)',
    run: hlen,
  },
  {
    name: 'hstrlen',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['hash'],
    keys: ASKED,
    since: '3.2.0',
    group: 'hash',
    summary: 'Returns the length of the value of a field.',
    complexity: 'O(1)',
    run: hstrlen,
  },
  {
    name: 'hexists',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['hash'],
    keys: ASKED,
    since: '2.0.0',
    group: 'hash',
    summary: 'Tells whether a hash has a field.',
    complexity: 'O(1)',
    run: hexists,
  },
];

/** What was read last; it is answered before anything else is read. */
const VALUE = new Entry();

function hget(call: Call): void {
  const ref = findHash(call);
  if (ref !== 0 && readField(call.db, ref, call.buf, call.off(2), call.len(2), VALUE)) {
    call.reply.bulk(VALUE.buf, VALUE.off, VALUE.len);
    VALUE.forget();
  } else {
    call.reply.null();
  }
}

function hmget(call: Call): void {
  const { db, buf, reply } = call;
  const ref = findHash(call);
  reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const isThere = ref !== 0 && readField(db, ref, buf, call.off(i), call.len(i), VALUE);
    if (isThere) reply.bulk(VALUE.buf, VALUE.off, VALUE.len);
    else reply.null();
  }
  VALUE.forget();
}

function hgetall(call: Call): void {
  const { db, reply } = call;
  const ref = findHash(call);
  if (ref === 0) return reply.map(0);
  reply.map(hashLength(db, ref));
  walkHash(db, ref, 0, Number.POSITIVE_INFINITY, (buf, off, len) => reply.bulk(buf, off, len));
}

function hkeys(call: Call): void {
  replyHalf(call, 0);
}

function hvals(call: Call): void {
  replyHalf(call, 1);
}

/** The fields or the values of a hash: each is followed by one of the others. */
function replyHalf(call: Call, wanted: 0 | 1): void {
  const { db, reply } = call;
  const ref = findHash(call);
  if (ref === 0) return reply.array(0);
  reply.array(hashLength(db, ref));
  let half = 0;
  walkHash(db, ref, 0, Number.POSITIVE_INFINITY, (buf, off, len) => {
    if (half === wanted) reply.bulk(buf, off, len);
    half = 1 - half;
  });
}

function hlen(call: Call): void {
  const ref = findHash(call);
  call.reply.integer(ref === 0 ? 0 : hashLength(call.db, ref));
}

function hstrlen(call: Call): void {
  const ref = findHash(call);
  const isThere = ref !== 0 && readField(call.db, ref, call.buf, call.off(2), call.len(2), VALUE);
  call.reply.integer(isThere ? VALUE.len : 0);
  VALUE.forget();
}

function hexists(call: Call): void {
  const ref = findHash(call);
  const isThere = ref !== 0 && hasField(call.db, ref, call.buf, call.off(2), call.len(2));
  call.reply.integer(isThere ? 1 : 0);
}
