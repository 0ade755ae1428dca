/*
 * A big set of strings, or a big hash, off the JavaScript heap: an extendible hash table. The directory maps the top bits
 * of a member's hash to a segment of [hash, reference] slots (segment.ts); the next bits are the slot where probing
 * starts, so the whole table lies in hash order. A segment that fills up splits in two, which is the longest step there
 * is. The bytes are in member-store.ts: a record is the member of a set, or a field of a hash with its value.
 *
 * Invariants:
 * (1) A member is in the segment that the directory has for its hash, at its home slot or behind it with no gap between.
 * (2) A segment of depth d stands in 2^(depth of the directory - d) neighbouring places of the directory.
 * (3) A SCAN cursor is a position in hash order: what has a smaller hash was visited. Growth, shrinking and moves of
 *     bytes do not change anyone's hash, so a member that stays is visited exactly once.
 * (4) A segment marked as shared belongs to a clone too, and is copied before it changes.
 *
 * Segments of a big table lie in slabs of its own, as its records do, so that both go back to the system with it.
 */
import { entropySeed, type Prng } from '../../base/prng.ts';
import type { Aggregate } from './aggregate.ts';
import { FAR_WORDS_MAX, FarWords } from './far-words.ts';
import type { Key } from './key.ts';
import { Entry } from './listpack.ts';
import { MemberStore } from './member-store.ts';
import { candidateFor, closeGap, homeOf, insert, moveAll, Segment, slotWith } from './segment.ts';
import { LEAVE_SLABS_BELOW_BYTES, OWN_SLABS_FROM_BYTES, SlabPool } from './slabs.ts';

/** Called for each member of a set; for a field of a hash and then, with the next call, for its value. */
export type MemberVisitor = (buf: Buffer, off: number, len: number) => void;

/** 256 and 2048 slots. */
const BITS_MIN = 8;
const BITS_MAX = 11;
/** Deeper would only be reached by members made to collide: a segment that cannot be split evenly widens instead. */
const DEPTH_MAX = 21;
const SEGMENT_BYTES_MAX = 8 << BITS_MAX;
const SEGMENT_OVERHEAD_BYTES = 500;
const HASHES = 2 ** 32;
/** An empty slot costs a SCAN little, but not nothing: so many are passed for each member asked for. */
const SLOTS_PER_MEMBER_MAX = 10;
/** A change frees one record at most, so the cleaning is always faster than the making of dead bytes. */
const MOVES_PER_CHANGE = 8;

/** Hold nothing between two calls. */
const HASHES_AHEAD = new Int32Array(FAR_WORDS_MAX);
const FAR = new FarWords();

export class MemberTable implements Aggregate {
  size = 0;
  /** Made of what `fetchAhead` read; without a use of it the compiler would leave the reading out. */
  fetched = 0;
  /** Hashes members; a clone has the same. */
  readonly #key: Key;
  /**
   * Every table has an order of its own. If all had the same, what one shows in its order (SUNIONSTORE, a file that is
   * loaded again) would come to another sorted by hash: all members of a segment would begin at the same slot.
   */
  #salt = entropySeed() | 0;
  readonly #entry = new Entry();
  holders = 0;
  readonly #paired: boolean;
  #store: MemberStore;
  #directory: Segment[];
  #depth = 0;
  /** How many segments there are of each depth. */
  #segments: number[] = new Array<number>(DEPTH_MAX + 1).fill(0);
  #slotBytes = 0;
  /** Of segments with `BITS_MAX`, once there are many; never those that a clone reads too. */
  #pool: SlabPool | null = null;

  /** The key is made of a secret seed: who knows it can choose members that collide. `paired`: each has a value. */
  constructor(key: Key, paired: boolean) {
    this.#key = key;
    this.#paired = paired;
    this.#store = new MemberStore(paired);
    const segment = this.#newSegment(BITS_MIN, 0);
    this.#directory = [segment];
    this.#account(segment, 1);
  }

  usedBytes(): number {
    return this.#store.usedBytes() + this.#slotBytes + this.#directory.length * 8;
  }

  has(vbuf: Buffer, voff: number, vlen: number): boolean {
    const hash = this.#hashOf(vbuf, voff, vlen);
    return this.#find(this.#segmentOf(hash), hash, vbuf, voff, vlen) >= 0;
  }

