/*
 * Subscriptions as a state of clients: used by the handlers, and by whoever takes a client out of them (RESET, a closed
 * connection). And how a message comes to a client: into the output of the turn, but never into the middle of a reply.
 */

import { Subscriber } from '../pubsub/hub.ts';
import type { Message } from '../pubsub/message.ts';
import { type Client, rearmClient } from '../state/client.ts';
import type { Server } from '../state/server.ts';

type Kind = 'channel' | 'pattern';

/** How many channels and patterns the client is subscribed to. */
export function subscriptionsOf({ subscriber }: Client): number {
  return subscriber?.count ?? 0;
}

export function subscribe(server: Server, client: Client, kind: Kind, name: string): void {
  if (client.subscriber === null) {
    client.subscriber = new Subscriber((message) => hear(server, client, message));
    rearmClient(client);
  }
  if (kind === 'channel') server.pubsub.subscribe(client.subscriber, name);
  else server.pubsub.subscribePattern(client.subscriber, name);
}

export function unsubscribe({ pubsub }: Server, client: Client, kind: Kind, name: string): void {
  const { subscriber } = client;
  if (subscriber === null) return;
  if (kind === 'channel') pubsub.unsubscribe(subscriber, name);
  else pubsub.unsubscribePattern(subscriber, name);
  if (subscriber.count === 0) forget(client);
}

export function unsubscribeAll({ pubsub }: Server, client: Client): void {
  if (client.subscriber === null) return;
  pubsub.leave(client.subscriber);
  forget(client);
}

function forget(client: Client): void {
  client.subscriber = null;
  rearmClient(client);
}

/** A client that is answered just now gets what it has published itself, or changed, behind the answer. */
function hear(server: Server, client: Client, message: Message): void {
  const { connection } = client;
  if (connection === null || connection.closing) return;
  const { output } = server;
  const bytes = message.bytes(client.resp);
  if (server.propagation.inUnit && output.isAnswering(connection)) output.keep(bytes);
  else output.sendBytes(connection, bytes);
  server.wake();
}
