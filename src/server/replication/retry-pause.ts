/*
 * How long a replica waits before it tries again. An attempt to connect costs nobody anything, so the pauses stay short:
 * whoever restarts is found at once. A full copy costs the primary a snapshot and the whole data set over the network;
 * when it fails, or when the stream behind it stops at a command, it will probably fail again: those pauses grow much
 * further. They are forgotten when the link has been up for longer than the last one, and for a while at least.
 */
import type { Clock } from '../../base/clock.ts';

/** What was lost: an attempt to connect, a link that was up, a full copy, a stream with a command we cannot carry out. */
export type Loss = 'attempt' | 'link' | 'copy' | 'divergence' | 'unknownCommand';

interface Growth {
  readonly first_ms: number;
  readonly max_ms: number;
}

const CHEAP: Growth = { first_ms: 100, max_ms: 1000 };
const COSTLY: Growth = { first_ms: 1000, max_ms: 60_000 };
/** The next copy would hold what we cannot store, or the next stream what we cannot run. */
const HOPELESS: Growth = { first_ms: 60_000, max_ms: 3_600_000 };

const GROWTHS: Readonly<Record<Loss, Growth>> = {
  attempt: CHEAP,
  link: CHEAP,
  copy: COSTLY,
  divergence: COSTLY,
  unknownCommand: HOPELESS,
};

/** A link that was up for as long worked: what ended it was another thing. */
const STABLE_MS = 1000;

export class RetryPause {
  readonly #clock: Clock;
  readonly #pauses_ms = new Map<Growth, number>();
  #up_ms = Number.NaN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  up(): void {
    this.#up_ms = this.#clock.monotonic_ms();
  }

  /** The pause before the next attempt. */
  after(loss: Loss): number {
    const growth = GROWTHS[loss];
    // NaN, no comparison holds: the link was not up.
    const lasted_ms = this.#clock.monotonic_ms() - this.#up_ms;
    this.#up_ms = Number.NaN;
    for (const [other, pause_ms] of this.#pauses_ms) {
      if (lasted_ms > Math.max(pause_ms, STABLE_MS)) this.#pauses_ms.delete(other);
    }
    if (loss === 'link' && lasted_ms > STABLE_MS) return 0;
    const last_ms = this.#pauses_ms.get(growth);
    const pause_ms = last_ms === undefined ? growth.first_ms : Math.min(last_ms * 2, growth.max_ms);
    this.#pauses_ms.set(growth, pause_ms);
    return pause_ms;
  }
}
