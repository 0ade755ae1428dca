/*
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH. Commands between MULTI and EXEC are queued by the dispatcher; EXEC runs them in a
 * row, as one unit of propagation, unless something went wrong while queueing or a watched key was touched.
 */

import type { Call } from '../command/call.ts';
import type { CommandQueue } from '../command/command-queue.ts';
import { EXEC_ABORTED, ReplyError } from '../command/errors.ts';
import { run } from '../command/run.ts';
import type { Spec } from '../command/spec.ts';
import {
  beginTransaction,
  discardTransaction,
  isWatchBroken,
  leaveTransaction,
  unwatchAll,
  watchKey,
} from '../command/transaction.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';

export const specs: readonly Spec[] = [
  {
    name: 'multi',
    traits: ['unqueued'],
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    since: '1.2.0',
    group: 'transactions',
    summary: 'Starts a transaction.',
    complexity: 'O(1)',
    run: multi,
  },
  {
    name: 'exec',
    traits: ['unqueued', 'runs_queue', 'ends_transaction'],
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    acl: ['transaction'],
    keys: [],
    since: '1.2.0',
    group: 'transactions',
    summary: 'Executes all commands in a transaction.',
    complexity: 'Depends on commands in the transaction',
    run: exec,
  },
  {
    name: 'discard',
    traits: ['unqueued', 'ends_transaction'],
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    since: '2.0.0',
    group: 'transactions',
    summary: 'Discards a transaction.',
    complexity: 'O(N), when N is the number of queued commands',
    run: discard,
  },
  {
    name: 'watch',
    traits: ['unqueued'],
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [{ flags: ['RO'], first: 1, last: -1, step: 1 }],
    since: '2.2.0',
    group: 'transactions',
    summary: 'Monitors changes to keys to determine the execution of a transaction.',
    complexity: 'O(1) for every key.',
    run: watch,
  },
  {
    name: 'unwatch',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    since: '2.2.0',
    group: 'transactions',
    summary: 'Forgets about watched keys of a transaction.',
    complexity: 'O(1)',
    run: unwatch,
  },
];

const NESTED = new ReplyError('ERR MULTI calls can not be nested');
const EXEC_WITHOUT_MULTI = new ReplyError('ERR EXEC without MULTI');
const DISCARD_WITHOUT_MULTI = new ReplyError('ERR DISCARD without MULTI');
const WATCH_INSIDE_MULTI = new ReplyError('ERR WATCH inside MULTI is not allowed');

function multi(call: Call): void {
  if (call.client.transaction !== null) throw NESTED;
  beginTransaction(call.client);
  call.reply.ok();
}

function exec(call: Call): void {
  const { client, reply } = call;
  const { transaction } = client;
  if (transaction === null) throw EXEC_WITHOUT_MULTI;
  const watchBroken = isWatchBroken(client);
  // Before the commands run: they are not watched by their own transaction, and are not queued again.
  leaveTransaction(client);
  const { queue, broken } = transaction;
  try {
    if (broken) throw EXEC_ABORTED;
    if (watchBroken) return reply.nullArray();
    runQueue(call, queue);
  } finally {
    queue.dispose();
  }
  // The commands have spoken for themselves.
  call.propagateNothing();
  call.changes = 0;
}

function runQueue(call: Call, queue: CommandQueue): void {
  const { server, client, reply, inner } = call;
  reply.array(queue.length);
  for (const { command, request } of queue) {
    inner.set(server, client, request, heardBy(call));
    inner.command = command;
    const refusal = run(inner);
    call.refusal ??= refusal;
  }
  server.nowhere.discard();
  server.commandStats.resumed(call.command.index);
}

/** Where the next answer inside of EXEC goes: the command before it may have said CLIENT REPLY, or ended its own connection. */
function heardBy({ server, client, reply }: Call): RespWriter {
  if (client.connection?.closing === true || client.replyMode === 'off') return server.nowhere.writer;
  // EXEC itself was not to be heard, and now its client listens again.
  return client.replyMode === 'on' && reply === server.nowhere.writer ? client.writer : reply;
}

function discard(call: Call): void {
  if (call.client.transaction === null) throw DISCARD_WITHOUT_MULTI;
  discardTransaction(call.client);
  call.reply.ok();
}

function watch(call: Call): void {
  const { client, db, reply } = call;
  if (client.transaction !== null) throw WATCH_INSIDE_MULTI;
  // A key that is touched after a watch was broken changes nothing any more.
  if (!client.watcher.dirty) for (let i = 1; i < call.argc; i++) watchKey(client, db, call.bytes(i));
  reply.ok();
}

function unwatch(call: Call): void {
  unwatchAll(call.client);
  call.reply.ok();
}
