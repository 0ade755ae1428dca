/*
 * Deadlines of keys: setting, asking, removing. How keys die is in keyspace/expiry.ts.
 */

import type { Call } from '../command/call.ts';
import { deadlineFrom, EX, EXAT, PX, PXAT, type TimeUnit } from '../command/deadline.ts';
import { quoted, ReplyError } from '../command/errors.ts';
import type { KeySpec, Spec } from '../command/spec.ts';
import { NO_DEADLINE } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/key-events.ts';

const GROUP = { acl: ['keyspace'], group: 'generic' } as const;
const UPDATES: readonly KeySpec[] = [{ flags: ['RW', 'update'], first: 1, last: 1, step: 1 }];
const ASKS: readonly KeySpec[] = [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  expireSpec('expire', '1.0.0', 'Sets the expiration time of a key in seconds.', EX),
  expireSpec('pexpire', '2.6.0', 'Sets the expiration time of a key in milliseconds.', PX),
  expireSpec('expireat', '1.2.0', 'Sets the expiration time of a key to a Unix timestamp.', EXAT),
  expireSpec('pexpireat', '2.6.0', 'Sets the expiration time of a key to a Unix milliseconds timestamp.', PXAT),
  askSpec('ttl', '1.0.0', 'Returns the expiration time in seconds of a key.', (left_ms) =>
    Math.floor((left_ms + 500) / 1000),
  ),
  askSpec('pttl', '2.6.0', 'Returns the expiration time in milliseconds of a key.', (left_ms) => left_ms),
  askSpec('expiretime', '7.0.0', 'Returns the expiration time of a key as a Unix timestamp.', (_left, at_ms) =>
    Math.floor((at_ms + 500) / 1000),
  ),
  askSpec(
    'pexpiretime',
    '7.0.0',
    'Returns the expiration time of a key as a Unix milliseconds timestamp.',
    (_left, at_ms) => at_ms,
  ),
  {
    ...GROUP,
    name: 'persist',
    arity: 2,
    flags: ['write', 'fast'],
    keys: UPDATES,
    since: '2.2.0',
    summary: 'Removes the expiration time of a key.',
    complexity: 'O(1)',
    run: persist,
  },
];

function expireSpec(name: string, since: string, summary: string, unit: TimeUnit): Spec {
  return {
    ...GROUP,
    name,
    arity: -3,
    flags: ['write', 'fast'],
    keys: UPDATES,
    since,
    summary,
    complexity: 'O(1)',
    run: (call) => expire(call, unit),
  };
}

function askSpec(
  name: string,
  since: string,
  summary: string,
  answer: (left_ms: number, at_ms: number) => number,
): Spec {
  return {
    ...GROUP,
    name,
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: ASKS,
    since,
    summary,
    complexity: 'O(1)',
    run: (call) => ask(call, answer),
  };
}

const NX_EXCLUDES = new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible');
const GT_EXCLUDES_LT = new ReplyError('ERR GT and LT options at the same time are not compatible');

interface Conditions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
}

function conditionsFrom(call: Call): Conditions {
  const conditions: Conditions = { nx: false, xx: false, gt: false, lt: false };
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, 'NX')) conditions.nx = true;
    else if (call.is(i, 'XX')) conditions.xx = true;
    else if (call.is(i, 'GT')) conditions.gt = true;
    else if (call.is(i, 'LT')) conditions.lt = true;
    else throw new ReplyError(`ERR Unsupported option ${quoted(call.text(i))}`);
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) throw NX_EXCLUDES;
  if (conditions.gt && conditions.lt) throw GT_EXCLUDES_LT;
  return conditions;
}

function expire(call: Call, unit: TimeUnit): void {
  const conditions = conditionsFrom(call);
  const deadline_ms = deadlineFrom(call, 2, unit);
  const { db, buf, reply, server } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref === 0 || !holds(conditions, db.deadlineOf(ref), deadline_ms)) return reply.integer(0);
  // A replica and the log keep the key until the primary's DEL comes; a primary deletes what is over.
  if (deadline_ms <= server.keyspace.now_ms && !server.loading && call.client.kind !== 'primary') {
    db.delete(buf, call.off(1), call.len(1));
    call.event(EVENT_GENERIC, 'del', 1);
    call.propagate('DEL', call.view(1));
  } else {
    db.setDeadline(buf, call.off(1), call.len(1), Math.max(0, deadline_ms));
    call.event(EVENT_GENERIC, 'expire', 1);
    call.propagate('PEXPIREAT', call.view(1), String(deadline_ms), ...wordsOf(call));
  }
  reply.integer(1);
}

/** A key without a deadline counts as living for ever. */
function holds({ nx, xx, gt, lt }: Conditions, current_ms: number, wanted_ms: number): boolean {
  const has = current_ms !== NO_DEADLINE;
  if (nx && has) return false;
  if (xx && !has) return false;
  if (gt && (!has || wanted_ms <= current_ms)) return false;
  return !(lt && has && wanted_ms >= current_ms);
}

function wordsOf(call: Call): string[] {
  const words: string[] = [];
  for (let i = 3; i < call.argc; i++) words.push(call.text(i));
  return words;
}

const NO_KEY = -2;

function ask(call: Call, answer: (left_ms: number, at_ms: number) => number): void {
  const { db, reply, server } = call;
  const ref = db.look(call.buf, call.off(1), call.len(1));
  if (ref === 0) return reply.integer(NO_KEY);
  const deadline_ms = db.deadlineOf(ref);
  if (deadline_ms === NO_DEADLINE) return reply.integer(NO_DEADLINE);
  reply.integer(answer(Math.max(0, deadline_ms - server.keyspace.now_ms), deadline_ms));
}

function persist(call: Call): void {
  const { db, buf } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref === 0 || db.deadlineOf(ref) === NO_DEADLINE) return call.reply.integer(0);
  db.setDeadline(buf, call.off(1), call.len(1), NO_DEADLINE);
  call.event(EVENT_GENERIC, 'persist', 1);
  call.reply.integer(1);
}
