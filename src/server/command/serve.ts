/*
 * Answers outside of a read: to a client that waited. What it writes goes into the output of the turn like any reply.
 */

import type { Request } from '../protocol/request.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { dispatch } from './dispatch.ts';

/** Ends the wait of a client with a reply. */
export function answerBlocked(server: Server, client: Client, answer: (reply: RespWriter) => void): void {
  withOutput(server, client, () => {
    client.writer.resp = client.resp;
    answer(client.writer);
  });
  server.blocking.release(client);
}

/** Ends the wait of a client by running its request again, which may make it wait again. */
export function serveAgain(server: Server, client: Client, request: Request): void {
  server.blocking.forget(client);
  withOutput(server, client, () => dispatch(server, client, request));
  if (client.blocked === null) client.connection?.resume();
}

function withOutput(server: Server, client: Client, write: () => void): void {
  if (client.connection === null) return write();
  const previous = server.output.begin(client.connection);
  write();
  server.output.end(previous);
  server.wake();
}
