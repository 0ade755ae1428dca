/*
 * Counters for INFO. Those that change with every command are doubles in one typed array: a number field of an object
 * would allocate as soon as it outgrew a small integer.
 */

import { Rate } from './rate.ts';
import { RecentMaximum } from './recent-maximum.ts';

const FIELDS = [
  'commands',
  'connections',
  'rejectedConnections',
  'bytesIn',
  'bytesOut',
  'errorReplies',
  'fullSyncs',
  'partialSyncsOk',
  'partialSyncsRefused',
  'acceptedProtocolErrors',
  'outputLimitDisconnections',
  'reads',
  'writes',
  'replicaBytesIn',
  'replicaBytesOut',
  'refusedLogins',
] as const;

export type Counter = (typeof FIELDS)[number];

export class Stats {
  readonly #values = new Float64Array(FIELDS.length);
  /** How often each error code was answered. */
  readonly errors = new Map<string, number>();
  readonly commandRate = new Rate();
  readonly inputRate = new Rate();
  readonly outputRate = new Rate();
  readonly replicaInputRate = new Rate();
  readonly replicaOutputRate = new Rate();
  readonly cycleRate = new Rate();
  readonly activeRate = new Rate();
  readonly largestInput = new RecentMaximum();
  readonly largestOutput = new RecentMaximum();
  /** What the process had when the server was put together. */
  usedMemoryStartup = 0;
  usedMemoryPeak = 0;
  memorySampled_ms = Number.NEGATIVE_INFINITY;

  add(counter: Counter, n = 1): void {
    const i = FIELDS.indexOf(counter);
    this.#values[i] = this.#values[i]! + n;
  }

  get(counter: Counter): number {
    return this.#values[FIELDS.indexOf(counter)]!;
  }

  /** One command more; apart from `add`, because it is on the path of every request. */
  countCommand(): void {
    this.#values[0] = this.#values[0]! + 1;
  }

  countError(line: string): void {
    this.add('errorReplies');
    const space = line.indexOf(' ');
    const code = space < 0 ? line : line.slice(0, space);
    if (this.errors.size < ERROR_CODES_MAX || this.errors.has(code))
      this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.#values.fill(0);
    this.errors.clear();
    this.usedMemoryPeak = 0;
  }
}

/** Scripts can invent error codes; INFO errorstats must not grow with them. */
const ERROR_CODES_MAX = 128;
