/*
 * All time in the server comes through a Clock that is handed in: the system's in production, one moved by hand in tests
 * and in the simulator, where an hour of elections passes in a second and happens the same way every time.
 */

/** What setTimeout and setInterval answer, and `clear` takes. */
export type Timer = object;

export interface Clock {
  /** Wall time, milliseconds since 1970. May jump when the machine's clock is set. */
  now_ms(): number;
  /** Wall time in microseconds. */
  now_us(): number;
  /** Never goes back; says nothing about the date. For durations and timeouts. */
  monotonic_ms(): number;
  /** A time beyond TIMER_MAX_MS is that one: who waits for longer looks at the time, and waits on. */
  setTimeout(fn: () => void, ms: number): Timer;
  setInterval(fn: () => void, ms: number): Timer;
  clear(timer: Timer): void;
}

/** 24 days: a timer of Node that is given more does not wait at all. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export function systemClock(): Clock {
  let origin_us = 0;
  // The name of the global stands for a getter, and the server asks for the time with every read.
  const { performance } = globalThis;
  return {
    now_ms: () => Date.now(),
    now_us() {
      // Date.now() knows no microseconds, performance.now() no date: add them, and anchor anew when the date was set.
      const since_us = performance.now() * 1000;
      const coarse_us = Date.now() * 1000;
      const now_us = Math.floor(origin_us + since_us);
      if (now_us >= coarse_us && now_us < coarse_us + 1000) return now_us;
      origin_us = coarse_us - since_us;
      return coarse_us;
    },
    monotonic_ms: () => performance.now(),
    setTimeout: (fn, ms) => globalThis.setTimeout(fn, Math.min(ms, TIMER_MAX_MS)),
    setInterval: (fn, ms) => globalThis.setInterval(fn, ms),
    clear: (timer) => globalThis.clearTimeout(timer as NodeJS.Timeout),
  };
}

interface ManualTimer {
  due_ms: number;
  /** Timers due at the same time run in the order in which they were set. */
  order: number;
  readonly every_ms: number;
  readonly fn: () => void;
  cleared: boolean;
}

/** Stands still until `advance` moves it; timers then run inside that call, each at its exact time. */
export class ManualClock implements Clock {
  #elapsed_ms = 0;
  readonly #start_ms: number;
  /** A binary heap, the earliest timer first. */
  readonly #heap: ManualTimer[] = [];
  #order = 0;
  #live = 0;

  constructor(start_ms = 1_700_000_000_000) {
    this.#start_ms = start_ms;
  }

  now_ms(): number {
    return Math.floor(this.#start_ms + this.#elapsed_ms);
  }

  now_us(): number {
    return Math.floor((this.#start_ms + this.#elapsed_ms) * 1000);
  }

  monotonic_ms(): number {
    return this.#elapsed_ms;
  }

  setTimeout(fn: () => void, ms: number): Timer {
    return this.#set(fn, Math.max(0, ms), 0);
  }

  setInterval(fn: () => void, ms: number): Timer {
    // As in Node: an interval below one millisecond is one, or advance() would never come to an end.
    const every_ms = Math.max(1, ms);
    return this.#set(fn, every_ms, every_ms);
  }

  clear(timer: Timer): void {
    const manual = timer as ManualTimer;
    if (manual.cleared) return;
    manual.cleared = true;
    this.#live--;
  }

  /** How many timers are still to run: a clean shutdown leaves none. */
  get timers(): number {
    return this.#live;
  }

  /** Milliseconds until the next timer; null when there is none. */
  nextDue_ms(): number | null {
    this.#dropCleared();
    const first = this.#heap[0];
    return first === undefined ? null : Math.max(0, first.due_ms - this.#elapsed_ms);
  }

  advance(ms: number): void {
    const until_ms = this.#elapsed_ms + ms;
    for (;;) {
      this.#dropCleared();
      const next = this.#heap[0];
      if (next === undefined || next.due_ms > until_ms) break;
      this.#elapsed_ms = Math.max(this.#elapsed_ms, next.due_ms);
      this.#removeFirst();
      if (next.every_ms > 0) {
        next.due_ms += next.every_ms;
        next.order = this.#order++;
        this.#insert(next);
      } else {
        this.clear(next);
      }
      next.fn();
    }
    // A timer's own call of advance() may have gone further already.
    this.#elapsed_ms = Math.max(this.#elapsed_ms, until_ms);
  }

  #set(fn: () => void, after_ms: number, every_ms: number): Timer {
    const timer = { due_ms: this.#elapsed_ms + after_ms, order: this.#order++, every_ms, fn, cleared: false };
    this.#insert(timer);
    this.#live++;
    return timer;
  }

  #dropCleared(): void {
    while (this.#heap[0]?.cleared === true) this.#removeFirst();
  }

  #insert(timer: ManualTimer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isEarlier(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child++;
      if (!isEarlier(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isEarlier(a: ManualTimer, b: ManualTimer): boolean {
  return a.due_ms < b.due_ms || (a.due_ms === b.due_ms && a.order < b.order);
}
