/*
 * Blocks of one size, cut from slabs that the C library maps one by one. Memory that is freed inside the library's own
 * heap stays with the process for as long as anything lies behind it, and something always does. A slab is larger than
 * anything that is kept there, so that it goes back to the system as a whole, at once, without waiting for the garbage
 * collector. Pages that were never touched cost nothing.
 *
 * A block that was given back may be read until the next one is taken: whoever reads what it has just deleted relies on
 * that. A slab goes when `release` is called, at the end of a turn, where nobody reads any more.
 */
import { assert } from '../../base/assert.ts';

/** The GNU library maps what is larger than 32 MB (DEFAULT_MMAP_THRESHOLD_MAX) by itself, whatever was freed before. */
export const SLAB_BYTES = 33 * 1024 * 1024;

/** A list, a set or a queue of this size takes blocks from slabs of its own: below, a slab that is mostly empty would be too much. */
export const OWN_SLABS_FROM_BYTES = 4 * 1024 * 1024;

/** So much that was touched and is vacant is worth moving what little is left in a pool, which is a few blocks then. */
const SPARSE_FROM_BYTES = 8 * 1024 * 1024;

/** One that has shrunk to less leaves its slabs, for they would be nearly empty; what stays is copied, a small part of a millisecond. */
export const LEAVE_SLABS_BELOW_BYTES = OWN_SLABS_FROM_BYTES / 4;

class Slab {
  readonly buffer = new ArrayBuffer(SLAB_BYTES);
  /** Offsets of blocks that were given back. */
  readonly vacant: number[] = [];
  /** Where blocks begin that were never taken; all zero. */
  untouched = 0;
  used = 0;
}

export class SlabPool {
  readonly #blockBytes: number;
  /** In the order they were made; blocks come from the first with room, so that the last ones empty. */
  readonly #slabs: Slab[] = [];
  readonly #bySlabBuffer = new Map<ArrayBufferLike, Slab>();
  #empty = 0;
  #used = 0;
  /** Pages that the system has given us, for blocks in use and for those that were. */
  #touchedBytes = 0;
  /** The block that `take` answered. */
  buffer: ArrayBufferLike = new ArrayBuffer(0);
  byteOffset = 0;
  /** Whether it is known to be all zero. */
  isZero = false;

  /** The size of a block divides that of a slab. */
  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  take(): void {
    const slab = this.#slabs.find(hasRoom) ?? this.#add();
    if (slab.used++ === 0) this.#empty--;
    this.#used++;
    const offset = slab.vacant.pop();
    this.isZero = offset === undefined;
    this.byteOffset = offset ?? slab.untouched;
    if (offset === undefined) {
      slab.untouched += this.#blockBytes;
      this.#touchedBytes += this.#blockBytes;
    }
    this.buffer = slab.buffer;
  }

  /** Takes a block back; false when it is none of ours. */
  give(buffer: ArrayBufferLike, byteOffset: number): boolean {
    const slab = this.#bySlabBuffer.get(buffer);
    if (slab === undefined) return false;
    slab.vacant.push(byteOffset);
    slab.used--;
    this.#used--;
    assert(slab.used >= 0, 'a block was given back twice');
    if (slab.used === 0) this.#empty++;
    return true;
  }

  get vacantBytes(): number {
    return this.#slabs.length * SLAB_BYTES - this.usedBytes;
  }

  get usedBytes(): number {
    return this.#used * this.#blockBytes;
  }

  /** Whether the blocks in use are at most `few` bytes, and their owners should take them elsewhere. */
  hasFewLeft(few: number): boolean {
    return this.usedBytes <= few && this.#idleBytes >= SPARSE_FROM_BYTES;
  }

  /** Whether the blocks of one slab have room in the others, with a reserve for those that are needed next. */
  get hasSlabToSpare(): boolean {
    return this.#idleBytes >= SLAB_BYTES + this.usedBytes / 4;
  }

  /** With a slab to spare: the one with the fewest blocks in use. `take` answers none of it then. */
  get emptiest(): ArrayBuffer {
    const filled = this.#slabs.find(hasRoom);
    const others = this.#slabs.filter((slab) => slab !== filled);
    return others.reduce((best, slab) => (slab.used < best.used ? slab : best)).buffer;
  }

  /** Gives one slab that has nothing in it back to the system; true when there are more. */
  release(): boolean {
    if (this.#empty === 0) return false;
    const index = this.#slabs.findLastIndex(({ used }) => used === 0);
    const [slab] = this.#slabs.splice(index, 1) as [Slab];
    this.#bySlabBuffer.delete(slab.buffer);
    this.#empty--;
    this.#touchedBytes -= slab.untouched;
    slab.buffer.transfer(0);
    return this.#empty > 0;
  }

  owns(buffer: ArrayBufferLike): boolean {
    return this.#bySlabBuffer.has(buffer);
  }

  /** Gives everything back: nobody reads any of it any more. */
  dispose(): void {
    for (const { buffer } of this.#slabs) buffer.transfer(0);
    this.#slabs.length = 0;
    this.#bySlabBuffer.clear();
    this.#empty = this.#used = this.#touchedBytes = 0;
  }

  get #idleBytes(): number {
    return this.#touchedBytes - this.usedBytes;
  }

  #add(): Slab {
    const slab = new Slab();
    this.#slabs.push(slab);
    this.#bySlabBuffer.set(slab.buffer, slab);
    this.#empty++;
    return slab;
  }
}

function hasRoom({ vacant, untouched }: Slab): boolean {
  return vacant.length > 0 || untouched < SLAB_BYTES;
}
