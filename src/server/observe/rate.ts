/* How fast a total grows, averaged over the last samples: what INFO calls instantaneous. */

const SAMPLES = 16;

export class Rate {
  readonly #samples = new Float64Array(SAMPLES);
  #taken = 0;
  #total = 0;
  #sampled_ms = Number.NEGATIVE_INFINITY;

  /** `now_ms` is monotonic. The first call only notes where to begin. */
  sample(total: number, now_ms: number): void {
    const elapsed_ms = now_ms - this.#sampled_ms;
    if (elapsed_ms <= 0) return;
    if (elapsed_ms !== Number.POSITIVE_INFINITY) {
      // A total that was reset grows from nothing.
      const grown = total >= this.#total ? total - this.#total : total;
      this.#samples[this.#taken++ % SAMPLES] = (grown * 1000) / elapsed_ms;
    }
    this.#total = total;
    this.#sampled_ms = now_ms;
  }

  get perSecond(): number {
    const filled = Math.min(this.#taken, SAMPLES);
    let sum = 0;
    for (let i = 0; i < filled; i++) sum += this.#samples[i]!;
    return filled === 0 ? 0 : sum / filled;
  }
}
