/*
 * MULTI, WATCH and their ends, as state changes of a client: used by the handlers, and by whoever takes a client out of
 * its transaction (a refused EXEC, RESET, a closed connection).
 */

import type { Database } from '../keyspace/database.ts';
import { type Client, rearmClient } from '../state/client.ts';
import { CommandQueue } from './command-queue.ts';

export function beginTransaction(client: Client): void {
  client.transaction = { queue: new CommandQueue(), broken: false };
  rearmClient(client);
}

/** Forgets the queue and every watch. */
export function discardTransaction(client: Client): void {
  leaveTransaction(client)?.dispose();
}

/** The same for who still runs what is in the queue; `dispose` is then its affair. */
export function leaveTransaction(client: Client): CommandQueue | null {
  const { transaction } = client;
  if (transaction !== null) {
    client.transaction = null;
    rearmClient(client);
  }
  unwatchAll(client);
  return transaction === null ? null : transaction.queue;
}

export function watchKey(client: Client, db: Database, key: Buffer): void {
  if (client.watching.some((watched) => watched.db === db && watched.key.equals(key))) return;
  client.watching.push({ db, key });
  db.watch(key, 0, key.length, client.watcher);
}

export function unwatchAll(client: Client): void {
  for (const { db, key } of client.watching) db.listeners.unwatch(key.latin1Slice(), client.watcher);
  client.watching = [];
  client.watcher.dirty = false;
}

/** True when a watched key was written, or has died meanwhile. */
export function isWatchBroken(client: Client): boolean {
  return (
    client.watcher.dirty ||
    client.watching.some(({ db, key }) => db.hasExpiredSinceWatch(key, 0, key.length, client.watcher))
  );
}
