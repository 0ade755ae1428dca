/*
 * Memory for records, off the JavaScript heap: chunks of up to 1 MB, filled from front to back like a log. A record is
 * a whole number of 8-byte units; its address is (chunk << 17) | first unit, one signed 32-bit number, which reaches
 * 32 GB. Nothing is ever freed inside a chunk: a dead record is marked, its units are taken off the chunk's live
 * count, and the chunk is won back when that count is zero, because all its records died or because the cleaner moved
 * the last of them away.
 *
 * (1) Unit 0 of every chunk stays unused, so that 0 is no record's address, also in a recycled chunk.
 * (2) From unit 1 up to `usedOf(chunk)` a chunk holds whole records, live or marked, and nothing else: it can be walked.
 * (3) A chunk is only recycled with a live count of zero, never while it is the one being filled.
 * (4) `birthOf(chunk)` grows whenever a chunk starts afresh: who walks one in slices sees that it was replaced.
 */
import { assert } from '../../base/assert.ts';
import { TYPE_FREE } from './encoding.ts';
import { CHUNK_BLOCK_BYTES, Memory } from './memory.ts';

export const CHUNK_SHIFT = 17;
export const UNIT_MASK = (1 << CHUNK_SHIFT) - 1;
export const UNIT_BYTES = 8;
export const CHUNK_BYTES_MAX = UNIT_BYTES << CHUNK_SHIFT;
/** An arena of this size takes its chunks from slabs; a smaller one is not worth a slab. */
export const ARENA_SLABS_FROM_BYTES = 4 * CHUNK_BYTES_MAX;
const CHUNKS_MAX = 1 << 15;

/** The low 14 bits of a record's first word are its length in units; type and flags follow (record.ts). */
export const UNITS_MASK = 0x3fff;
export const TYPE_SHIFT = 14;

/** A first word that says: dead, and so many units long. */
const DEAD = TYPE_FREE << TYPE_SHIFT;

/** Empty chunks kept for the next need, up to an eighth of all that are left; the memory of more is given back to the system. */
const SPARE_CHUNKS_MIN = 2;
const SPARE_CHUNKS_MAX = 8;

const NO_WORDS = new Int32Array(0);
const NO_BYTES = Buffer.alloc(0);

export class Arena {
  /** Of every chunk, one block of memory seen as words and as bytes. Two plain arrays: reads need one or the other. */
  readonly words: Int32Array[] = [];
  readonly bytes: Buffer[] = [];
  /** The chunk being filled; -1 before the first. */
  current = -1;
  liveUnits = 0;
  /** Units behind the tops of all chunks but the current one, dead or alive. */
  sealedUnits = 0;
  /** Memory held from the system. */
  chunkBytes = 0;
  #live = new Int32Array(16);
  #used = new Int32Array(16);
  #births = new Float64Array(16);
  #birthsSoFar = 0;
  #top = 0;
  #limit = 0;
  #nextBytes: number;
  readonly #memory: Memory;
  /** Chunks that are empty but keep their memory, and numbers of chunks whose memory is gone. */
  readonly #spare: number[] = [];
  readonly #vacant: number[] = [];

  constructor(firstChunkBytes: number = CHUNK_BYTES_MAX, memory: Memory = new Memory()) {
    this.#memory = memory;
    this.#nextBytes = Math.min(CHUNK_BYTES_MAX, firstChunkBytes);
  }

