/*
 * From a request of a client to its reply. The straight way, which nearly all requests take: find the command, see that
 * it has the right number of arguments and that no gate is armed, and run it (run.ts).
 *
 * Nothing re-enters: a command is dispatched by a connection that read it, or by the one place where clients are served
 * that waited (serve.ts), and never inside another command: the door asserts it, once for all that a read delivers.
 */

import type { Request } from '../protocol/request.ts';
import { ARMED_MULTI, ARMED_NO_TOUCH, ARMED_REPLY, type Client, rearmClient } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import type { Call } from './call.ts';
import { QUOTED_MAX, quoted, ReplyError, unknownSubcommand, wrongArity } from './errors.ts';
import { HELD, whyRefused } from './gates.ts';
import type { Command } from './registry.ts';
import { refuse, run } from './run.ts';
import { discardTransaction } from './transaction.ts';

/** Runs one request of a client, or queues or holds or refuses it. */
export function dispatch(server: Server, client: Client, request: Request): void {
  const call = server.call;
  const writer = client.writer;
  writer.resp = client.resp;
  call.set(server, client, request, writer);
  server.stats.countCommand();
  const command = findCommand(call);
  if (command === null) return;
  if (call.command !== command) call.command = command;
  if (client.lastCommand !== command) client.lastCommand = command;
  const armed = server.armed | client.armed;
  if (armed !== 0) dispatchArmed(call, armed);
  else run(call);
}

/** The command or subcommand that is asked for, or why there is none for these arguments. */
export function lookUp(call: Call): Command | ReplyError {
  const command = named(call);
  if (isReady(command, call)) return command;
  return command === null ? unknownCommand(call) : findSubcommand(call, command);
}

function named({ server, request }: Call): Command | null {
  return server.commands.find(request.buf, request.off[0]!, request.len[0]!);
}

/** Nothing more to look for: no subcommand, and as many arguments as it takes. */
function isReady(command: Command | null, call: Call): command is Command {
  return command !== null && command.subcommands === null && command.accepts(call.argc);
}

function findCommand(call: Call): Command | null {
  const command = named(call);
  // Nearly always; the question what `lookUp` has answered costs as much as parsing the request.
  if (isReady(command, call)) return command;
  const found = lookUp(call);
  if (!(found instanceof ReplyError)) return found;
  refuseUnfound(call, found);
  return null;
}

function refuseUnfound(call: Call, refusal: ReplyError): void {
  const { server, client } = call;
  const misused = existing(call);
  if (misused !== null) server.commandStats.rejected(misused.index);
  if (speaksHttp(call)) {
    server.log.warning('A web page or an HTTP client tries to talk to this server: its connection is closed');
    return server.closeClient(client, 'now');
  }
  const silent = (client.armed & ARMED_REPLY) !== 0;
  if (silent) beSilent(call);
  if (named(call)?.is('runs_queue') === true) {
    discardTransaction(client);
    refuse(call, execAborted(refusal));
  } else {
    // A transaction that was refused a command must not run without it.
    if (client.transaction !== null) client.transaction.broken = true;
    refuse(call, refusal);
  }
  if (client.asking) endAsking(client, misused);
  if (silent) afterSilence(server, client);
}

/** The command that was called with too few or too many arguments. */
function existing(call: Call): Command | null {
  const command = named(call);
  if (command === null || command.subcommands === null || call.argc < 2) return command;
  return command.subcommands.get(call.text(1).toLowerCase()) ?? null;
}

/**
 * A browser that is tricked into posting to this port sends lines that would be errors, and then perhaps one that is a
 * command: it must not get that far.
 */
function speaksHttp(call: Call): boolean {
  return call.is(0, 'POST') || call.is(0, 'HOST:');
}

function execAborted({ line }: ReplyError): ReplyError {
  return new ReplyError(`EXECABORT Transaction discarded because of: ${line.replace(/^ERR /, '')}`);
}

function findSubcommand(call: Call, command: Command): Command | ReplyError {
  if (command.subcommands === null || call.argc < 2) {
    return command.accepts(call.argc) ? command : wrongArity(command.fullName);
  }
  const sub = command.subcommands.get(call.text(1).toLowerCase());
  if (sub === undefined) return unknownSubcommand(call.text(1), command.fullName);
  return sub.accepts(call.argc) ? sub : wrongArity(sub.fullName);
}

