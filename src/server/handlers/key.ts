/*
 * Keys whatever they hold: existence, names, copies. Deadlines are in expire.ts, walks in key-scan.ts.
 */

import type { Call } from '../command/call.ts';
import { DB_INDEX_OUT_OF_RANGE, NO_SUCH_KEY, ReplyError, SAME_OBJECT, SYNTAX } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { copyOfValue } from '../keyspace/copy-value.ts';
import type { Database } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/key-events.ts';
import { typeOf } from '../types/table.ts';

const KEYS_GROUP = { acl: ['keyspace'], group: 'generic' } as const;

export const specs: readonly Spec[] = [
  {
    ...KEYS_GROUP,
    name: 'del',
    arity: -2,
    flags: ['write'],
    keys: [{ flags: ['RM', 'delete'], first: 1, last: -1, step: 1 }],
    since: '1.0.0',
    summary: 'Deletes one or more keys.',
    complexity: 'O(N) where N is the number of keys that will be removed.',
    run: del,
  },
  {
    ...KEYS_GROUP,
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [{ flags: ['RM', 'delete'], first: 1, last: -1, step: 1 }],
    since: '4.0.0',
    summary: 'Deletes one or more keys; their memory is always given back bit by bit here, so this is DEL.',
    complexity: 'O(1) for each key removed regardless of its size.',
    run: del,
  },
  {
    ...KEYS_GROUP,
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [{ flags: ['RO'], first: 1, last: -1, step: 1 }],
    since: '1.0.0',
    summary: 'Determines whether one or more keys exist.',
    complexity: 'O(N) where N is the number of keys to check.',
    run: countThere,
  },
  {
    ...KEYS_GROUP,
    name: 'touch',
    traits: ['touches'],
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [{ flags: ['RO'], first: 1, last: -1, step: 1 }],
    since: '3.2.1',
    summary:
      'Returns the number of existing keys out of those specified after updating the time they were last accessed.',
    complexity: 'O(N) where N is the number of keys that will be touched.',
    run: countFound,
  },
  {
    ...KEYS_GROUP,
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [{ flags: ['RO'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    summary: 'Determines the type of value stored at a key.',
    complexity: 'O(1)',
    run: type,
  },
  {
    ...KEYS_GROUP,
    name: 'rename',
    arity: 3,
    flags: ['write'],
    keys: [
      { flags: ['RW', 'access', 'delete'], first: 1, last: 1, step: 1 },
      { flags: ['OW', 'update'], first: 2, last: 2, step: 1 },
    ],
    since: '1.0.0',
    summary: 'Renames a key and overwrites the destination.',
    complexity: 'O(1)',
    run: (call) => rename(call, { overwrite: true }),
  },
  {
    ...KEYS_GROUP,
    name: 'renamenx',
    arity: 3,
    flags: ['write', 'fast'],
    keys: [
      { flags: ['RW', 'access', 'delete'], first: 1, last: 1, step: 1 },
      { flags: ['OW', 'insert'], first: 2, last: 2, step: 1 },
    ],
    since: '1.0.0',
    summary: "Renames a key only when the target key name doesn't exist.",
    complexity: 'O(1)',
    run: (call) => rename(call, { overwrite: false }),
  },
  {
    ...KEYS_GROUP,
    name: 'copy',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [
      { flags: ['RO', 'access'], first: 1, last: 1, step: 1 },
      { flags: ['OW', 'update'], first: 2, last: 2, step: 1 },
    ],
    since: '6.2.0',
    summary: 'Copies the value of a key to a new key.',
    complexity: 'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
    run: copy,
  },
  {
    ...KEYS_GROUP,
    name: 'move',
    arity: 3,
    flags: ['write', 'fast'],
    keys: [{ flags: ['RW', 'access', 'update'], first: 1, last: 1, step: 1 }],
    since: '1.0.0',
    summary: 'Moves a key to another database.',
    complexity: 'O(1)',
    run: move,
  },
];

function del(call: Call): void {
  const { db, buf } = call;
  let deleted = 0;
  for (let i = 1; i < call.argc; i++) {
    if (!db.delete(buf, call.off(i), call.len(i))) continue;
    call.event(EVENT_GENERIC, 'del', i);
    deleted++;
  }
  call.changes = deleted;
  call.reply.integer(deleted);
}

/** Without being a use of them. */
function countThere(call: Call): void {
  const { db, buf } = call;
  let found = 0;
  for (let i = 1; i < call.argc; i++) if (db.look(buf, call.off(i), call.len(i)) !== 0) found++;
  call.reply.integer(found);
}

function countFound(call: Call): void {
  const { db, buf } = call;
  let found = 0;
  for (let i = 1; i < call.argc; i++) if (db.find(buf, call.off(i), call.len(i)) !== 0) found++;
  call.reply.integer(found);
}

function type(call: Call): void {
  const ref = call.db.look(call.buf, call.off(1), call.len(1));
  call.reply.simple(ref === 0 ? 'none' : typeOf(call.db, ref).name);
}

function rename(call: Call, { overwrite }: { overwrite: boolean }): void {
  const { db, buf, reply } = call;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref === 0) throw NO_SUCH_KEY;
  const same = call.view(1).equals(call.view(2));
  if (!overwrite) {
    if (same || db.findForWrite(buf, call.off(2), call.len(2)) !== 0) return reply.integer(0);
  } else if (same) {
    return reply.ok();
  }
  const source = db.findForWrite(buf, call.off(1), call.len(1));
  db.put(buf, call.off(2), call.len(2), db.take(source));
  call.event(EVENT_GENERIC, 'rename_from', 1);
  call.event(EVENT_GENERIC, 'rename_to', 2);
  if (overwrite) reply.ok();
  else reply.integer(1);
}

function copy(call: Call): void {
  const { db, buf, reply } = call;
  const { target, replace } = copyOptions(call);
  if (target === db && call.view(1).equals(call.view(2))) throw SAME_OBJECT;
  const ref = db.find(buf, call.off(1), call.len(1));
  if (ref === 0) return reply.integer(0);
  if (!replace && target.findForWrite(buf, call.off(2), call.len(2)) !== 0) return reply.integer(0);
  const entry = copyOfValue(db, db.find(buf, call.off(1), call.len(1)));
  target.put(buf, call.off(2), call.len(2), entry);
  call.event(EVENT_GENERIC, 'copy_to', 2, target);
  reply.integer(1);
}

function copyOptions(call: Call): { target: Database; replace: boolean } {
  let target = call.db;
  let replace = false;
  for (let i = 3; i < call.argc; i++) {
    if (call.is(i, 'REPLACE')) {
      replace = true;
    } else if (call.is(i, 'DB') && i + 1 < call.argc) {
      target = databaseFrom(call, ++i);
    } else {
      throw SYNTAX;
    }
  }
  return { target, replace };
}

const COPY_IN_CLUSTER = new ReplyError('ERR Copying to another database is not allowed in cluster mode');

function databaseFrom(call: Call, i: number): Database {
  const index = call.int32(i);
  const { cluster, config, keyspace } = call.server;
  if (index < 0 || index >= config.databases) throw DB_INDEX_OUT_OF_RANGE;
  if (cluster !== null && index !== 0) throw COPY_IN_CLUSTER;
  const db = keyspace.databases[index];
  if (db === undefined) throw DB_INDEX_OUT_OF_RANGE;
  return db;
}

const MOVE_IN_CLUSTER = new ReplyError('ERR MOVE is not allowed in cluster mode');

function move(call: Call): void {
  const { db, buf, server } = call;
  if (server.cluster !== null) throw MOVE_IN_CLUSTER;
  const target = server.keyspace.databases[call.int32(2)];
  if (target === undefined) throw DB_INDEX_OUT_OF_RANGE;
  if (target === db) throw SAME_OBJECT;
  const taken = target.findForWrite(buf, call.off(1), call.len(1)) !== 0;
  const ref = db.findForWrite(buf, call.off(1), call.len(1));
  if (ref === 0 || taken) return call.reply.integer(0);
  target.put(buf, call.off(1), call.len(1), db.take(ref));
  call.event(EVENT_GENERIC, 'move_from', 1);
  call.event(EVENT_GENERIC, 'move_to', 1, target);
  call.reply.integer(1);
}
