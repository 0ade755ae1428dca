/*
 * The blocks of a list, and where their memory comes from: for a long list from slabs of its own, which go back to the
 * system as a whole when the list is deleted, or shrinks.
 */
import { OWN_SLABS_FROM_BYTES, SlabPool } from './slabs.ts';

/** What Redis fills its own nodes to by default; moving half of it costs about as much as one Buffer call. */
export const BLOCK_BYTES = 8192;
/** An element from here on gets a block of its own size: sharing would waste the rest of a block. */
export const LONE_BYTES = 4096;
/** What V8 keeps for a Buffer and its ArrayBuffer, besides the bytes. */
export const BLOCK_OVERHEAD_BYTES = 400;

export class Block {
  buf: Buffer;
  start: number;
  end: number;
  count: number;
  /** Someone else reads these bytes: copy the block before any change, even of `start` and `end`. */
  shared = false;

  constructor(buf: Buffer, start: number, end: number, count: number) {
    this.buf = buf;
    this.start = start;
    this.end = end;
    this.count = count;
  }

  copy(): Block {
    const { buf, start, end, count } = this;
    const bytes = Buffer.allocUnsafeSlow(buf.length);
    buf.copy(bytes, start, start, end);
    return new Block(bytes, start, end, count);
  }
}

/** Of one list. When it is cloned it takes another one: what both read is left to the garbage collector. */
export class BlockMemory {
  #pool: SlabPool | null = null;
  /** Where the list has no block any more. */
  #left: SlabPool | null = null;

  /** `allocated` is what the list takes so far. */
  take(bytes: number, allocated: number): Buffer {
    if (bytes !== BLOCK_BYTES || allocated < OWN_SLABS_FROM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    this.#pool ??= new SlabPool(BLOCK_BYTES);
    this.#pool.take();
    return Buffer.from(this.#pool.buffer as ArrayBuffer, this.#pool.byteOffset, BLOCK_BYTES);
  }

  /** What a block held can be read until the list changes again: only then goes a slab that has nothing else in it. */
  give({ buf, shared }: Block): void {
    this.#disposeLeft();
    const pool = this.#pool;
    if (pool === null || shared) return;
    pool.release();
    pool.give(buf.buffer, buf.byteOffset);
  }

  /** The list takes its blocks elsewhere, where there are slabs. What they held can be read until it changes again, as in `give`. */
  leave(): boolean {
    if (this.#pool === null) return false;
    this.#disposeLeft();
    this.#left = this.#pool;
    this.#pool = null;
    return true;
  }

  get hasSlabs(): boolean {
    return this.#pool !== null || this.#left !== null;
  }

  /** Nobody reads any of it any more. */
  dispose(): void {
    this.#disposeLeft();
    this.#pool?.dispose();
    this.#pool = null;
  }

  #disposeLeft(): void {
    if (this.#left === null) return;
    this.#left.dispose();
    this.#left = null;
  }
}
