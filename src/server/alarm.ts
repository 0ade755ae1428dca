/*
 * One timer for everything of this server that is due at a time: waits of clients and pauses. Who is due first is looked
 * up when a turn ends, so setting the alarm anew costs nothing where that has not changed.
 */

import type { Clock, Timer } from '../base/clock.ts';

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  /** False in a library: the timer does not keep the process alive. */
  readonly #keepsAlive: boolean;
  #timer: Timer | null = null;
  #due_ms = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, { keepsAlive, ring }: { keepsAlive: boolean; ring: () => void }) {
    this.#clock = clock;
    this.#keepsAlive = keepsAlive;
    this.#ring = ring;
  }

  /** Monotonic milliseconds; Infinity for never. Rings once. */
  set(due_ms: number): void {
    if (due_ms === this.#due_ms) return;
    this.clear();
    if (due_ms === Number.POSITIVE_INFINITY) return;
    this.#due_ms = due_ms;
    const wait_ms = Math.max(0, due_ms - this.#clock.monotonic_ms());
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#due_ms = Number.POSITIVE_INFINITY;
      this.#ring();
    }, Math.ceil(wait_ms));
    if (!this.#keepsAlive && 'unref' in this.#timer) (this.#timer as { unref(): void }).unref();
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clear(this.#timer);
    this.#timer = null;
    this.#due_ms = Number.POSITIVE_INFINITY;
  }
}
