/*
 * An index of records by the hash of their key: it stores pairs of hash and address and nothing else. What an address
 * leads to, and whether the key there is the right one, is the caller's business: `seek` and `seekNext` offer
 * candidates, and the operations below act on the one found last.
 *
 * Extendible hashing. The top bits of a hash choose an entry of the directory, which names a segment; the next bits
 * choose the home slot in the segment, and collisions go to the following slots. So the whole table is in the order
 * of hashes, which makes a position in it (a SCAN cursor) mean the same before and after it grew or shrank.
 * A segment that is full is split in two by the next bit of the stored hashes, without a look at any record; the pause
 * is that of one segment, never that of the table. Two sparse neighbours are joined again.
 *
 *   hash   pppp hhhhhhhhhhh .................
 *          │    └ home slot: the `bits` bits after them
 *          └ the segment: its `depth` top bits; the directory is indexed by `directoryBits` >= depth of them
 *
 * (1) An address is never 0; a slot with address 0 is empty.
 * (2) Between the home slot of a pair and its slot (wrapping around) no slot is empty.
 * (3) A segment of depth d fills 2^(directoryBits - d) entries of the directory, all neighbours.
 */
import type { Prng } from '../../base/prng.ts';
import { SEGMENT_BLOCK_BYTES } from './memory.ts';
import type { SlabPool } from './slabs.ts';

/** A full segment has 2048 slots, 16 KB: splitting one takes some 50 us. */
const SEGMENT_BITS = 11;
const SEGMENT_BITS_MIN = 4;
/** Directory entries allowed per segment; more are needed only when somebody chose the keys. */
const DIRECTORY_SPREAD_MAX = 32;

/** What tables of one database share. */
export interface TableMemory {
  /** Bytes of all of them together. */
  tableBytes: number;
  /** Where full segments come from, once there are many. */
  readonly segments: SlabPool;
}

/** Tables of this size take their segments from slabs. */
export const TABLE_SLABS_FROM_BYTES = 1024 * 1024;

class Segment {
  readonly slots: Int32Array;
  readonly bits: number;
  readonly depth: number;
  /** The index mask for a pair's first word: 2 * slots - 1. */
  readonly mask: number;
  count = 0;

  /** `slots` are all zero. */
  constructor(bits: number, depth: number, slots: Int32Array) {
    this.bits = bits;
    this.depth = depth;
    this.slots = slots;
    this.mask = (2 << bits) - 1;
  }
}

/** What a segment costs beside its slots: two JavaScript objects and the bookkeeping of an ArrayBuffer. */
const SEGMENT_OVERHEAD_BYTES = 320;

