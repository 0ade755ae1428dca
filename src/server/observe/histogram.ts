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

  /** Added up when somebody asks: every read of a client records, and hardly anybody ever asks. */
  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  record(value_ns: number, times: number): void {
    // Math.round is dear where a comparison and a conversion do.
    const value = value_ns < 1 ? 1 : value_ns < VALUE_MAX_NS ? (value_ns + 0.5) | 0 : VALUE_MAX_NS;
    this.#counts[indexOf(value)]! += times;
  }

  /** The largest value that its bucket stands for, so that at least so many percent are no larger. */
  percentile_ns(percent: number): number {
    const wanted = Math.max(1, Math.ceil((Math.min(100, percent) / 100) * this.total - ROUNDING));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return upperEnd(i);
    }
    return 0;
  }

  clear(): void {
    this.#counts.fill(0);
  }
}

/** 99.9 / 100 * 1000 is a little more than 999. */
const ROUNDING = 1e-9;

function indexOf(value: number): number {
  const above = 31 - BITS - Math.clz32(value);
  const shift = above < 0 ? 0 : above;
  return shift * PER_POWER + (value >>> shift);
}

function upperEnd(index: number): number {
  const shift = Math.max(0, Math.floor(index / PER_POWER) - 1);
  const head = index - shift * PER_POWER;
  return ((head + 1) << shift) - 1;
}
