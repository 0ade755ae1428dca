/*
 * Runs commands that nobody waits for: those of the append only file while it is replayed. Their effects are on disk
 * already, so they are not propagated (propagation is not active while loading).
 */

import { requestOf } from '../protocol/request.ts';
import { setAuthenticated } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { run } from './run.ts';

/** Answers why the command cannot be run, or null. `call` is one that nobody uses meanwhile. */
export function runWithoutReply(server: Server, call = server.call): (args: readonly Buffer[]) => string | null {
  const client = server.newClient(null, 'none');
  setAuthenticated(client, true);
  client.kind = 'primary'; // Nobody's permission is asked, and nothing is routed elsewhere.
  server.clients.delete(client.id);
  // Inside of another command the time is being measured already.
  const isOutermost = call.depth === 0;
  return (args) => {
    const request = requestOf(args);
    const command = server.commands.find(request.buf, request.off[0]!, request.len[0]!);
    const name = args[0]!.toString('latin1');
    if (command === null) return `Unknown command '${name}'`;
    if (!command.accepts(request.argc)) return `Wrong number of arguments for '${name}'`;
    call.set(server, client, request, client.writer);
    call.command = command;
    if (isOutermost) server.commandStats.begin(server.clock.monotonic_ms());
    const refusal = run(call);
    if (isOutermost) server.commandStats.end();
    server.nowhere.discard();
    // A command of our own log that is refused now means that data is missing.
    return refusal === null ? null : `'${refusal.command}' was refused (-${refusal.error.line})`;
  };
}