export class Table {
  size = 0;
  /** What `collect` found: addresses, `batchSize` of them. */
  batch = new Int32Array(64);
  batchSize = 0;
  readonly #memory: TableMemory;
  #directory: Segment[];
  /** At least 1, because a shift by 32 is a shift by 0. */
  #directoryBits = 1;
  #segments = 1;
  /** Of a segment that is gone, for the next one: half of the garbage of growing. */
  #spareSlots: Int32Array | null = null;
  /** How many segments there are of each depth. */
  readonly #depths = new Int32Array(33);
  /** The pair found last. */
  #segment: Segment;
  #index = 0;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    const segment = this.#newSegment(SEGMENT_BITS_MIN, 0);
    memory.tableBytes += bytesOf(segment);
    this.#depths[0] = 1;
    this.#segment = segment;
    this.#directory = [segment, segment];
  }

  /** The address of the first pair with this hash, or 0. */
  seek(hash: number): number {
    const segment = this.#directory[hash >>> (32 - this.#directoryBits)] as Segment;
    const slots = segment.slots;
    const mask = segment.mask;
    let index = homeOf(segment, hash);
    for (;;) {
      const address = slots[index + 1] as number;
      if (address === 0) return 0;
      if (slots[index] === hash) {
        this.#segment = segment;
        this.#index = index;
        return address;
      }
      index = (index + 2) & mask;
    }
  }

  /** Where `seek` will begin: in these slots … */
  slotsFor(hash: number): Int32Array {
    return (this.#directory[hash >>> (32 - this.#directoryBits)] as Segment).slots;
  }

  /** … at this place. */
  placeFor(hash: number): number {
    return homeOf(this.#directory[hash >>> (32 - this.#directoryBits)] as Segment, hash);
  }

  /** The next pair with the hash of the one found last, or 0. */
  seekNext(): number {
    const { slots, mask } = this.#segment;
    const hash = slots[this.#index] as number;
    let index = (this.#index + 2) & mask;
    for (;;) {
      const address = slots[index + 1] as number;
      if (address === 0) return 0;
      if (slots[index] === hash) {
        this.#index = index;
        return address;
      }
      index = (index + 2) & mask;
    }
  }

  /** Finds exactly this pair. */
  locate(hash: number, address: number): boolean {
    let candidate = this.seek(hash);
    while (candidate !== address && candidate !== 0) candidate = this.seekNext();
    return candidate !== 0;
  }

  /** Gives the pair found last another address. */
  replace(address: number): void {
    this.#segment.slots[this.#index + 1] = address;
  }

  /** Adds a pair without looking whether it is there. */
  insert(hash: number, address: number): void {
    let segment = this.#directory[hash >>> (32 - this.#directoryBits)] as Segment;
    while (segment.count >= capacityOf(segment)) {
      this.#grow(segment, hash);
      segment = this.#directory[hash >>> (32 - this.#directoryBits)] as Segment;
    }
    place(segment, hash, address);
    this.size++;
  }

  /** Takes the pair found last away. */
  remove(): void {
    const segment = this.#segment;
    const { slots, mask } = segment;
    let hole = this.#index;
    const hash = slots[hole] as number;
    // Later pairs of the run move up, unless that would put them before their home slot: invariant (2).
    for (let index = (hole + 2) & mask; slots[index + 1] !== 0; index = (index + 2) & mask) {
      const home = homeOf(segment, slots[index] as number);
      if (((index - home) & mask) < ((index - hole) & mask)) continue;
      slots[hole] = slots[index] as number;
      slots[hole + 1] = slots[index + 1] as number;
      hole = index;
    }
    slots[hole + 1] = 0;
    segment.count--;
    this.size--;
    if (segment.count < 1 << (segment.bits - 3)) this.#shrink(segment, hash);
  }

  /**
   * Collects into `batch` the addresses of pairs whose hash, as an unsigned number, is `from` or greater, about
   * `wanted` of them and in the order of hashes; answers where to go on, or 0 at the end. A pair that stays in the
   * table is met exactly once by calls that go on like this from 0 to 0, whatever else is added or removed meanwhile.
   */
  collect(from: number, wanted: number): number {
    this.batchSize = 0;
    // Empty slots count a little, so that a call in a sparse table has an end too.
    for (let visited = 0; this.batchSize < wanted && visited < wanted * 10; visited++) {
      const segment = this.#directory[from >>> (32 - this.#directoryBits)] as Segment;
      const home = homeOf(segment, from | 0);
      this.#collectHome(segment, home, from);
      // Hashes with this home, counted from the segment's first one, end where those of the next home begin.
      const width = 2 ** (32 - segment.depth - segment.bits);
      from = width >= 1 ? (Math.floor(from / width) + 1) * width : from + 1;
      if (from >= 0x1_0000_0000) return 0;
    }
    return from;
  }

  /** The address of some pair, each with the same chance; 0 when there is none. */
  random(prng: Prng): number {
    if (this.size === 0) return 0;
    for (let attempt = 0; attempt < 1000; attempt++) {
      const pick = prng.next();
      const segment = this.#directory[pick >>> (32 - this.#directoryBits)] as Segment;
      // A segment is hit as often as it has directory entries; those with fewer slots per entry must lose some hits.
      const surplus = this.#directoryBits + SEGMENT_BITS - segment.depth - segment.bits;
      if (this.#segments > 1 && surplus > 0 && prng.next() >>> (32 - Math.min(surplus, 31)) !== 0) continue;
      const address = segment.slots[((prng.next() << 1) & segment.mask) + 1] as number;
      if (address !== 0) return address;
    }
    // Very sparse, or built to resist: a fair choice is not worth more time.
    let from = prng.next();
    for (;;) {
      from = this.collect(from, 1);
      if (this.batchSize > 0) return this.batch[0] as number;
    }
  }

  /** Takes the table off the shared account; nobody may use it any more. */
  dispose(): void {
    for (const segment of new Set(this.#directory)) this.#forget(segment);
    this.#giveSpareBack();
    const nothing = new Segment(SEGMENT_BITS_MIN, 0, new Int32Array(2 << SEGMENT_BITS_MIN));
    this.#directory = [nothing, nothing];
    this.#directoryBits = 1;
    this.#segment = nothing;
    this.size = 0;
  }

  /** Moves its segments out of the slabs, in which little is left. */
  leaveSlabs(): void {
    this.#giveSpareBack();
    for (let entry = 0; entry < this.#directory.length; ) {
      const segment = this.#directory[entry] as Segment;
      const { bits, depth, slots, count } = segment;
      const span = 1 << (this.#directoryBits - depth);
      if (this.#memory.segments.give(slots.buffer, slots.byteOffset)) {
        const own = new Segment(bits, depth, slots.slice());
        own.count = count;
        this.#directory.fill(own, entry, entry + span);
        if (this.#segment === segment) this.#segment = own;
      }
      entry += span;
    }
  }

  #grow(segment: Segment, hash: number): void {
    if (segment.bits >= SEGMENT_BITS && this.#isWorthSplitting(segment)) this.#split(segment, hash);
    else this.#exchange(segment, this.#resized(segment, segment.bits + 1), hash);
  }

  /**
   * Not when one side would stay empty, or when the directory has grown out of proportion: then hashes were chosen to
   * collide, and a larger segment costs no more than the keys deserve, while splitting would go on for ever.
   */
  #isWorthSplitting(segment: Segment): boolean {
    if (segment.depth + segment.bits >= 32) return false;
    if (segment.depth === this.#directoryBits && this.#directory.length > this.#segments * DIRECTORY_SPREAD_MAX) {
      return false;
    }
    const ones = countOnes(segment, 31 - segment.depth);
    return ones > 0 && ones < segment.count;
  }

  #split(segment: Segment, hash: number): void {
    if (segment.depth === this.#directoryBits) this.#doubleDirectory();
    const low = this.#newSegment(segment.bits, segment.depth + 1);
    const high = this.#newSegment(segment.bits, segment.depth + 1);
    const { slots } = segment;
    const shift = 31 - segment.depth;
    for (let index = 0; index < slots.length; index += 2) {
      const address = slots[index + 1] as number;
      if (address === 0) continue;
      const pairHash = slots[index] as number;
      place((pairHash >>> shift) & 1 ? high : low, pairHash, address);
    }
    const bit = 1 << shift;
    this.#forget(segment);
    this.#point(hash & ~bit, low);
    this.#point(hash | bit, high);
  }

  /** Called when few pairs are left in a segment. */
  #shrink(segment: Segment, hash: number): void {
    if (segment.bits > (segment.depth === 0 ? SEGMENT_BITS_MIN : SEGMENT_BITS)) {
      this.#exchange(segment, this.#resized(segment, segment.bits - 1), hash);
      // The next full segment is a long way off.
      if (segment.bits <= SEGMENT_BITS) this.#giveSpareBack();
      return;
    }
    if (segment.depth === 0) return;
    const bit = 1 << (32 - segment.depth);
    const buddy = this.#directory[(hash ^ bit) >>> (32 - this.#directoryBits)] as Segment;
    if (buddy.depth !== segment.depth || buddy.bits !== segment.bits) return;
    // Far from full, or the next insertions would split it again.
    if (segment.count + buddy.count > (3 << segment.bits) >> 3) return;
    const joined = this.#newSegment(segment.bits, segment.depth - 1);
    placeAll(segment, joined);
    placeAll(buddy, joined);
    this.#forget(segment);
    this.#forget(buddy);
    this.#point(hash, joined);
    // Two levels, not one: a directory must not be copied back and forth at a boundary.
    const bits = this.#directoryBits;
    if (bits > 2 && this.#depths[bits] === 0 && this.#depths[bits - 1] === 0) this.#halveDirectory();
  }

  #exchange(segment: Segment, successor: Segment, hash: number): void {
    this.#forget(segment);
    this.#point(hash, successor);
  }

  /** Makes a segment the one for all hashes that share its depth's bits with `hash`: invariant (3). */
  #point(hash: number, segment: Segment): void {
    const span = 1 << (this.#directoryBits - segment.depth);
    const first = (hash >>> (32 - this.#directoryBits)) & -span;
    for (let entry = first; entry < first + span; entry++) this.#directory[entry] = segment;
    this.#segments++;
    this.#depths[segment.depth] = (this.#depths[segment.depth] as number) + 1;
    this.#memory.tableBytes += bytesOf(segment);
  }

  #forget(segment: Segment): void {
    this.#segments--;
    this.#depths[segment.depth] = (this.#depths[segment.depth] as number) - 1;
    this.#memory.tableBytes -= bytesOf(segment);
    if (segment.bits !== SEGMENT_BITS) return;
    if (this.#spareSlots !== null) this.#giveBack(this.#spareSlots);
    this.#spareSlots = segment.slots;
  }

  #newSegment(bits: number, depth: number): Segment {
    const spare = this.#spareSlots;
    if (bits !== SEGMENT_BITS) return new Segment(bits, depth, new Int32Array(2 << bits));
    if (spare === null) return new Segment(bits, depth, this.#newSlots());
    this.#spareSlots = null;
    return new Segment(bits, depth, spare.fill(0));
  }

  /** Of a full segment. */
  #newSlots(): Int32Array {
    const { tableBytes, segments } = this.#memory;
    if (tableBytes < TABLE_SLABS_FROM_BYTES) return new Int32Array(2 << SEGMENT_BITS);
    segments.take();
    const slots = new Int32Array(segments.buffer, segments.byteOffset, SEGMENT_BLOCK_BYTES >> 2);
    return segments.isZero ? slots : slots.fill(0);
  }

  /** To the slabs; what is not of them goes with the last reference. */
  #giveBack(slots: Int32Array): void {
    this.#memory.segments.give(slots.buffer, slots.byteOffset);
  }

  #giveSpareBack(): void {
    if (this.#spareSlots !== null) this.#giveBack(this.#spareSlots);
    this.#spareSlots = null;
  }

  #resized(segment: Segment, bits: number): Segment {
    const successor = this.#newSegment(bits, segment.depth);
    placeAll(segment, successor);
    return successor;
  }

  #doubleDirectory(): void {
    const old = this.#directory;
    const directory = new Array<Segment>(old.length * 2);
    for (let entry = 0; entry < directory.length; entry++) directory[entry] = old[entry >> 1] as Segment;
    this.#directory = directory;
    this.#directoryBits++;
  }

  #halveDirectory(): void {
    this.#directory = this.#directory.filter((_, entry) => (entry & 1) === 0);
    this.#directoryBits--;
  }

  #growBatch(): void {
    const batch = new Int32Array(this.batch.length * 2);
    batch.set(this.batch);
    this.batch = batch;
  }

  #collectHome(segment: Segment, home: number, from: number): void {
    const { slots, mask } = segment;
    for (let index = home; slots[index + 1] !== 0; index = (index + 2) & mask) {
      const hash = slots[index] as number;
      // The cursor may point between two hashes of one home, if it was made when homes were narrower.
      if (homeOf(segment, hash) !== home || hash >>> 0 < from) continue;
      if (this.batchSize === this.batch.length) this.#growBatch();
      this.batch[this.batchSize++] = slots[index + 1] as number;
    }
  }
}

/** The index of the slot a pair with this hash should have. */
function homeOf(segment: Segment, hash: number): number {
  return ((hash << segment.depth) >>> (32 - segment.bits)) << 1;
}

function bytesOf(segment: Segment): number {
  return segment.slots.length * 4 + SEGMENT_OVERHEAD_BYTES;
}

/** A segment is full at seven eighths: beyond that, runs become long. */
function capacityOf(segment: Segment): number {
  return (7 << segment.bits) >> 3;
}

function place(segment: Segment, hash: number, address: number): void {
  const { slots, mask } = segment;
  let index = homeOf(segment, hash);
  while (slots[index + 1] !== 0) index = (index + 2) & mask;
  slots[index] = hash;
  slots[index + 1] = address;
  segment.count++;
}

function placeAll(from: Segment, to: Segment): void {
  const { slots } = from;
  for (let index = 0; index < slots.length; index += 2) {
    const address = slots[index + 1] as number;
    if (address !== 0) place(to, slots[index] as number, address);
  }
}

/** Of how many pairs' hashes this bit is set. */
function countOnes(segment: Segment, bit: number): number {
  const { slots } = segment;
  let ones = 0;
  for (let index = 0; index < slots.length; index += 2) {
    if (slots[index + 1] !== 0) ones += ((slots[index] as number) >>> bit) & 1;
  }
  return ones;
}
