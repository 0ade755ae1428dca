/*
 * Lists: the ends and the looks inside. What a list is made of is in keyspace/list-value.ts.
 *
 * LPUSH, RPUSH, LPOP and RPOP are as hot as SET: elements go from the input buffer into the list, and from the list to the
 * output buffer, with nothing allocated in between.
 */

import { parseInteger } from '../../base/ascii.ts';
import type { Call } from '../command/call.ts';
import { NOT_POSITIVE, WRONG_TYPE, wrongArity } from '../command/errors.ts';
import type { KeySpec, Spec } from '../command/spec.ts';
import { TYPE_LIST } from '../data/encoding.ts';
import { ListCursor } from '../data/list-object.ts';
import { Entry } from '../data/listpack.ts';
import type { Ref } from '../keyspace/database.ts';
import { EVENT_LIST } from '../keyspace/key-events.ts';
import { dropFromEnd, type End, listLength, openList, pushValues, readEnd } from '../types/list-value.ts';

const PUSHED: readonly KeySpec[] = [{ flags: ['RW', 'insert'], first: 1, last: 1, step: 1 }];
const POPPED: readonly KeySpec[] = [{ flags: ['RW', 'access', 'delete'], first: 1, last: 1, step: 1 }];
const READ: readonly KeySpec[] = [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  {
    name: 'lpush',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['list'],
    keys: PUSHED,
    since: '1.0.0',
    group: 'list',
    summary: 'Adds elements at the head of a list, one after the other. The key is created if it does not exist.',
    complexity: 'O(N) with N the number of elements added',
    run: (call) => push(call, 'head'),
  },
  {
    name: 'rpush',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['list'],
    keys: PUSHED,
    since: '1.0.0',
    group: 'list',
    summary: 'Adds elements at the tail of a list. The key is created if it does not exist.',
    complexity: 'O(N) with N the number of elements added',
    run: (call) => push(call, 'tail'),
  },
  {
    name: 'lpushx',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['list'],
    keys: PUSHED,
    since: '2.2.0',
    group: 'list',
    summary: 'Adds elements at the head of a list only when the list exists.',
    complexity: 'O(N) with N the number of elements added',
    run: (call) => pushToExisting(call, 'head'),
  },
  {
    name: 'rpushx',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['list'],
    keys: PUSHED,
    since: '2.2.0',
    group: 'list',
    summary: 'Adds elements at the tail of a list only when the list exists.',
    complexity: 'O(N) with N the number of elements added',
    run: (call) => pushToExisting(call, 'tail'),
  },
  {
    name: 'lpop',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['list'],
    keys: POPPED,
    since: '1.0.0',
    group: 'list',
    summary: 'Removes and returns the first elements of a list. Deletes the list when the last one was popped.',
    complexity: 'O(N) with N the number of elements returned',
    run: (call) => pop(call, 'head'),
  },
  {
    name: 'rpop',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['list'],
    keys: POPPED,
    since: '1.0.0',
    group: 'list',
    summary: 'Removes and returns the last elements of a list. Deletes the list when the last one was popped.',
    complexity: 'O(N) with N the number of elements returned',
    run: (call) => pop(call, 'tail'),
  },
  {
    name: 'llen',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['list'],
    keys: [{ flags: ['RO'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    group: 'list',
    summary: 'Returns the length of a list.',
    complexity: 'O(1)',
    run: llen,
  },
  {
    name: 'lrange',
    arity: 4,
    flags: ['readonly'],
    acl: ['list'],
    keys: READ,
    since: '1.0.0',
    group: 'list',
    summary: 'Returns a range of the elements of a list.',
    complexity: 'O(S+N) with S the distance of the range from the nearer end and N the number of elements returned',
    run: lrange,
  },
  {
    name: 'lindex',
    arity: 3,
    flags: ['readonly'],
    acl: ['list'],
    keys: READ,
    since: '1.0.0',
    group: 'list',
    summary: 'Returns an element of a list by its index.',
    complexity: 'O(N) with N the distance from the nearer end, counted in blocks of elements and then within one',
    run: lindex,
  },
];

/** What was read last; it is answered before anything else is read. */
const ENTRY = new Entry();

function push(call: Call, end: End): void {
  const ref = findListForWrite(call, 1);
  call.reply.integer(pushArguments(call, ref, end));
}

function pushToExisting(call: Call, end: End): void {
  const ref = findListForWrite(call, 1);
  call.reply.integer(ref === 0 ? 0 : pushArguments(call, ref, end));
}

function pushArguments(call: Call, ref: Ref, end: End): number {
  call.changes = call.argc - 2;
  const length = pushValues(call.db, call.buf, call.off(1), call.len(1), ref, end, call.request, 2, call.argc);
  call.event(EVENT_LIST, end === 'head' ? 'lpush' : 'rpush', 1);
  return length;
}

function pop(call: Call, end: End): void {
  if (call.argc > 2) return popSeveral(call, end);
  const ref = findListForWrite(call, 1);
  if (ref === 0) return call.reply.null();
  readEnd(call.db, ref, end, ENTRY);
  call.reply.bulk(ENTRY.buf, ENTRY.off, ENTRY.len);
  dropFromEnd(call.db, call.buf, call.off(1), call.len(1), ref, end, 1);
  tellPopped(call, end);
  ENTRY.forget();
}

function popSeveral(call: Call, end: End): void {
  if (call.argc > 3) throw wrongArity(call.command.spec.name);
  const wanted = countArgument(call, 2);
  const ref = findListForWrite(call, 1);
  if (ref === 0) return call.reply.nullArray();
  const { db, reply } = call;
  const count = Math.min(wanted, listLength(db, ref));
  reply.array(count);
  if (count === 0) return;
  const list = openList(db, ref);
  const cursor = new ListCursor();
  list.seek(end === 'head' ? 0 : -1, cursor);
  for (let i = 0; i < count; i++) {
    list.read(cursor, ENTRY);
    reply.bulkInARow(ENTRY.buf, ENTRY.off, ENTRY.len);
    if (end === 'head') list.next(cursor);
    else list.previous(cursor);
  }
  call.changes = count;
  dropFromEnd(db, call.buf, call.off(1), call.len(1), ref, end, count);
  tellPopped(call, end);
  ENTRY.forget();
}

function tellPopped(call: Call, end: End): void {
  call.event(EVENT_LIST, end === 'head' ? 'lpop' : 'rpop', 1);
  call.eventIfGone(1);
}

function llen(call: Call): void {
  const ref = findList(call, 1);
  call.reply.integer(ref === 0 ? 0 : listLength(call.db, ref));
}

function lrange(call: Call): void {
  const start = indexArgument(call, 2);
  const stop = indexArgument(call, 3);
  const ref = findList(call, 1);
  const { db, reply } = call;
  const length = ref === 0 ? 0 : listLength(db, ref);
  const first = Math.max(0, start < 0 ? start + length : start);
  const last = Math.min(length - 1, stop < 0 ? stop + length : stop);
  if (first > last) return reply.array(0);
  reply.array(last - first + 1);
  const list = openList(db, ref);
  const cursor = new ListCursor();
  list.seek(first, cursor);
  for (let i = first; i <= last; i++) {
    list.read(cursor, ENTRY);
    reply.bulkInARow(ENTRY.buf, ENTRY.off, ENTRY.len);
    list.next(cursor);
  }
  ENTRY.forget();
}

function lindex(call: Call): void {
  const ref = findList(call, 1);
  if (ref === 0) return call.reply.null();
  const index = indexArgument(call, 2);
  const list = openList(call.db, ref);
  const cursor = new ListCursor();
  if (!list.seek(index, cursor)) return call.reply.null();
  list.read(cursor, ENTRY);
  call.reply.bulk(ENTRY.buf, ENTRY.off, ENTRY.len);
  ENTRY.forget();
}

/** The record of a key that is read as a list; 0 when it is missing. Throws when it holds something else. */
function findList(call: Call, i: number): Ref {
  const ref = call.db.find(call.buf, call.off(i), call.len(i));
  if (ref !== 0 && call.db.typeOf(ref) !== TYPE_LIST) throw WRONG_TYPE;
  return ref;
}

function findListForWrite(call: Call, i: number): Ref {
  const ref = call.db.findForWrite(call.buf, call.off(i), call.len(i));
  if (ref !== 0 && call.db.typeOf(ref) !== TYPE_LIST) throw WRONG_TYPE;
  return ref;
}

/** Any 64-bit integer is an index; beyond 2^53 only its sign matters, because no list is so long. */
function indexArgument(call: Call, i: number): number {
  const index = parseInteger(call.buf, call.off(i), call.len(i));
  return Number.isNaN(index) ? Number(call.int64(i)) : index;
}

function countArgument(call: Call, i: number): number {
  const count = parseInteger(call.buf, call.off(i), call.len(i));
  const wide = Number.isNaN(count) ? Number(call.int64(i, NOT_POSITIVE)) : count;
  if (wide < 0) throw NOT_POSITIVE;
  return wide;
}
