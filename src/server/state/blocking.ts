/*
 * Clients that wait. A blocked client is parked, not a promise: its connection delivers nothing until it is served or its
 * deadline passes. Handlers run to completion, so what a handler checked stays true; the wait is a new call later.
 */

import type { Blocked, Client } from './client.ts';

export class Blocking {
  readonly #clients = new Set<Client>();

  get size(): number {
    return this.#clients.size;
  }

  block(client: Client, blocked: Blocked): void {
    client.blocked = blocked;
    client.connection?.suspend();
    this.#clients.add(client);
  }

  /** Ends a wait; the caller has answered the client, or will. Requests that arrived meanwhile are delivered next. */
  release(client: Client): void {
    if (!this.#clients.delete(client)) return;
    client.blocked = null;
    client.connection?.resume();
  }

  /** A client that is gone waits for nothing. */
  forget(client: Client): void {
    this.#clients.delete(client);
    client.blocked = null;
  }

  /** Those that wait for one thing, in the order they came. */
  waitingFor(why: Blocked['why']): Client[] {
    const clients: Client[] = [];
    for (const client of this.#clients) if (client.blocked?.why === why) clients.push(client);
    return clients;
  }

  /** Tells every client whose deadline has passed. */
  expire(now_ms: number): void {
    for (const client of [...this.#clients]) {
      if (client.blocked !== null && client.blocked.deadline_ms <= now_ms) client.blocked.expire();
    }
  }

  /** Milliseconds, monotonic; Infinity when nobody waits with a deadline. */
  nextDeadline_ms(): number {
    let next_ms = Number.POSITIVE_INFINITY;
    for (const client of this.#clients) next_ms = Math.min(next_ms, client.blocked?.deadline_ms ?? next_ms);
    return next_ms;
  }
}
