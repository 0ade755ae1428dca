/* A binary heap of things to do, by time; what is due at one time is done in the order it was put in. */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #order: number[] = [];
  readonly #runs: (() => void)[] = [];
  #next = 0;

  /** When the first is due; Infinity when there is none. */
  nextTime(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  push(time: number, run: () => void): void {
    let at = this.#times.length;
    const order = this.#next++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, order, run);
  }

  shift(): () => void {
    const first = this.#runs[0] as () => void;
    const time = this.#times.pop() as number;
    const order = this.#order.pop() as number;
    const run = this.#runs.pop() as () => void;
    const length = this.#times.length;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#before(child + 1, child)) child++;
      const childTime = this.#times[child] as number;
      if (time < childTime || (time === childTime && order < (this.#order[child] as number))) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, run);
    return first;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#times[a] as number) - (this.#times[b] as number);
    return difference < 0 || (difference === 0 && (this.#order[a] as number) < (this.#order[b] as number));
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#order[from] as number, this.#runs[from] as () => void);
  }

  #put(at: number, time: number, order: number, run: () => void): void {
    this.#times[at] = time;
    this.#order[at] = order;
    this.#runs[at] = run;
  }
}
