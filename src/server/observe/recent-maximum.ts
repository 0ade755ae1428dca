/* The largest of what was seen in the last seconds: one slot a second, as many slots as seconds count. */

const SECONDS = 8;

export class RecentMaximum {
  readonly #slots = new Float64Array(SECONDS);
  #second = 0;

  note(value: number, now_ms: number): void {
    this.#advance(now_ms);
    const slot = this.#second % SECONDS;
    if (value > this.#slots[slot]!) this.#slots[slot] = value;
  }

  value(now_ms: number): number {
    this.#advance(now_ms);
    return Math.max(...this.#slots);
  }

  /** Forgets the seconds that were passed over. */
  #advance(now_ms: number): void {
    const second = Math.floor(now_ms / 1000);
    for (let passed = Math.max(this.#second + 1, second - SECONDS + 1); passed <= second; passed++) {
      this.#slots[passed % SECONDS] = 0;
    }
    if (second > this.#second) this.#second = second;
  }
}
