/*
 * Sets: members in, out, and asked for. What a set is made of is in keyspace/set-value.ts.
 */

import type { Call } from '../command/call.ts';
import { WRONG_TYPE } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { TYPE_SET } from '../data/encoding.ts';
import type { Ref } from '../keyspace/database.ts';
import { EVENT_SET } from '../keyspace/key-events.ts';
import { addMembers, forEachMember, hasMember, removeMembers, setSize } from '../types/set-value.ts';

export const specs: readonly Spec[] = [
  {
    name: 'sadd',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['set'],
    keys: [{ flags: ['RW', 'insert'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'set',
    summary: 'Adds members to a set. The key is created if it does not exist.',
    complexity: 'O(N) with N the number of members given',
    run: sadd,
  },
  {
    name: 'srem',
    arity: -3,
    flags: ['write', 'fast'],
    acl: ['set'],
    keys: [{ flags: ['RW', 'delete'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'set',
    summary: 'Removes members from a set. Deletes the set when the last one was removed.',
    complexity: 'O(N) with N the number of members given',
    run: srem,
  },
  {
    name: 'smembers',
    arity: 2,
    flags: ['readonly'],
    acl: ['set'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'set',
    summary: 'Returns all members of a set.',
    complexity: 'O(N) with N the number of members',
    run: smembers,
  },
  {
    name: 'sismember',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['set'],
    keys: [{ flags: ['RO'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'set',
    summary: 'Tells whether something is a member of a set.',
    complexity: 'O(1)',
    run: sismember,
  },
  {
    name: 'smismember',
    arity: -3,
    flags: ['readonly', 'fast'],
    acl: ['set'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }],
    since: '6.2.0',
    group: 'set',
    summary: 'Tells of several things whether they are members of a set.',
    complexity: 'O(N) with N the number of things asked for',
    run: smismember,
  },
  {
    name: 'scard',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['set'],
    keys: [{ flags: ['RO'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'set',
    summary: 'Returns the number of members of a set.',
    complexity: 'O(1)',
    run: scard,
  },
];

function sadd(call: Call): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref !== 0 && db.typeOf(ref) !== TYPE_SET) throw WRONG_TYPE;
  const added = addMembers(db, buf, call.off(1), call.len(1), ref, call.request, 2, call.argc);
  if (added > 0) call.event(EVENT_SET, 'sadd', 1);
  call.changes = added;
  call.reply.integer(added);
}

function srem(call: Call): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref === 0) return call.reply.integer(0);
  if (db.typeOf(ref) !== TYPE_SET) throw WRONG_TYPE;
  call.changes = removeMembers(db, buf, call.off(1), call.len(1), ref, call.request, 2, call.argc);
  if (call.changes > 0) {
    call.event(EVENT_SET, 'srem', 1);
    call.eventIfGone(1);
  }
  call.reply.integer(call.changes);
}

function smembers(call: Call): void {
  const { db, reply } = call;
  const ref = findSet(call, 1);
  if (ref === 0) return reply.set(0);
  reply.set(setSize(db, ref));
  forEachMember(db, ref, (buf, off, len) => reply.bulk(buf, off, len));
}

function sismember(call: Call): void {
  const ref = findSet(call, 1);
  const isMember = ref !== 0 && hasMember(call.db, ref, call.buf, call.off(2), call.len(2));
  call.reply.integer(isMember ? 1 : 0);
}

function smismember(call: Call): void {
  const ref = findSet(call, 1);
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const isMember = ref !== 0 && hasMember(call.db, ref, call.buf, call.off(i), call.len(i));
    call.reply.integer(isMember ? 1 : 0);
  }
}

function scard(call: Call): void {
  const ref = findSet(call, 1);
  call.reply.integer(ref === 0 ? 0 : setSize(call.db, ref));
}

/** The record of a key that is read as a set; 0 when it is missing. Throws when it holds something else. */
function findSet(call: Call, i: number): Ref {
  const ref = call.db.find(call.buf, call.off(i), call.len(i));
  if (ref !== 0 && call.db.typeOf(ref) !== TYPE_SET) throw WRONG_TYPE;
  return ref;
}
