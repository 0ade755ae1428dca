/*
 * A part of a member table (member-table.ts): slots of [hash, reference] with linear probing from a hash's home slot on.
 * Reference 0 is an empty slot, and slots lie in the order of hashes, gaps aside.
 */

export class Segment {
  /** Pairs of hash and reference; reference 0 is an empty slot. */
  readonly slots: Int32Array;
  /** Number of slots, as a power of two. */
  readonly bits: number;
  readonly depth: number;
  count = 0;
  shared = false;

  constructor(bits: number, depth: number, slots: Int32Array) {
    this.slots = slots;
    this.bits = bits;
    this.depth = depth;
  }
}

/** Where probing for this hash starts: the bits below those that led to the segment. */
export function homeOf(hash: number, segment: Segment): number {
  return (hash << segment.depth) >>> (32 - segment.bits);
}

/** The first reference that stands for this hash, or 0. */
export function candidateFor(segment: Segment, hash: number): number {
  const { slots } = segment;
  const mask = (1 << segment.bits) - 1;
  let slot = homeOf(hash, segment);
  while (slots[2 * slot + 1] !== 0 && slots[2 * slot] !== hash) slot = (slot + 1) & mask;
  return slots[2 * slot + 1] as number;
}

export function insert(segment: Segment, hash: number, reference: number): void {
  const { slots } = segment;
  const mask = (1 << segment.bits) - 1;
  let slot = homeOf(hash, segment);
  while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
  slots[2 * slot] = hash;
  slots[2 * slot + 1] = reference;
}

/** Empties a slot and moves back what was only behind it because it was taken. */
export function closeGap(segment: Segment, gap: number): void {
  const { slots } = segment;
  const mask = (1 << segment.bits) - 1;
  let hole = gap;
  for (let slot = (hole + 1) & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
    const hash = slots[2 * slot] as number;
    const fromHome = (slot - homeOf(hash, segment)) & mask;
    if (fromHome < ((slot - hole) & mask)) continue;
    slots[2 * hole] = hash;
    slots[2 * hole + 1] = slots[2 * slot + 1] as number;
    hole = slot;
  }
  slots[2 * hole + 1] = 0;
}

export function slotWith(segment: Segment, hash: number, reference: number): number {
  const { slots } = segment;
  const mask = (1 << segment.bits) - 1;
  for (let slot = homeOf(hash, segment); slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
    if (slots[2 * slot + 1] === reference) return slot;
  }
  return -1;
}

/** Inserts every member into `left` or `right`, by the bit that tells the two apart; both may be the same. */
export function moveAll(from: Segment, left: Segment, right: Segment): void {
  const { slots } = from;
  const bit = left.depth === 0 ? 0 : 1 << (32 - left.depth);
  for (let at = 0; at < slots.length; at += 2) {
    const reference = slots[at + 1] as number;
    if (reference === 0) continue;
    const hash = slots[at] as number;
    const to = (hash & bit) === 0 ? left : right;
    insert(to, hash, reference);
    to.count++;
  }
}
