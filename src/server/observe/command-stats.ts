/*
 * Calls, time, refusals and failures of every command.
 *
 * Looking at the clock costs as much as a small command does. So it is read when a connection begins to deliver, when it
 * has delivered, and in between when another command comes: a run of one command, as pipelines have it, is measured as a
 * whole, and its time shared out among its members, 32 at most. The time of a command reaches from the end of the one
 * before to its own end: parsing it counts, waiting for other clients does not. Commands in EXEC count themselves; EXEC
 * counts what it does around them.
 *
 * A call is counted when its run ends, so no command sees itself.
 *
 * Whoever reads the clock knows when the time that commands see, the wall time of the turn, is old: a pipeline behind a
 * slow command is told so, at no cost to quick ones.
 */

import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../config/directives.ts';
import { Histogram } from './histogram.ts';

/** As many calls may share one measurement: a slow one among quick ones shows in no fewer than so many. */
const RUN_MAX = 32;
const NOBODY = -1;
/** The wall time that commands see counts milliseconds. */
const OLD_AFTER_MS = 1;

/** What INFO says of one command. */
export interface CommandFigures {
  readonly calls: number;
  readonly usec: number;
  readonly rejected: number;
  readonly failed: number;
}

export class CommandStats {
  readonly #calls: Float64Array;
  readonly #time_ms: Float64Array;
  readonly #rejected: Float64Array;
  readonly #failed: Float64Array;
  readonly #histograms: (Histogram | undefined)[];
  readonly #clock: Clock;
  /** latency-tracking: off means that no histograms are kept. */
  readonly #config: Pick<Config, 'latency-tracking'>;
  /** The run under way: which command, how many calls, since when. */
  #running = NOBODY;
  #length = 0;
  #since_ms = 0;
  /** When the wall time was read last. */
  #timeRead_ms = 0;
  /** Reads the wall time anew; false while it has to stand still. */
  readonly #readTime: () => boolean;

  /** Commands are known by their index, below `count`. */
  constructor(
    count: number,
    clock: Clock,
    config: Pick<Config, 'latency-tracking'>,
    readTime: () => boolean = () => true,
  ) {
    this.#readTime = readTime;
    this.#calls = new Float64Array(count);
    this.#time_ms = new Float64Array(count);
    this.#rejected = new Float64Array(count);
    this.#failed = new Float64Array(count);
    this.#histograms = new Array(count);
    this.#clock = clock;
    this.#config = config;
  }

  /** Commands are about to come, and the wall time has just been read; `now_ms` is monotonic. */
  begin(now_ms: number): void {
    this.#timeRead_ms = now_ms;
    this.#running = NOBODY;
    this.#length = 0;
    this.#since_ms = now_ms;
  }

  /** This command runs now. */
  ran(index: number): void {
    if (index === this.#running && this.#length < RUN_MAX) this.#length++;
    else this.#change(index);
  }

  /** A command that ran others goes on. */
  resumed(index: number): void {
    this.#next(index, 0);
  }

  /** No more come for now. */
  end(): void {
    if (this.#running !== NOBODY) this.#next(NOBODY, 0);
  }

  rejected(index: number): void {
    this.#rejected[index]!++;
  }

  failed(index: number): void {
    this.#failed[index]!++;
  }

  /** Null when nobody ever asked for it. */
  figures(index: number): CommandFigures | null {
    const [calls, rejected, failed] = [this.#calls[index]!, this.#rejected[index]!, this.#failed[index]!];
    if (calls === 0 && rejected === 0 && failed === 0) return null;
    return { calls, rejected, failed, usec: Math.round(this.#time_ms[index]! * 1000) };
  }

  /** Of all commands. */
  get total_us(): number {
    return Math.round(this.#time_ms.reduce((sum, time_ms) => sum + time_ms, 0) * 1000);
  }

  /** Null when there is nothing in it. */
  histogram(index: number): Histogram | null {
    const histogram = this.#histograms[index];
    return histogram === undefined || histogram.total === 0 ? null : histogram;
  }

  /** Counts what has run so far, but for the one that asks. */
  settle(): void {
    if (this.#length < 2) return;
    const asks = this.#running;
    this.#length--;
    this.#next(asks, 1);
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    for (const figures of [this.#calls, this.#time_ms, this.#rejected, this.#failed]) figures.fill(0);
    for (const histogram of this.#histograms) histogram?.clear();
  }

  #change(index: number): void {
    if (this.#running !== NOBODY) return this.#next(index, 1);
    // The first since the clock was read.
    this.#running = index;
    this.#length = 1;
  }

  /** Ends the run, and begins another. */
  #next(index: number, length: number): void {
    const now_ms = this.#clock.monotonic_ms();
    if (this.#running !== NOBODY) this.#account(now_ms - this.#since_ms);
    this.#running = index;
    this.#length = length;
    this.#since_ms = now_ms;
    if (now_ms - this.#timeRead_ms >= OLD_AFTER_MS && this.#readTime()) this.#timeRead_ms = now_ms;
  }

  #account(elapsed_ms: number): void {
    const index = this.#running;
    const calls = this.#length;
    this.#time_ms[index]! += elapsed_ms;
    if (calls === 0) return;
    this.#calls[index]! += calls;
    if (this.#config['latency-tracking']) this.#histogramOf(index).record((elapsed_ms / calls) * 1e6, calls);
  }

  #histogramOf(index: number): Histogram {
    const histogram = this.#histograms[index] ?? new Histogram();
    this.#histograms[index] = histogram;
    return histogram;
  }
}
