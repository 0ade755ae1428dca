/*
 * Who is due first. A binary heap, so that thousands who wait cost nothing while none of them is due. Who leaves before
 * the time stays in the heap until it comes to the top, or until those that left are the greater part.
 */

interface Entry<T> {
  readonly due_ms: number;
  readonly who: T;
}

/** So few entries are not worth tidying. */
const TIDY_MIN = 64;

export class Deadlines<T> {
  #heap: Entry<T>[] = [];
  readonly #isWaiting: (who: T) => boolean;
  #left = 0;

  /** `isWaiting` is asked about everybody who comes to the top. */
  constructor(isWaiting: (who: T) => boolean) {
    this.#isWaiting = isWaiting;
  }

  add(due_ms: number, who: T): void {
    this.#heap.push({ due_ms, who });
    this.#siftUp(this.#heap.length - 1);
  }

  /** Somebody who was added does not wait any more. */
  left(): void {
    this.#left++;
    if (this.#left * 2 <= this.#heap.length || this.#heap.length < TIDY_MIN) return;
    this.#heap = this.#heap.filter(({ who }) => this.#isWaiting(who)).sort((a, b) => a.due_ms - b.due_ms);
    this.#left = 0;
  }

  /** Infinity when nobody waits. */
  next_ms(): number {
    this.#dropThoseThatLeft();
    return this.#heap[0]?.due_ms ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out one who is due by then, the earliest first; null when there is none. */
  takeDue(now_ms: number): T | null {
    if (this.next_ms() > now_ms) return null;
    return this.#takeFirst().who;
  }

  #dropThoseThatLeft(): void {
    while (this.#heap.length > 0 && !this.#isWaiting(this.#heap[0]!.who)) {
      this.#takeFirst();
      this.#left = Math.max(0, this.#left - 1);
    }
  }

  #takeFirst(): Entry<T> {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#siftDown(0);
    }
    return first;
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.due_ms <= entry.due_ms) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #siftDown(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.due_ms < heap[child]!.due_ms) child++;
      if (heap[child]!.due_ms >= entry.due_ms) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}
