/*
 * rdb-key-save-delay and key-load-delay: what makes saving or loading as slow as a test needs it. Each key costs so many
 * microseconds; a negative number -n means one microsecond for every n keys. The time is owed, and paid between keys or
 * between pieces of a file: in the background by waiting, where nothing else can be done meanwhile by standing still.
 */
import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../config/directives.ts';

/** An owed time is waited for in pieces, so that a delay that was taken back ends soon. */
const WAIT_MS_MAX = 50;
/** Shorter ones cost more than they last; they add up. */
const STAND_STILL_MS_MIN = 1;

export type PaceConfig = Pick<Config, 'rdb-key-save-delay' | 'key-load-delay'>;

export class KeyPace {
  readonly #config: PaceConfig;
  readonly #name: keyof PaceConfig;
  readonly #clock: Clock;
  #keys = 0;
  #until_ms = 0;

  constructor(name: keyof PaceConfig, { config, clock }: { config: PaceConfig; clock: Clock }) {
    this.#name = name;
    this.#config = config;
    this.#clock = clock;
  }

  /** Whether keys cost any time now. */
  get isSlow(): boolean {
    return this.#config[this.#name] !== 0;
  }

  /** How long to wait before the next key, when `keys` are done; 0 when nothing is owed. */
  wait_ms(keys: number): number {
    const delay_us = this.#config[this.#name];
    const more = keys - this.#keys;
    this.#keys = keys;
    if (delay_us === 0) {
      this.#until_ms = 0;
      return 0;
    }
    const now_ms = this.#clock.monotonic_ms();
    const each_ms = (delay_us > 0 ? delay_us : -1 / delay_us) / 1000;
    this.#until_ms = Math.max(this.#until_ms, now_ms) + more * each_ms;
    const owed_ms = this.#until_ms - now_ms;
    return owed_ms < STAND_STILL_MS_MIN ? 0 : Math.min(owed_ms, WAIT_MS_MAX);
  }

  /** The same for those who can do nothing else meanwhile. */
  standStill(keys: number): void {
    for (let wait_ms = this.wait_ms(keys); wait_ms > 0; wait_ms = this.wait_ms(keys)) standStill(wait_ms);
  }
}

/** Nothing else happens in this process meanwhile. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