  /** The reference of a member or field, for `read` and `readValue`; 0 when there is none. Good until the next change. */
  find(vbuf: Buffer, voff: number, vlen: number): number {
    const hash = this.#hashOf(vbuf, voff, vlen);
    const segment = this.#segmentOf(hash);
    const slot = this.#find(segment, hash, vbuf, voff, vlen);
    return slot < 0 ? 0 : (segment.slots[2 * slot + 1] as number);
  }

  /** The bytes in `entry` never change. */
  read(reference: number, entry: Entry): void {
    this.#store.read(reference, entry);
  }

  /** The value of a field; the bytes in `entry` are good until the next change. */
  readValue(reference: number, entry: Entry): void {
    this.#store.readValue(reference, entry);
  }

  fetchAhead(buf: Buffer, off: Int32Array, len: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const hash = this.#hashOf(buf, off[i] as number, len[i] as number);
      const segment = this.#segmentOf(hash);
      HASHES_AHEAD[i] = hash;
      FAR.note(i, segment.slots, 2 * homeOf(hash, segment));
    }
    const sum = FAR.read(count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      const hash = HASHES_AHEAD[i] as number;
      const reference = candidateFor(this.#segmentOf(hash), hash);
      if (reference !== 0) FAR.note(found++, this.#store.wordsOf(reference), this.#store.firstOf(reference));
    }
    this.fetched = sum ^ FAR.read(found);
    FAR.forget();
  }

  /** False when it was a member already. */
  add(vbuf: Buffer, voff: number, vlen: number): boolean {
    const hash = this.#hashOf(vbuf, voff, vlen);
    if (this.#find(this.#segmentOf(hash), hash, vbuf, voff, vlen) >= 0) return false;
    const segment = this.#withRoom(hash);
    insert(segment, hash, this.#store.add(vbuf, voff, vlen));
    segment.count++;
    this.size++;
    if (this.#store.moving) this.#moveSome();
    return true;
  }

  /** Gives the field of a reference another value where the old one is; false, with nothing done, when that cannot be. */
  overwrite(reference: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    return this.#store.overwriteValue(reference, vbuf, voff, vlen);
  }

  /** Gives a field its value; false when the field had one already, which is overwritten. */
  put(fbuf: Buffer, foff: number, flen: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    const hash = this.#hashOf(fbuf, foff, flen);
    const found = this.#segmentOf(hash);
    const slot = this.#find(found, hash, fbuf, foff, flen);
    if (slot >= 0) {
      const reference = found.slots[2 * slot + 1] as number;
      if (this.#store.overwriteValue(reference, vbuf, voff, vlen)) return false;
      this.#writable(hash).slots[2 * slot + 1] = this.#store.addPair(fbuf, foff, flen, vbuf, voff, vlen);
      this.#store.free(reference);
    } else {
      const segment = this.#withRoom(hash);
      insert(segment, hash, this.#store.addPair(fbuf, foff, flen, vbuf, voff, vlen));
      segment.count++;
      this.size++;
    }
    if (this.#store.moving) this.#moveSome();
    return slot < 0;
  }

  /** False when it was no member. */
  remove(vbuf: Buffer, voff: number, vlen: number): boolean {
    const hash = this.#hashOf(vbuf, voff, vlen);
    const slot = this.#find(this.#segmentOf(hash), hash, vbuf, voff, vlen);
    if (slot < 0) return false;
    const segment = this.#writable(hash);
    this.#store.free(segment.slots[2 * slot + 1] as number);
    closeGap(segment, slot);
    segment.count--;
    this.size--;
    this.#shrink(segment, hash);
    if (this.#store.moving) this.#moveSome();
    if (this.#pool !== null && this.#slotBytes < LEAVE_SLABS_BELOW_BYTES) this.#leaveSlabs();
    return true;
  }

  /** The reference of any member, each as likely as the others; the table is not empty. */
  random(prng: Prng): number {
    for (;;) {
      const segment = this.#segmentOf(prng.next() | 0);
      // A shallow segment is found twice as often as its two halves would be, but has no more members than one of them.
      const surplus = this.#depth - segment.depth;
      if (surplus > 0 && prng.next() >>> (32 - surplus) !== 0) continue;
      const slot = prng.next() >>> (32 - segment.bits);
      const reference = segment.slots[2 * slot + 1] as number;
      if (reference !== 0) return reference;
    }
  }

  /** All references, in hash order; good until the next change. */
  references(): Int32Array {
    const all = new Int32Array(this.size);
    let count = 0;
    for (let place = 0; place < this.#directory.length; ) {
      const { slots, depth } = this.#directory[place] as Segment;
      for (let at = 1; at < slots.length; at += 2) if (slots[at] !== 0) all[count++] = slots[at] as number;
      place += 1 << (this.#depth - depth);
    }
    return all;
  }

  /**
   * Visits members from a position in hash order on, until about `count` were seen, and answers the position to go on
   * from, or 0 at the end. Members that come and go between calls may be visited or not. The visitor must not change
   * the table.
   */
  scan(cursor: number, count: number, visit: MemberVisitor): number {
    const entry = this.#entry;
    const paired = this.#paired;
    let position = cursor;
    let visited = 0;
    for (let passed = 0; passed < count * SLOTS_PER_MEMBER_MAX; passed++) {
      const segment = this.#segmentOf(position | 0);
      const { slots, bits } = segment;
      const home = homeOf(position | 0, segment);
      for (let slot = home; slots[2 * slot + 1] !== 0; slot = (slot + 1) & ((1 << bits) - 1)) {
        const hash = slots[2 * slot] as number;
        if (homeOf(hash, segment) !== home || hash >>> 0 < position) continue;
        const reference = slots[2 * slot + 1] as number;
        this.#store.read(reference, entry);
        visit(entry.buf, entry.off, entry.len);
        if (paired) {
          this.#store.readValue(reference, entry);
          visit(entry.buf, entry.off, entry.len);
        }
        visited++;
      }
      const width = 2 ** Math.max(0, 32 - segment.depth - bits);
      position = (Math.floor(position / width) + 1) * width;
      if (position >= HASHES) return 0;
      if (visited >= count) break;
    }
    return position;
  }

  forEach(visit: MemberVisitor): void {
    this.scan(0, Number.POSITIVE_INFINITY, visit);
  }

  get hasSlabs(): boolean {
    return this.#pool !== null || this.#store.hasSlabs;
  }

  dispose(): void {
    this.#store.dispose();
    this.#pool?.dispose();
    this.#pool = null;
  }

  /** A table with the same members that changes on its own: one pointer per segment, the bytes are shared. */
  clone(): MemberTable {
    const twin = new MemberTable(this.#key, this.#paired);
    twin.#salt = this.#salt;
    for (const segment of this.#directory) segment.shared = true;
    twin.#directory = this.#directory.slice();
    twin.#depth = this.#depth;
    twin.#segments = this.#segments.slice();
    twin.#slotBytes = this.#slotBytes;
    twin.#store = this.#store.clone();
    twin.size = this.size;
    // Both read these slabs from now on: the garbage collector has them when neither does.
    this.#pool = null;
    return twin;
  }

  #hashOf(vbuf: Buffer, voff: number, vlen: number): number {
    const hash = Math.imul(this.#key.load(vbuf, voff, vlen) ^ this.#salt, 0x2c1b3c6d);
    return Math.imul(hash ^ (hash >>> 15), 0x297a2d39);
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[(hash >>> 1) >>> (31 - this.#depth)] as Segment;
  }

  /** The slot of a member, or -1. */
  #find(segment: Segment, hash: number, vbuf: Buffer, voff: number, vlen: number): number {
    const { slots } = segment;
    const mask = (1 << segment.bits) - 1;
    for (let slot = homeOf(hash, segment); ; slot = (slot + 1) & mask) {
      const reference = slots[2 * slot + 1] as number;
      if (reference === 0) return -1;
      if (slots[2 * slot] === hash && this.#store.equals(reference, vbuf, voff, vlen)) return slot;
    }
  }

  #writable(hash: number): Segment {
    const segment = this.#segmentOf(hash);
    if (!segment.shared) return segment;
    const own = this.#newSegment(segment.bits, segment.depth);
    own.slots.set(segment.slots);
    own.count = segment.count;
    this.#replace(hash, segment.depth, own);
    return own;
  }

  /** The segment for one more member with this hash, at most four fifths full. */
  #withRoom(hash: number): Segment {
    let segment = this.#writable(hash);
    while ((segment.count + 1) * 5 > 4 << segment.bits) {
      if (segment.bits < BITS_MAX || !this.#split(segment, hash)) this.#resize(segment, hash, segment.bits + 1);
      segment = this.#segmentOf(hash);
    }
    return segment;
  }

  #resize(segment: Segment, hash: number, bits: number): void {
    const resized = this.#newSegment(bits, segment.depth);
    moveAll(segment, resized, resized);
    this.#drop(segment);
    this.#account(resized, 1);
    this.#replace(hash, segment.depth, resized);
  }

  /** Makes two segments of one; false when that would not help, because the hashes are too much alike. */
  #split(segment: Segment, hash: number): boolean {
    const depth = segment.depth + 1;
    if (depth > DEPTH_MAX) return false;
    const left = this.#newSegment(BITS_MAX, depth);
    const right = this.#newSegment(BITS_MAX, depth);
    moveAll(segment, left, right);
    if (left.count * 8 < segment.count || right.count * 8 < segment.count) {
      this.#giveBack(left);
      this.#giveBack(right);
      return false;
    }
    if (depth > this.#depth) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#depth = depth;
    }
    this.#drop(segment);
    this.#account(left, 1);
    this.#account(right, 1);
    const bit = 1 << (32 - depth);
    this.#replace(hash & ~bit, depth, left);
    this.#replace(hash | bit, depth, right);
    return true;
  }

  /** Joins a segment with its other half, or narrows the only one, when that leaves it well below full. */
  #shrink(segment: Segment, hash: number): void {
    if (segment.count * 8 > 1 << segment.bits) return;
    if (segment.depth === 0) {
      if (segment.bits > BITS_MIN) this.#resize(segment, hash, segment.bits - 1);
      return;
    }
    const bit = 1 << (32 - segment.depth);
    const other = this.#segmentOf(hash ^ bit);
    if (other.depth !== segment.depth || other.bits !== segment.bits) return;
    if ((other.count + segment.count) * 8 > 3 << segment.bits) return;
    const joined = this.#newSegment(segment.bits, segment.depth - 1);
    moveAll(segment, joined, joined);
    moveAll(other, joined, joined);
    this.#drop(segment);
    this.#drop(other);
    this.#account(joined, 1);
    this.#replace(hash, joined.depth, joined);
    while (this.#segments[this.#depth] === 0) {
      this.#directory = this.#directory.filter((_, place) => place % 2 === 0);
      this.#depth--;
    }
  }

  /** Puts a segment of this depth into all places of the directory that hashes like this one lead to. */
  #replace(hash: number, depth: number, segment: Segment): void {
    const places = 1 << (this.#depth - depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(places - 1);
    for (let i = 0; i < places; i++) this.#directory[from + i] = segment;
  }

  #account(segment: Segment, sign: 1 | -1): void {
    this.#segments[segment.depth] = (this.#segments[segment.depth] as number) + sign;
    this.#slotBytes += sign * ((8 << segment.bits) + SEGMENT_OVERHEAD_BYTES);
  }

  #newSegment(bits: number, depth: number): Segment {
    if (bits !== BITS_MAX || this.#slotBytes < OWN_SLABS_FROM_BYTES)
      return new Segment(bits, depth, new Int32Array(2 << bits));
    this.#pool ??= new SlabPool(SEGMENT_BYTES_MAX);
    const pool = this.#pool;
    pool.take();
    const slots = new Int32Array(pool.buffer, pool.byteOffset, 2 << bits);
    if (!pool.isZero) slots.fill(0);
    return new Segment(bits, depth, slots);
  }

  /** Another one has taken its place. */
  #drop(segment: Segment): void {
    this.#account(segment, -1);
    this.#giveBack(segment);
  }

  #giveBack({ slots }: Segment): void {
    this.#pool?.release();
    this.#pool?.give(slots.buffer, slots.byteOffset);
  }

  /** So little is left that a slab would be mostly empty. */
  #leaveSlabs(): void {
    for (let place = 0; place < this.#directory.length; ) {
      const segment = this.#directory[place] as Segment;
      const own = new Segment(segment.bits, segment.depth, segment.slots.slice());
      own.count = segment.count;
      const places = 1 << (this.#depth - segment.depth);
      this.#directory.fill(own, place, place + places);
      place += places;
    }
    this.#pool?.dispose();
    this.#pool = null;
  }

  /** A little of the store's cleaning: finds out who is alive, and tells the slots where the bytes went. */
  #moveSome(): void {
    const store = this.#store;
    const entry = this.#entry;
    for (let i = 0; i < MOVES_PER_CHANGE && store.moving; i++) {
      const reference = store.nextToMove();
      store.read(reference, entry);
      const hash = this.#hashOf(entry.buf, entry.off, entry.len);
      const segment = this.#segmentOf(hash);
      const slot = slotWith(segment, hash, reference);
      if (slot >= 0) this.#writable(hash).slots[2 * slot + 1] = store.move(reference);
    }
    entry.forget();
  }
}
