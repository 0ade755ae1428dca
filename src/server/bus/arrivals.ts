/*
 * Connections to the bus port that have not brought a message yet, with or without TLS. A node sends one as soon as it is
 * connected, so they are few and young; whoever opens many and says nothing gets no more than this.
 */

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';

/** A cluster of hundreds that starts at once passes through, and less than half of what is left by `ulimit -n 1024`. */
export const ARRIVALS_MAX = 256;
/** Two round trips and a signature take a fraction of it, also to the other side of the world. */
export const ARRIVAL_MS_MAX = 10_000;

export class Arrivals {
  readonly #clock: Clock;
  /** The oldest first. By its two ends, because TLS stands before the socket that was accepted. */
  readonly #waiting = new Map<string, { readonly socket: Socket; readonly deadline: Timer }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Where there are too many, the oldest has to go: a node would have spoken by now. */
  add(socket: Socket): void {
    if (this.#waiting.size >= ARRIVALS_MAX) this.#dismissOldest();
    const ends = endsOf(socket);
    const deadline = this.#clock.setTimeout(() => socket.destroy(), ARRIVAL_MS_MAX);
    // Of no program that has a server inside it is this a reason to go on.
    if ('unref' in deadline) (deadline as { unref(): void }).unref();
    this.#waiting.set(ends, { socket, deadline });
    socket.once('close', () => this.#forget(ends));
  }

  /** It has brought a message. */
  spoke(socket: Socket): void {
    if (this.#waiting.size > 0) this.#forget(endsOf(socket));
  }

  close(): void {
    for (const { socket } of this.#waiting.values()) socket.destroy();
  }

  /** Forgotten at once: the next of a crowd must not find it again and be let in in its place. */
  #dismissOldest(): void {
    const [ends, { socket }] = this.#waiting.entries().next().value!;
    this.#forget(ends);
    socket.destroy();
  }

  #forget(ends: string): void {
    const waiting = this.#waiting.get(ends);
    if (waiting === undefined) return;
    this.#clock.clear(waiting.deadline);
    this.#waiting.delete(ends);
  }
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
