/** A queue with two ends in a ring that doubles when full: every operation is O(1), where Array.shift moves everything. */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array(8).fill(undefined);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#length) & (this.#ring.length - 1)] = value;
    this.#length++;
  }

  unshift(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#first = (this.#first - 1) & (this.#ring.length - 1);
    this.#ring[this.#first] = value;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#first];
    // The ring must not keep alive what was taken out.
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#length--;
    return value;
  }

  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    const place = (this.#first + this.#length) & (this.#ring.length - 1);
    const value = this.#ring[place];
    this.#ring[place] = undefined;
    return value;
  }

  /** The first, left where it is. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#first];
  }

  /** The one at `index` from the front. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#ring[(this.#first + index) & (this.#ring.length - 1)];
  }

  clear(): void {
    this.#ring = new Array(8).fill(undefined);
    this.#first = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#length; i++) yield this.at(i) as T;
  }

  #grow(): void {
    const old = this.#ring;
    const grown: (T | undefined)[] = new Array(old.length * 2).fill(undefined);
    for (let i = 0; i < this.#length; i++) grown[i] = old[(this.#first + i) & (old.length - 1)];
    this.#ring = grown;
    this.#first = 0;
  }
}
