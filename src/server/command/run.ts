/*
 * The one way to run a command: of a client, inside EXEC, from the append-only file while it is replayed, from the stream
 * of our primary. Whoever calls has found the command and knows that it may run; here it runs, and what it changed is
 * passed on to the log and the replicas.
 */

import { AssertionFailure, assert } from '../../base/assert.ts';
import type { Call } from './call.ts';
import { ReplyError } from './errors.ts';
import { findKeys } from './keys.ts';

/** What was refused, and which command it was: of EXEC, the first one that was refused inside the transaction. */
export interface Refusal {
  readonly error: ReplyError;
  readonly command: string;
}

/**
 * Runs the command of a call. Answers why it was refused, or null; the refusal has been written to `call.reply` already.
 * Who carries out what another server, or this one in an earlier life, has carried out must look at it: a refusal there
 * means that the two data sets differ from here on.
 */
export function run(call: Call): Refusal | null {
  const { server, command, reply } = call;
  const { keyspace, propagation } = server;
  const { version } = keyspace;
  const { out, pos } = reply;
  server.commandStats.ran(command.index);
  propagation.begin();
  try {
    command.run(call);
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    // A refused command must leave no trace, or the replicas and the AOF would miss a write.
    assert(keyspace.version === version, `${command.fullName} changed the keyspace, then refused`);
    server.commandStats.failed(command.index);
    assert(reply.out === out && reply.pos === pos, `${command.fullName} answered, then refused`);
    call.refusal = { error, command: command.fullName };
    refuse(call, error);
  }
  const changed = keyspace.version !== version;
  if (changed) passOn(call);
  propagation.end();
  if (changed && call.depth === 0 && !keyspace.ready.isEmpty) keyspace.ready.serve();
  return call.refusal;
}

/** Answers an error, and counts it. */
export function refuse(call: Call, error: ReplyError): void {
  call.server.stats.countError(error.line);
  call.reply.error(error.line);
}

/** The keyspace was changed. */
function passOn(call: Call): void {
  const { server, command, client } = call;
  const { propagation } = server;
  if (!call.rewritten) {
    if (!command.isWrite) throw new AssertionFailure(`${command.fullName} is not declared write`);
    propagation.addRequest(call.db.index, call.request);
  }
  server.keyspace.dirty += call.changes;
  if (server.keyspace.passive) noteOwnKeys(call);
  const streamed = propagation.active && server.links.wantsStream ? propagation.length : 0;
  client.writeOffset = server.replication.offset + streamed;
}

/** Of a client of a replica that may be written to. */
function noteOwnKeys(call: Call): void {
  const { server, client, command, request, db, buf } = call;
  if (server.replication.role !== 'replica' || server.loading || client.kind !== 'normal') return;
  const indexes: number[] = [];
  findKeys(command.spec, request, indexes);
  for (const i of indexes) server.keyspace.own.note(db, buf, call.off(i), call.len(i));
}