  /** Room for a record. Its words hold whatever was there before. */
  allocate(units: number): number {
    if (this.#top + units > this.#limit) this.#openChunk(units);
    const address = (this.current << CHUNK_SHIFT) | this.#top;
    this.#top += units;
    this.liveUnits += units;
    this.#live[this.current] = (this.#live[this.current] as number) + units;
    return address;
  }

  /** Marks a record as dead. Its bytes stay readable until the next allocation. */
  free(address: number, units: number): void {
    const chunk = address >>> CHUNK_SHIFT;
    (this.words[chunk] as Int32Array)[(address & UNIT_MASK) << 1] = DEAD | units;
    const live = (this.#live[chunk] as number) - units;
    this.#live[chunk] = live;
    this.liveUnits -= units;
    if (live === 0 && chunk !== this.current) this.#recycle(chunk);
  }

  get chunkCount(): number {
    return this.words.length;
  }

  /** Gives all memory back; nobody may use the arena any more. */
  dispose(): void {
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      this.#giveBack(chunk);
      this.words[chunk] = NO_WORDS;
      this.bytes[chunk] = NO_BYTES;
    }
  }

  /** The first unit behind the last record of a chunk. */
  usedOf(chunk: number): number {
    return chunk === this.current ? this.#top : (this.#used[chunk] as number);
  }

  /** A number that no other filling of any chunk of this arena has; later fillings have greater ones. */
  birthOf(chunk: number): number {
    return this.#births[chunk] as number;
  }

  /** The greatest birth so far: what is filled from now on will have a greater one. */
  get lastBirth(): number {
    return this.#birthsSoFar;
  }

  /** How much of the full chunks is alive, 0 to 1. */
  sealedLiveShare(): number {
    if (this.sealedUnits === 0) return 1;
    const currentLive = this.current < 0 ? 0 : (this.#live[this.current] as number);
    return (this.liveUnits - currentLive) / this.sealedUnits;
  }

  /** The full chunk with the smallest live share, if that is below `share`; else -1. */
  emptiestChunk(share: number): number {
    let best = -1;
    let bestShare = share;
    for (let chunk = 0; chunk < this.words.length; chunk++) {
      const used = this.#used[chunk] as number;
      if (used === 0 || chunk === this.current) continue;
      const liveShare = (this.#live[chunk] as number) / used;
      if (liveShare >= bestShare) continue;
      best = chunk;
      bestShare = liveShare;
    }
    return best;
  }

  /** Closes the chunk being filled and starts another one that has room for `units`. */
  #openChunk(units: number): void {
    const previous = this.current;
    const chunk = this.#takeSpare(units) ?? this.#newChunk(units);
    this.current = chunk;
    if (previous >= 0) {
      this.#used[previous] = this.#top;
      this.sealedUnits += this.#top;
      // All that was written there may have died while it was being filled; nobody else would notice.
      if (this.#live[previous] === 0) this.#recycle(previous);
    }
    this.#used[chunk] = 0;
    this.#live[chunk] = 0;
    this.#births[chunk] = ++this.#birthsSoFar;
    this.#top = 1; // Invariant (1).
    this.#limit = (this.words[chunk] as Int32Array).length >> 1;
  }

  #takeSpare(units: number): number | undefined {
    for (let i = this.#spare.length - 1; i >= 0; i--) {
      const chunk = this.#spare[i] as number;
      if ((this.words[chunk] as Int32Array).length >> 1 <= units) continue;
      this.#spare.splice(i, 1);
      return chunk;
    }
    return undefined;
  }

  #newChunk(units: number): number {
    let byteLength = this.#nextBytes;
    while (byteLength <= units * UNIT_BYTES) byteLength *= 2;
    assert(byteLength <= CHUNK_BYTES_MAX, 'a record must fit into a chunk');
    this.#nextBytes = Math.min(CHUNK_BYTES_MAX, byteLength * 2);
    const chunk = this.#vacant.pop() ?? this.words.length;
    assert(chunk < CHUNKS_MAX, 'the keyspace is full: 32 GB of records in one database');
    if (chunk === this.#live.length) this.#growCounts();
    this.#place(chunk, this.#newBytes(byteLength));
    this.chunkBytes += byteLength;
    return chunk;
  }

  /** Moves its chunks out of all slabs. At the end of a turn, when nobody holds on to their memory. */
  leaveSlabs(): void {
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      const old = this.bytes[chunk] as Buffer;
      if (this.#memory.chunks.owns(old.buffer)) this.#move(chunk, () => Buffer.allocUnsafeSlow(old.length));
    }
  }

  /** The same with one chunk out of this slab, to another one; false when there is none. */
  moveOneFrom(slab: ArrayBuffer): boolean {
    const chunk = this.bytes.findIndex(({ buffer }) => buffer === slab);
    if (chunk >= 0) this.#move(chunk, () => this.#fromSlab());
    return chunk >= 0;
  }

  #move(chunk: number, newBytes: () => Buffer): void {
    const spare = this.#spare.indexOf(chunk);
    if (spare >= 0) {
      this.#spare.splice(spare, 1);
      this.#forget(chunk);
      return;
    }
    const bytes = newBytes();
    (this.bytes[chunk] as Buffer).copy(bytes, 0, 0, this.usedOf(chunk) * UNIT_BYTES);
    this.#giveBack(chunk);
    this.#place(chunk, bytes);
  }

  #place(chunk: number, bytes: Buffer): void {
    this.bytes[chunk] = bytes;
    this.words[chunk] = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  #newBytes(byteLength: number): Buffer {
    if (byteLength !== CHUNK_BLOCK_BYTES || this.chunkBytes < ARENA_SLABS_FROM_BYTES)
      return Buffer.allocUnsafeSlow(byteLength);
    return this.#fromSlab();
  }

  #fromSlab(): Buffer {
    const { chunks } = this.#memory;
    chunks.take();
    return Buffer.from(chunks.buffer as ArrayBuffer, chunks.byteOffset, CHUNK_BLOCK_BYTES);
  }

  #giveBack(chunk: number): void {
    const bytes = this.bytes[chunk] as Buffer;
    if (!this.#memory.chunks.give(bytes.buffer, bytes.byteOffset) && bytes.length > 0) this.#memory.drop(bytes);
  }

  #recycle(chunk: number): void {
    this.sealedUnits -= this.#used[chunk] as number;
    this.#used[chunk] = 0;
    this.#births[chunk] = ++this.#birthsSoFar;
    this.#spare.push(chunk);
    const left = this.words.length - this.#vacant.length;
    const spareMax = Math.min(SPARE_CHUNKS_MAX, Math.max(SPARE_CHUNKS_MIN, left >> 3));
    while (this.#spare.length > spareMax) this.#forget(this.#spare.shift() as number);
  }

  /** Gives the memory of a chunk back; its number will stand for another one. */
  #forget(chunk: number): void {
    this.#giveBack(chunk);
    this.chunkBytes -= (this.bytes[chunk] as Buffer).length;
    this.words[chunk] = NO_WORDS;
    this.bytes[chunk] = NO_BYTES;
    this.#vacant.push(chunk);
  }

  #growCounts(): void {
    const length = this.#live.length * 2;
    const live = new Int32Array(length);
    const used = new Int32Array(length);
    const births = new Float64Array(length);
    live.set(this.#live);
    used.set(this.#used);
    births.set(this.#births);
    this.#live = live;
    this.#used = used;
    this.#births = births;
  }
}
