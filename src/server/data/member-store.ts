/*
 * Bytes of the members of a big set, off the JavaScript heap. Records ([length][bytes], filled up to whole words) are
 * written into chunks one after another and never change where they lie; a reference says chunk and word. So a clone
 * shares the chunks, and a member's bytes may be used until nobody holds the chunk any more.
 *
 * A chunk goes when its last record was freed. When more than half of all bytes are dead, the chunk with the fewest live
 * ones is moved: the owner asks for one record after the other, knows which are alive, and has those moved. A chunk
 * that cannot be given back because somebody reads it is simply left to the garbage collector.
 */

import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/copy.ts';
import type { Entry } from './listpack.ts';
import { LEAVE_SLABS_BELOW_BYTES, OWN_SLABS_FROM_BYTES, SlabPool } from './slabs.ts';

const CHUNK_BYTES_MIN = 4096;
/** What 16 bits of words reach. */
const CHUNK_BYTES_MAX = 65536 * 4;
const CHUNKS_MAX = 65536;
/** A record from here on has a chunk of its own, so that it does not leave the rest of one empty. */
const LONE_BYTES = 65536;
/** A length from here on takes four more bytes. */
const LONG = 255;
/** Less dead bytes than this are not worth moving anything. */
const DEAD_BYTES_MIN = 32768;
const CHUNK_OVERHEAD_BYTES = 400;

class Chunk {
  readonly buf: Buffer;
  /** The same memory. */
  readonly words: Int32Array;
  used = 4; // The first word stays empty: reference 0 means none.
  live = 0;

  constructor(buf: Buffer) {
    this.buf = buf;
    this.words = new Int32Array(buf.buffer, buf.byteOffset, buf.length >> 2);
  }
}

export class MemberStore {
  #chunks: (Chunk | null)[] = [];
  #vacant: number[] = [];
  #current = -1;
  #used = 0;
  #live = 0;
  #allocated = 0;
  #source = -1;
  #sourceAt = 0;
  /** Where a big set has its chunks, so that they go back to the system with it; never those that a clone reads too. */
  #pool: SlabPool | null = null;
  /** Where there is no chunk any more. */
  #left: SlabPool | null = null;

  usedBytes(): number {
    return this.#allocated;
  }

  add(vbuf: Buffer, voff: number, vlen: number): number {
    const bytes = recordBytes(vlen);
    const index = this.#chunkFor(bytes);
    const chunk = this.#chunk(index);
    const at = chunk.used;
    let start = at + 1;
    if (vlen < LONG) {
      chunk.buf[at] = vlen;
    } else {
      chunk.buf[at] = LONG;
      start = chunk.buf.writeUInt32LE(vlen, start);
    }
    copyBytes(vbuf, voff, vlen, chunk.buf, start);
    chunk.used += bytes;
    chunk.live += bytes;
    this.#used += bytes;
    this.#live += bytes;
    return (index << 16) | (at >>> 2);
  }

