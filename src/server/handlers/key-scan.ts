/*
 * Walks over the keys: KEYS, SCAN, RANDOMKEY, DBSIZE. And what empties or exchanges whole databases: FLUSHDB, FLUSHALL,
 * SWAPDB.
 */

import type { Call } from '../command/call.ts';
import { DB_INDEX_OUT_OF_RANGE, ReplyError, SYNTAX } from '../command/errors.ts';
import { readOptions } from '../command/options.ts';
import type { Spec } from '../command/spec.ts';
import type { Database, KeyVisitor } from '../keyspace/database.ts';
import { typeOf } from '../types/table.ts';
import { countOf, cursorAt, ELEMENT_OPTIONS, patternAt } from './scan-arguments.ts';

export const specs: readonly Spec[] = [
  {
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'generic',
    summary: 'Returns all key names that match a pattern.',
    complexity: 'O(N) with N being the number of keys in the database.',
    run: keys,
  },
  {
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [],
    since: '2.8.0',
    group: 'generic',
    summary: 'Iterates over the key names in the database.',
    complexity: 'O(1) for every call. O(N) for a complete iteration.',
    run: scan,
  },
  {
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [],
    since: '1.0.0',
    group: 'generic',
    summary: 'Returns a random key name from the database.',
    complexity: 'O(1)',
    run: randomkey,
  },
  {
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Returns the number of keys in the database.',
    complexity: 'O(1)',
    run: (call) => call.reply.integer(call.db.size),
  },
  {
    name: 'flushdb',
    arity: -1,
    flags: ['write'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Removes all keys from the current database.',
    complexity: 'O(N) where N is the number of keys in the selected database',
    run: (call) => flush(call, [call.db]),
  },
  {
    name: 'flushall',
    arity: -1,
    flags: ['write'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Removes all keys from all databases.',
    complexity: 'O(N) where N is the total number of keys in all databases',
    run: flushAll,
  },
  {
    name: 'swapdb',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    since: '4.0.0',
    group: 'server',
    summary: 'Swaps two Redis databases.',
    complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases.',
    run: swapdb,
  },
];

function keys(call: Call): void {
  const pattern = patternAt(call, 1);
  const { db, reply } = call;
  const found: Buffer[] = [];
  db.forEach((kbuf, koff, klen, ref) => {
    if (db.isDead(ref)) return;
    if (pattern !== null && !pattern.matches(kbuf, koff, klen)) return;
    found.push(Buffer.from(kbuf.subarray(koff, koff + klen)));
  });
  reply.array(found.length);
  for (const key of found) reply.bulkBuffer(key);
}

const SCAN_OPTIONS = { ...ELEMENT_OPTIONS, TYPE: { values: 1 } } as const;

function scan(call: Call): void {
  const cursor = cursorAt(call, 1);
  const options = readOptions(SCAN_OPTIONS, call, 2);
  const count = countOf(call, options.COUNT);
  const pattern = patternAt(call, options.MATCH);
  const type = options.TYPE === undefined ? null : call.text(options.TYPE).toLowerCase();
  const { db, reply } = call;
  const found: Buffer[] = [];
  const dead: Buffer[] = [];
  const matching = (into: Buffer[]): KeyVisitor => {
    return (kbuf, koff, klen, ref) => {
      if (into === found && type !== null && typeOf(db, ref).name !== type) return;
      if (pattern !== null && !pattern.matches(kbuf, koff, klen)) return;
      into.push(Buffer.from(kbuf.subarray(koff, koff + klen)));
    };
  };
  const next = db.scan(cursor, count, matching(found), matching(dead));
  removeDead(call, dead);
  reply.array(2);
  reply.bulkText(next.toString());
  reply.array(found.length);
  for (const key of found) reply.bulkBuffer(key);
}

/** Those that were met; on a replica that is the primary's part. */
function removeDead({ db, server }: Call, keys: readonly Buffer[]): void {
  if (keys.length === 0 || server.keyspace.passive) return;
  server.propagation.stayBare();
  for (const key of keys) db.findForWrite(key, 0, key.length);
}

function randomkey(call: Call): void {
  const { db, reply, server } = call;
  server.propagation.stayBare();
  const ref = db.randomRef();
  if (ref === 0) reply.null();
  else reply.bulk(db.keyBuf(ref), db.keyOff(ref), db.keyLen(ref));
}

function flush(call: Call, databases: readonly Database[]): void {
  if (call.argc > 2) throw SYNTAX;
  // Emptying costs the same in both ways here: the old arena is dropped as a whole.
  if (call.argc === 2 && !call.is(1, 'ASYNC') && !call.is(1, 'SYNC')) throw SYNTAX;
  call.changes = databases.reduce((size, db) => size + db.size, 0);
  for (const db of databases) db.clear();
  call.reply.ok();
  // Propagated also when there was nothing to remove: a replica may have keys that we do not know of.
  call.propagateRequest();
}

function flushAll(call: Call): void {
  const { server } = call;
  flush(call, server.keyspace.databases);
  // A log that is replayed had its save then.
  if (!server.loading && server.persistence.saveCleared()) call.changes = 0;
}

const SWAP_IN_CLUSTER = new ReplyError('ERR SWAPDB is not allowed in cluster mode');
const INVALID_FIRST = new ReplyError('ERR invalid first DB index');
const INVALID_SECOND = new ReplyError('ERR invalid second DB index');

function swapdb(call: Call): void {
  const { cluster, keyspace } = call.server;
  if (cluster !== null) throw SWAP_IN_CLUSTER;
  const a = call.int32(1, INVALID_FIRST);
  const b = call.int32(2, INVALID_SECOND);
  if (keyspace.databases[a] === undefined || keyspace.databases[b] === undefined) throw DB_INDEX_OUT_OF_RANGE;
  keyspace.swap(a, b);
  call.reply.ok();
  call.propagateRequest();
}