function unknownCommand(call: Call): ReplyError {
  let args = '';
  for (let i = 1; i < call.argc && args.length < QUOTED_MAX; i++) {
    args += `'${quoted(call.text(i), QUOTED_MAX - args.length)}' `;
  }
  const name = quoted(call.text(0), QUOTED_MAX);
  return new ReplyError(`ERR unknown command '${name}', with args beginning with: ${args}`);
}

/** The longer way: something about the server or the client asks for a second look. */
function dispatchArmed(call: Call, armed: number): void {
  const { server, client, command } = call;
  if ((armed & ARMED_REPLY) !== 0) beSilent(call);
  const refusal = whyRefused(call, armed);
  // Held back is not done: it comes here again, with what was said before it (ASKING, CLIENT REPLY SKIP).
  if (refusal === HELD) return holdUntilResumed(call);
  if (refusal !== null) refuseGated(call, refusal);
  else if ((armed & ARMED_MULTI) !== 0 && !command.is('unqueued')) queue(call);
  else if ((armed & ARMED_NO_TOUCH) !== 0) runUntouched(call);
  else run(call);
  if (client.asking) endAsking(client, command);
  if ((armed & ARMED_REPLY) !== 0) afterSilence(server, client);
  // Who is not subscribed, and runs no queue that subscribes, gets no messages.
  server.output.sendKept();
}

/** CLIENT NO-TOUCH: what the command uses stays as old as it was, but for values that it puts in place of others. */
function runUntouched(call: Call): void {
  const { access } = call.server.keyspace;
  const { keys } = call.command.spec;
  // SET only reads where it is told to: its keys are both.
  const writesAnew =
    keys.length > 0 && keys.every(({ flags }) => flags.includes('OW') || flags.includes('variable_flags'));
  access.resting = !writesAnew && !call.command.is('touches');
  try {
    run(call);
  } finally {
    access.resting = false;
  }
}

/** It is good for one command, also for one that there is not, or for all up to EXEC. */
function endAsking(client: Client, command: Command | null): void {
  if (client.transaction === null && command?.is('prepares_next') !== true) client.asking = false;
}

/** CLIENT REPLY OFF and SKIP: the command runs, and nobody hears what it says. */
function beSilent(call: Call): void {
  const { server, client } = call;
  call.answerTo(server.nowhere.writer);
  if (client.replyMode === 'skip') client.replyMode = 'skipping';
}

function refuseGated(call: Call, refusal: ReplyError): void {
  const { server, client, command } = call;
  server.commandStats.rejected(command.index);
  if (client.transaction !== null) {
    // EXEC refused by a gate discards the transaction; any other command spoils it.
    if (command.is('runs_queue')) discardTransaction(client);
    else client.transaction.broken = true;
  }
  if (command.is('runs_queue')) {
    refuse(call, isRedirection(refusal) ? refusal : execAborted(refusal));
    return;
  }
  refuse(call, refusal);
}

function isRedirection(refusal: ReplyError): boolean {
  return /^(MOVED|ASK|CROSSSLOT|TRYAGAIN|CLUSTERDOWN) /.test(refusal.line);
}

/** What can only be aborted is not kept: it would take memory, and EXEC would be sent where its keys are. */
function queue({ client, command, request, reply }: Call): void {
  const { broken, queue } = client.transaction!;
  if (!broken && !client.watcher.dirty) queue.push(command, request);
  reply.simple('QUEUED');
}

/** The request waits with its client; when the pause is over it is dispatched again, from the start. */
function holdUntilResumed({ server, client, request, reply }: Call): void {
  server.blocking.block(client, {
    why: 'paused',
    deadline_ms: Number.POSITIVE_INFINITY, // The end of the pause is an event of its own.
    expire: () => {},
    reply,
    request: request.owned ? request : request.copy(),
  });
}

function afterSilence(server: Server, client: Client): void {
  server.nowhere.discard();
  if (client.replyMode !== 'skipping') return;
  client.replyMode = 'on';
  rearmClient(client);
}
