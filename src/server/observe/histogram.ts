/*
 * How often a command took how long, from a nanosecond to a second. Buckets are as fine as two decimal digits need: 128
 * for each power of two, the layout of HdrHistogram, so that percentiles read like Redis'.
 */

const VALUE_MAX_NS = 1_000_000_000;
/** Below 256 every value has a bucket of its own. */
const BITS = 7;
const PER_POWER = 1 << BITS;

export class Histogram {
  readonly #counts = new Float64Array(indexOf(VALUE_MAX_NS) + 1);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  record(value_ns: number, times: number): void {
    const value = Math.min(VALUE_MAX_NS, Math.max(1, Math.round(value_ns)));
    this.#counts[indexOf(value)]! += times;
    this.#total += times;
  }

  /** The largest value that its bucket stands for, so that at least so many percent are no larger. */
  percentile_ns(percent: number): number {
    const wanted = Math.max(1, Math.ceil((Math.min(100, percent) / 100) * this.#total - ROUNDING));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return upperEnd(i);
    }
    return 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}

/** 99.9 / 100 * 1000 is a little more than 999. */
const ROUNDING = 1e-9;

function indexOf(value: number): number {
  const shift = Math.max(0, 31 - BITS - Math.clz32(value));
  return shift * PER_POWER + (value >>> shift);
}

function upperEnd(index: number): number {
  const shift = Math.max(0, Math.floor(index / PER_POWER) - 1);
  const head = index - shift * PER_POWER;
  return ((head + 1) << shift) - 1;
}
