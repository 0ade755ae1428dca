/*
 * Bytes of the members of a big set, or of the fields of a big hash with their values, off the JavaScript heap. Records
 * are written into chunks one after another; a reference says chunk and word.
 *
 *   set    text             text = length 1 byte · bytes                up to SHORT_MAX bytes
 *   hash   field · value           255 · length u32 · bytes             longer ones
 *
 * A record is filled up to whole words. In place of a value's length, 254 is kept free: it shall stand before a deadline
 * of the field, 8 bytes, and the length, so that fields without a deadline do not pay for those that have one.
 *
 * Records do not change where they lie, with one exception: a value is overwritten in place when the record keeps its
 * size and nobody shares its chunk. So a clone shares the chunks, and the bytes of a member or field may be used until
 * nobody holds the chunk any more; those of a value until the next change.
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
/** A longer text has its length in four more bytes. */
const SHORT_MAX = 253;
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
  /** A clone reads it too. */
  shared = false;

  constructor(buf: Buffer) {
    this.buf = buf;
    this.words = new Int32Array(buf.buffer, buf.byteOffset, buf.length >> 2);
  }
}

export class MemberStore {
  readonly #paired: boolean;
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

  /** `paired`: a value belongs to each member. */
  constructor(paired: boolean) {
    this.#paired = paired;
  }

  usedBytes(): number {
    return this.#allocated;
  }

  /** A member of a set; answers its reference. */
  add(vbuf: Buffer, voff: number, vlen: number): number {
    const bytes = wholeWords(textBytes(vlen));
    const index = this.#chunkFor(bytes);
    const chunk = this.#chunk(index);
    writeText(chunk.buf, chunk.used, vbuf, voff, vlen);
    return this.#written(index, chunk, bytes);
  }

  /** A field of a hash with its value. */
  addPair(fbuf: Buffer, foff: number, flen: number, vbuf: Buffer, voff: number, vlen: number): number {
    const bytes = wholeWords(textBytes(flen) + textBytes(vlen));
    const index = this.#chunkFor(bytes);
    const chunk = this.#chunk(index);
    writeText(chunk.buf, writeText(chunk.buf, chunk.used, fbuf, foff, flen), vbuf, voff, vlen);
    return this.#written(index, chunk, bytes);
  }

  /** Gives a field another value where the old one is; false when that cannot be. */
  overwriteValue(reference: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    const chunk = this.#chunk(reference >>> 16);
    if (chunk.shared) return false;
    const { buf } = chunk;
    const start = offsetOf(reference);
    const at = behindText(buf, start);
    if (wholeWords(at - start + textBytes(vlen)) !== wholeWords(behindText(buf, at) - start)) return false;
    writeText(buf, at, vbuf, voff, vlen);
    return true;
  }

  free(reference: number): void {
    if (this.#left !== null) this.#disposeLeft();
    const index = reference >>> 16;
    const chunk = this.#chunk(index);
    const bytes = this.#bytesAt(chunk.buf, offsetOf(reference));
    chunk.live -= bytes;
    this.#live -= bytes;
    if (chunk.live === 0) this.#drop(index, chunk);
    const dead = this.#used - this.#live;
    if (this.#source < 0 && dead > DEAD_BYTES_MIN && dead > this.#live) this.#chooseSource();
  }

  /** Whether this is the member, or the field. */
  equals(reference: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    const buf = this.#chunk(reference >>> 16).buf;
    const at = offsetOf(reference);
    if (lengthAt(buf, at) !== vlen) return false;
    const start = startOf(at, vlen);
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
    readText(this.#chunk(reference >>> 16).buf, offsetOf(reference), entry);
  }

  readValue(reference: number, entry: Entry): void {
    const { buf } = this.#chunk(reference >>> 16);
    readText(buf, behindText(buf, offsetOf(reference)), entry);
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
    this.#sourceAt += this.#bytesAt(buf, at);
    return (this.#source << 16) | (at >>> 2);
  }

  /** Puts a live record elsewhere and answers its new reference. */
  move(reference: number): number {
    const { buf } = this.#chunk(reference >>> 16);
    const at = offsetOf(reference);
    const bytes = this.#bytesAt(buf, at);
    const index = this.#chunkFor(bytes);
    const chunk = this.#chunk(index);
    copyBytes(buf, at, bytes, chunk.buf, chunk.used);
    const moved = this.#written(index, chunk, bytes);
    this.free(reference);
    return moved;
  }

  clone(): MemberStore {
    // Neither of the two may write what the other one reads, nor behind it.
    this.#current = -1;
    const twin = new MemberStore(this.#paired);
    for (const chunk of this.#chunks) if (chunk !== null) chunk.shared = true;
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

  /** A record stands where the chunk was filled up to; answers its reference. */
  #written(index: number, chunk: Chunk, bytes: number): number {
    const at = chunk.used;
    chunk.used += bytes;
    chunk.live += bytes;
    this.#used += bytes;
    this.#live += bytes;
    return (index << 16) | (at >>> 2);
  }

  #bytesAt(buf: Buffer, at: number): number {
    const bytes = textBytes(lengthAt(buf, at));
    return wholeWords(this.#paired ? bytes + textBytes(lengthAt(buf, at + bytes)) : bytes);
  }

  #chunkFor(bytes: number): number {
    if (bytes > LONE_BYTES) return this.#open(bytes + 4);
    const current = this.#current < 0 ? null : this.#chunk(this.#current);
    if (current !== null && current.used + bytes <= current.buf.length) return this.#current;
    // Chunks grow with what is in them.
    const wanted = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, this.#allocated));
    this.#current = this.#open(Math.max(wanted, bytes + 4));
    return this.#current;
  }

  #open(bytes: number): number {
    const index = this.#vacant.pop() ?? this.#chunks.length;
    assert(index < CHUNKS_MAX, 'a set or hash is full: it takes more than 16 GB');
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
  return short <= SHORT_MAX ? short : buf.readUInt32LE(at + 1);
}

/** Where the bytes of a text begin whose length is at `at`. */
function startOf(at: number, len: number): number {
  return len <= SHORT_MAX ? at + 1 : at + 5;
}

function behindText(buf: Buffer, at: number): number {
  const len = lengthAt(buf, at);
  return startOf(at, len) + len;
}

function readText(buf: Buffer, at: number, entry: Entry): void {
  entry.buf = buf;
  entry.len = lengthAt(buf, at);
  entry.off = startOf(at, entry.len);
  entry.integer = Number.NaN;
}

/** Answers the position behind it. */
function writeText(buf: Buffer, at: number, vbuf: Buffer, voff: number, vlen: number): number {
  let start = at + 1;
  if (vlen <= SHORT_MAX) {
    buf[at] = vlen;
  } else {
    buf[at] = LONG;
    start = buf.writeUInt32LE(vlen, start);
  }
  copyBytes(vbuf, voff, vlen, buf, start);
  return start + vlen;
}

function textBytes(len: number): number {
  return len <= SHORT_MAX ? 1 + len : 5 + len;
}

function wholeWords(bytes: number): number {
  return (bytes + 3) & ~3;
}

function twinOf(chunk: Chunk): Chunk {
  const twin = new Chunk(chunk.buf);
  twin.used = chunk.used;
  twin.live = chunk.live;
  twin.shared = true;
  return twin;
}
