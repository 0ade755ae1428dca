/** Things kept outside the arena, each under a number that a record can hold; and how many bytes they take. */
export class Shelf<T> {
  bytes = 0;
  readonly #items: (T | undefined)[] = [];
  readonly #sizes: number[] = [];
  readonly #vacant: number[] = [];

  get count(): number {
    return this.#items.length - this.#vacant.length;
  }

  add(item: T, bytes: number): number {
    const id = this.#vacant.pop() ?? this.#items.length;
    this.#items[id] = item;
    this.#sizes[id] = bytes;
    this.bytes += bytes;
    return id;
  }

  at(id: number): T {
    return this.#items[id] as T;
  }

  forEach(visit: (item: T) => void): void {
    for (const item of this.#items) if (item !== undefined) visit(item);
  }

  /** Tells what the thing takes now. */
  resize(id: number, bytes: number): void {
    const before = this.#sizes[id] as number;
    if (bytes === before) return;
    this.bytes += bytes - before;
    this.#sizes[id] = bytes;
  }

  drop(id: number): void {
    this.#items[id] = undefined;
    this.bytes -= this.#sizes[id] as number;
    this.#sizes[id] = 0;
    this.#vacant.push(id);
  }
}