  free(reference: number): void {
    if (this.#left !== null) this.#disposeLeft();
    const index = reference >>> 16;
    const chunk = this.#chunk(index);
    const bytes = recordBytes(lengthAt(chunk.buf, offsetOf(reference)));
    chunk.live -= bytes;
    this.#live -= bytes;
    if (chunk.live === 0) this.#drop(index, chunk);
    const dead = this.#used - this.#live;
    if (this.#source < 0 && dead > DEAD_BYTES_MIN && dead > this.#live) this.#chooseSource();
  }

  equals(reference: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    const buf = this.#chunk(reference >>> 16).buf;
    const at = offsetOf(reference);
    if (lengthAt(buf, at) !== vlen) return false;
    const start = vlen < LONG ? at + 1 : at + 5;
    if (vlen > 64) return buf.compare(vbuf, voff, voff + vlen, start, start + vlen) === 0;
    for (let i = 0; i < vlen; i++) if (buf[start + i] !== vbuf[voff + i]) return false;
    return true;
  }

  /** Where a record lies: in these words … */
  wordsOf(reference: number): Int32Array {
    return this.#chunk(reference >>> 16).words;
  }

  /** … at this place. */
  firstOf(reference: number): number {
    return offsetOf(reference) >> 2;
  }

  read(reference: number, entry: Entry): void {
    entry.buf = this.#chunk(reference >>> 16).buf;
    const at = offsetOf(reference);
    entry.len = lengthAt(entry.buf, at);
    entry.off = entry.len < LONG ? at + 1 : at + 5;
    entry.integer = Number.NaN;
  }

  /** Whether a chunk is being emptied, so that the owner should call `nextToMove` and `move` now and then. */
  get moving(): boolean {
    return this.#source >= 0;
  }

  /** The next record of the chunk that is being emptied, dead or alive. */
  nextToMove(): number {
    const { buf, used } = this.#chunk(this.#source);
    const at = this.#sourceAt;
    assert(at < used, 'the chunk being emptied has live bytes that no member owns');
    this.#sourceAt += recordBytes(lengthAt(buf, at));
    return (this.#source << 16) | (at >>> 2);
  }

  /** Puts a live record elsewhere and answers its new reference. */
  move(reference: number): number {
    const buf = this.#chunk(reference >>> 16).buf;
    const at = offsetOf(reference);
    const len = lengthAt(buf, at);
    const moved = this.add(buf, len < LONG ? at + 1 : at + 5, len);
    this.free(reference);
    return moved;
  }

  clone(): MemberStore {
    // Neither of the two may write behind what the other one reads.
    this.#current = -1;
    const twin = new MemberStore();
    twin.#chunks = this.#chunks.map((chunk) => (chunk === null ? null : twinOf(chunk)));
    twin.#vacant = this.#vacant.slice();
    twin.#used = this.#used;
    twin.#live = this.#live;
    twin.#allocated = this.#allocated;
    // Both read these slabs from now on: the garbage collector has them when neither does.
    this.#pool = null;
    return twin;
  }

  get hasSlabs(): boolean {
    return this.#pool !== null || this.#left !== null;
  }

  dispose(): void {
    this.#disposeLeft();
    this.#pool?.dispose();
    this.#pool = null;
  }

  #chunk(index: number): Chunk {
    return this.#chunks[index] as Chunk;
  }

  #chunkFor(bytes: number): number {
    if (bytes > LONE_BYTES) return this.#open(bytes + 4);
    const current = this.#current < 0 ? null : this.#chunk(this.#current);
    if (current !== null && current.used + bytes <= current.buf.length) return this.#current;
    // The chunks of a set grow with it.
    const wanted = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, this.#allocated));
    this.#current = this.#open(Math.max(wanted, bytes + 4));
    return this.#current;
  }

  #open(bytes: number): number {
    const index = this.#vacant.pop() ?? this.#chunks.length;
    assert(index < CHUNKS_MAX, 'a set is full: its members take more than 16 GB');
    this.#chunks[index] = new Chunk(this.#newBytes(bytes));
    this.#allocated += bytes + CHUNK_OVERHEAD_BYTES;
    return index;
  }

  #newBytes(bytes: number): Buffer {
    if (bytes !== CHUNK_BYTES_MAX || this.#allocated < OWN_SLABS_FROM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    this.#pool ??= new SlabPool(CHUNK_BYTES_MAX);
    this.#pool.take();
    return Buffer.from(this.#pool.buffer as ArrayBuffer, this.#pool.byteOffset, bytes);
  }

  #drop(index: number, chunk: Chunk): void {
    // What was dropped before is not read any more; this chunk still may be.
    this.#pool?.release();
    this.#pool?.give(chunk.buf.buffer, chunk.buf.byteOffset);
    this.#used -= chunk.used - 4;
    this.#allocated -= chunk.buf.length + CHUNK_OVERHEAD_BYTES;
    this.#chunks[index] = null;
    this.#vacant.push(index);
    if (this.#current === index) this.#current = -1;
    if (this.#source === index) this.#source = -1;
    if (this.#pool !== null && this.#allocated < LEAVE_SLABS_BELOW_BYTES) this.#leaveSlabs();
  }

  #disposeLeft(): void {
    this.#left?.dispose();
    this.#left = null;
  }

  /** So little is left that a slab would be mostly empty. Whoever still reads from there can, until the next is freed. */
  #leaveSlabs(): void {
    this.#left = this.#pool;
    this.#pool = null;
    this.#chunks = this.#chunks.map((chunk) => {
      if (chunk === null) return null;
      const own = new Chunk(Buffer.allocUnsafeSlow(chunk.buf.length));
      chunk.buf.copy(own.buf, 0, 0, chunk.used);
      own.used = chunk.used;
      own.live = chunk.live;
      return own;
    });
  }

  #chooseSource(): void {
    let best = -1;
    let bestLive = 1;
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] as Chunk | null;
      if (chunk === null || chunk.live / chunk.used >= bestLive) continue;
      best = i;
      bestLive = chunk.live / chunk.used;
    }
    if (best === this.#current) this.#current = -1;
    this.#source = best;
    this.#sourceAt = 4;
  }
}

function offsetOf(reference: number): number {
  return (reference & 0xffff) << 2;
}

function lengthAt(buf: Buffer, at: number): number {
  const short = buf[at] as number;
  return short < LONG ? short : buf.readUInt32LE(at + 1);
}

function recordBytes(len: number): number {
  return ((len < LONG ? 1 : 5) + len + 3) & ~3;
}

function twinOf(chunk: Chunk): Chunk {
  const twin = new Chunk(chunk.buf);
  twin.used = chunk.used;
  twin.live = chunk.live;
  return twin;
}
