/*
 * When a key was used last, or how often, in the 24 bits that a record has for it. Which of the two depends on the
 * eviction policy, and what is there from the time of the other policy is read wrongly until the key is used again;
 * Redis does it alike.
 *
 *   LRU   seconds, modulo 2^24: 194 days
 *   LFU   minutes of the last decay, 16 bits | counter, 8 bits: logarithmic, so that 255 stands for a million uses,
 *         and lowered by one for every `decay_minutes` without a look
 */
import type { Prng } from '../../base/prng.ts';

const SECONDS_MASK = 0xffffff;
const MINUTES_MASK = 0xffff;
const COUNTER_MAX = 255;
/** New keys start here, lest they be evicted before they had a chance to be used. */
const COUNTER_START = 5;

export class AccessClock {
  logFactor = 10;
  decay_minutes = 1;
  /** What is used now shall not count as used (CLIENT NO-TOUCH). */
  #resting = false;
  /** Either of the two, so that the usual case is one question. */
  #special = false;
  #useLfu = false;
  #now_s = 0;
  #minutes = 0;
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get useLfu(): boolean {
    return this.#useLfu;
  }

  set useLfu(useLfu: boolean) {
    this.#useLfu = useLfu;
    this.#special = useLfu || this.#resting;
  }

  set resting(resting: boolean) {
    this.#resting = resting;
    this.#special = resting || this.#useLfu;
  }

  setTime(now_ms: number): void {
    this.#now_s = Math.floor(now_ms / 1000) & SECONDS_MASK;
    this.#minutes = Math.floor(now_ms / 60_000) & MINUTES_MASK;
  }

  /** For a new key. */
  fresh(): number {
    return this.#useLfu ? (this.#minutes << 8) | COUNTER_START : this.#now_s;
  }

  /** After a use. */
  used(access: number): number {
    if (!this.#special) return this.#now_s;
    if (this.#resting) return access;
    return (this.#minutes << 8) | this.#increment(this.#decayed(access));
  }

  idle_s(access: number): number {
    return this.#useLfu ? 0 : (this.#now_s - access) & SECONDS_MASK;
  }

  frequency(access: number): number {
    return this.#useLfu ? this.#decayed(access) : 0;
  }

  fromIdle(idle_s: number): number {
    return (this.#now_s - Math.min(idle_s, SECONDS_MASK)) & SECONDS_MASK;
  }

  fromFrequency(frequency: number): number {
    return (this.#minutes << 8) | Math.min(frequency, COUNTER_MAX);
  }

  #decayed(access: number): number {
    if (this.decay_minutes === 0) return access & COUNTER_MAX;
    const elapsed = (this.#minutes - (access >>> 8)) & MINUTES_MASK;
    return Math.max(0, (access & COUNTER_MAX) - Math.floor(elapsed / this.decay_minutes));
  }

  /** The higher the counter, the smaller the chance that it goes up. */
  #increment(counter: number): number {
    if (counter === COUNTER_MAX) return counter;
    const above = Math.max(0, counter - COUNTER_START);
    return this.#prng.chance(1 / (above * this.logFactor + 1)) ? counter + 1 : counter;
  }
}
