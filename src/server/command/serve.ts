/*
 * Clients that waited are served here and nowhere else: at the end of the turn (turn.ts), outside of every command. What
 * they are answered goes into the output of the turn like any reply, and what they sent behind is run next.
 */

import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Blocked, Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { dispatch } from './dispatch.ts';

/** Ends the wait of a client with a reply; `answer` runs later, unless the client is gone by then. False: it was over. */
export function answerBlocked(
  server: Server,
  client: Client,
  { wait, answer }: { wait: Blocked; answer: (reply: RespWriter) => void },
): boolean {
  const released = server.blocking.release(client, wait, () => {
    wait.reply.resp = client.resp;
    answer(wait.reply);
    server.nowhere.discard();
  });
  if (released) server.wake();
  return released;
}

/** The pause may be over: requests that it holds back are tried again, in the order they came. */
export function releaseHeld(server: Server): void {
  for (const { client, wait } of server.blocking.waiting('paused')) {
    server.blocking.release(client, wait, () => dispatch(server, client, wait.request!));
  }
  server.wake();
}

/** Serves those released up to now; those that they release in turn are served when the next turn ends. */
export function serveReleased(server: Server): void {
  const released = server.blocking.takeReleased();
  if (released.length > 0) server.cluster?.noteTime(server.clock.monotonic_ms());
  for (const { client, wait, then } of released) {
    // Gone meanwhile.
    if (client.blocked !== wait) continue;
    client.blocked = null;
    client.connection?.resume(then);
  }
}
