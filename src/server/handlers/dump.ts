/*
 * Values as bytes that another server understands: DUMP, RESTORE, RESTORE-ASKING. MIGRATE, which carries them there, is
 * in migrate.ts. Order of checks and texts: spec dump-restore-migrate.md.
 */

import type { Call } from '../command/call.ts';
import { BUSY_KEY, ReplyError, SYNTAX } from '../command/errors.ts';
import type { KeySpec, Spec } from '../command/spec.ts';
import { NO_DEADLINE } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/key-events.ts';
import { BAD_DATA, dumpValue, restoreValue, WRONG_FOOTER } from '../types/dump.ts';

const INSERTS: readonly KeySpec[] = [{ flags: ['OW', 'update'], first: 1, last: 1, step: 1 }];

export const specs: readonly Spec[] = [
  {
    name: 'dump',
    arity: 2,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }],
    since: '2.6.0',
    group: 'generic',
    summary: 'Returns a serialized representation of the value stored at a key.',
    complexity: 'O(1) to access the key and O(N*M) to serialize it, with N objects of average size M.',
    run: dump,
  },
  {
    name: 'restore',
    arity: -4,
    flags: ['write', 'denyoom'],
    acl: ['keyspace', 'dangerous'],
    keys: INSERTS,
    since: '2.6.0',
    group: 'generic',
    summary: 'Creates a key from the serialized representation of a value.',
    complexity: 'O(1) to create the key and O(N*M) to rebuild the value, with N objects of average size M.',
    run: restore,
  },
  {
    name: 'restore-asking',
    arity: -4,
    flags: ['write', 'denyoom', 'asking'],
    acl: ['keyspace', 'dangerous'],
    keys: INSERTS,
    since: '3.0.0',
    group: 'server',
    summary: 'An internal command for migrating keys in a cluster.',
    complexity: 'O(1) to create the key and O(N*M) to rebuild the value, with N objects of average size M.',
    run: restore,
  },
];

function dump(call: Call): void {
  const { db, reply, server } = call;
  const ref = db.find(call.buf, call.off(1), call.len(1));
  if (ref === 0) reply.null();
  else reply.bulkPassed(dumpValue(db, ref, server.persistence.form));
}

interface RestoreOptions {
  replace: boolean;
  absolute: boolean;
  idle_s: number;
  frequency: number;
}

const INVALID_TTL = new ReplyError('ERR Invalid TTL value, must be >= 0');
const INVALID_IDLE = new ReplyError('ERR Invalid IDLETIME value, must be >= 0');
const INVALID_FREQUENCY = new ReplyError('ERR Invalid FREQ value, must be >= 0 and <= 255');

function restore(call: Call): void {
  const { db, buf, reply, server } = call;
  const options = optionsFrom(call);
  if (!options.replace && db.findForWrite(buf, call.off(1), call.len(1)) !== 0) throw BUSY_KEY;
  const ttl = call.integer(2);
  if (ttl < 0) throw INVALID_TTL;
  const { now_ms } = server.keyspace;
  const deadline_ms = ttl === 0 ? NO_DEADLINE : options.absolute ? ttl : now_ms + ttl;
  const entry = restoreValue(call.bytes(3), {
    deadline_ms,
    limits: server.keyspace.limits,
    skipsChecksum: server.switches.skipsChecksums,
  });
  if (entry === WRONG_FOOTER || entry === BAD_DATA) throw new ReplyError(`ERR ${entry}`);
  // Looked up this late so that a payload that is refused leaves a dead key where it is.
  const exists = options.replace && db.findForWrite(buf, call.off(1), call.len(1)) !== 0;
  if (deadline_ms !== NO_DEADLINE && deadline_ms <= now_ms && call.client.kind !== 'primary') {
    return replaceByNothing(call, exists);
  }
  db.put(buf, call.off(1), call.len(1), entry);
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (options.idle_s >= 0) db.setIdle(ref, options.idle_s);
  if (options.frequency >= 0) db.setFrequency(ref, options.frequency);
  call.event(EVENT_GENERIC, 'restore', 1);
  reply.ok();
  if (ttl !== 0 && !options.absolute) propagateAbsolute(call, deadline_ms);
}

/** The time of the value is over already: it never comes to be, and what it replaces goes. */
function replaceByNothing(call: Call, exists: boolean): void {
  if (exists) {
    call.db.delete(call.buf, call.off(1), call.len(1));
    call.event(EVENT_GENERIC, 'del', 1);
  }
  call.reply.ok();
  if (exists) call.propagate('DEL', call.view(1));
}

function propagateAbsolute(call: Call, deadline_ms: number): void {
  const rest: Buffer[] = [];
  for (let i = 4; i < call.argc; i++) rest.push(call.view(i));
  call.propagate(call.view(0), call.view(1), String(deadline_ms), call.view(3), ...rest, 'ABSTTL');
}

function optionsFrom(call: Call): RestoreOptions {
  const options: RestoreOptions = { replace: false, absolute: false, idle_s: -1, frequency: -1 };
  for (let i = 4; i < call.argc; i++) {
    const more = i + 1 < call.argc;
    if (call.is(i, 'REPLACE')) {
      options.replace = true;
    } else if (call.is(i, 'ABSTTL')) {
      options.absolute = true;
    } else if (call.is(i, 'IDLETIME') && more && options.frequency < 0) {
      options.idle_s = call.integer(++i);
      if (options.idle_s < 0) throw INVALID_IDLE;
    } else if (call.is(i, 'FREQ') && more && options.idle_s < 0) {
      options.frequency = call.integer(++i);
      if (options.frequency < 0 || options.frequency > 255) throw INVALID_FREQUENCY;
    } else {
      throw SYNTAX;
    }
  }
  return options;
}
