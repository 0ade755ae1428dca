/*
 * Clients that wait. A blocked client is parked, not a promise: its connection delivers nothing until it is served.
 * Handlers run to completion, so what a handler checked stays true; the end of a wait is a new task later.
 *
 * Invariants:
 * (1) Nothing re-enters: whoever ends a wait says what is to follow, and one place (command/serve.ts) does it, outside of
 *     every command. Until then the client is as blocked as before.
 * (2) A wait ends once: the first who releases it decides how.
 * (3) Those that are released are served in the order in which they were.
 */

import type { Blocked, Client } from './client.ts';
import { Deadlines } from './deadlines.ts';

/** The wait of a client that is over, and what follows: the client is answered, or its request is run again. */
export interface Released {
  readonly client: Client;
  readonly wait: Blocked;
  readonly then: () => void;
}

export class Blocking {
  readonly #waiting = new Set<Client>();
  readonly #deadlines = new Deadlines<{ client: Client; wait: Blocked }>(
    ({ client, wait }) => client.blocked === wait && this.#waiting.has(client),
  );
  #released: Released[] = [];

  get size(): number {
    return this.#waiting.size;
  }

  /** How many wait for a time that is known; a pause does not count. */
  get withDeadline(): number {
    let count = 0;
    for (const { blocked } of this.#waiting) {
      if (blocked !== null && blocked.why !== 'paused' && blocked.deadline_ms !== Number.POSITIVE_INFINITY) count++;
    }
    return count;
  }

  block(client: Client, wait: Blocked): void {
    client.blocked = wait;
    client.connection?.suspend();
    this.#waiting.add(client);
    if (wait.deadline_ms < Number.POSITIVE_INFINITY) this.#deadlines.add(wait.deadline_ms, { client, wait });
  }

  /** Ends a wait; false when it has ended before. Somebody has to ask for the end of the turn, where it is served. */
  release(client: Client, wait: Blocked, then: () => void): boolean {
    if (client.blocked !== wait || !this.#waiting.delete(client)) return false;
    if (wait.deadline_ms < Number.POSITIVE_INFINITY) this.#deadlines.left();
    this.#released.push({ client, wait, then });
    return true;
  }

  /** Those released so far, once. */
  takeReleased(): readonly Released[] {
    const released = this.#released;
    if (released.length > 0) this.#released = [];
    return released;
  }

  /** A client that is gone waits for nothing. */
  forget(client: Client): void {
    const wait = client.blocked;
    if (wait === null) return;
    client.blocked = null;
    if (this.#waiting.delete(client) && wait.deadline_ms < Number.POSITIVE_INFINITY) this.#deadlines.left();
  }

  /** Those that wait for one thing, or for anything, in the order they came. */
  waiting(why?: Blocked['why']): { client: Client; wait: Blocked }[] {
    const found: { client: Client; wait: Blocked }[] = [];
    for (const client of this.#waiting) {
      const wait = client.blocked;
      if (wait !== null && (why === undefined || wait.why === why)) found.push({ client, wait });
    }
    return found;
  }

  /** Tells every client whose deadline has passed. */
  expire(now_ms: number): void {
    for (;;) {
      const due = this.#deadlines.takeDue(now_ms);
      if (due === null) return;
      due.wait.expire();
    }
  }

  /** Milliseconds, monotonic; Infinity when nobody waits with a deadline. */
  nextDeadline_ms(): number {
    return this.#deadlines.next_ms();
  }
}
