/*
 * Hash slots: where a key lives in a cluster, and sets of slots as nodes tell them to each other (2048 bytes, slot s in bit
 * s % 8 of byte s / 8).
 */
import { assert } from './assert.ts';
import { crc16 } from './crc16.ts';

export const SLOTS = 16384;
const BITMAP_BYTES = SLOTS / 8;

const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Both ends belong to the range. */
export interface SlotRange {
  start: number;
  end: number;
}

/** The slot of a key. Of a key with a tag, `{tag}` with something in it, only the tag counts: such keys stay together. */
export function slotOf(buf: Buffer, off: number, len: number): number {
  const end = off + len;
  for (let open = off; open < end; open++) {
    if (buf[open] !== OPEN) continue;
    for (let close = open + 1; close < end; close++) {
      if (buf[close] !== CLOSE) continue;
      // Only the first pair can be a tag: if it is empty, the whole key counts.
      if (close === open + 1) break;
      return crc16(buf, open + 1, close - open - 1) & (SLOTS - 1);
    }
    break;
  }
  return crc16(buf, off, len) & (SLOTS - 1);
}

export function slotOfText(key: string): number {
  const bytes = Buffer.from(key);
  return slotOf(bytes, 0, bytes.length);
}

/** The slots set in a bitmap as ranges, in ascending order. */
export function rangesOf(bitmap: Buffer): SlotRange[] {
  const words = wordsOf(bitmap);
  const ranges: SlotRange[] = [];
  let open: SlotRange | null = null;
  for (let slot = 0; slot < SLOTS; slot++) {
    // Owned slots come in long runs: most words are all or nothing.
    const word = words[slot >> 5] as number;
    if ((slot & 31) === 0 && ((word === 0 && open === null) || (word === -1 && open !== null))) {
      slot += 31;
      if (open !== null) open.end = slot;
      continue;
    }
    if (((bitmap[slot >> 3] as number) & (1 << (slot & 7))) === 0) {
      open = null;
    } else if (open === null) {
      open = { start: slot, end: slot };
      ranges.push(open);
    } else {
      open.end = slot;
    }
  }
  return ranges;
}

/** The same 32 slots at a time. */
function wordsOf(bitmap: Buffer): Int32Array {
  const { buffer, byteOffset } = bitmap.byteOffset % 4 === 0 ? bitmap : Uint8Array.from(bitmap);
  return new Int32Array(buffer, byteOffset, SLOTS / 32);
}

/** As in CLUSTER NODES: "0-5460 7000". */
export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(' ');
}

/** A set of slots that is a bitmap at the same time. */
export class SlotSet {
  /** The live bitmap: read it, copy it into messages; change it only through the methods, which keep the count. */
  readonly bitmap: Buffer = Buffer.alloc(BITMAP_BYTES);
  #count = 0;

  static of(ranges: readonly SlotRange[]): SlotSet {
    const set = new SlotSet();
    for (const { start, end } of ranges) for (let slot = start; slot <= end; slot++) set.add(slot);
    return set;
  }

  count(): number {
    return this.#count;
  }

  has(slot: number): boolean {
    return ((this.bitmap[slot >> 3] as number) & (1 << (slot & 7))) !== 0;
  }

  /** True when the slot was not in the set. */
  add(slot: number): boolean {
    assertSlot(slot);
    if (this.has(slot)) return false;
    this.bitmap[slot >> 3] = (this.bitmap[slot >> 3] as number) | (1 << (slot & 7));
    this.#count++;
    return true;
  }

  /** True when the slot was in the set. */
  delete(slot: number): boolean {
    assertSlot(slot);
    if (!this.has(slot)) return false;
    this.bitmap[slot >> 3] = (this.bitmap[slot >> 3] as number) & ~(1 << (slot & 7));
    this.#count--;
    return true;
  }

  clear(): void {
    this.bitmap.fill(0);
    this.#count = 0;
  }

  equals(other: SlotSet | Buffer): boolean {
    return this.bitmap.equals(other instanceof SlotSet ? other.bitmap : other);
  }

  /** Becomes equal to another set, or to the bitmap of a message. */
  copyFrom(other: SlotSet | Buffer): void {
    const source = other instanceof SlotSet ? other.bitmap : other;
    assert(source.length === BITMAP_BYTES, `a slot bitmap has ${BITMAP_BYTES} bytes, not ${source.length}`);
    source.copy(this.bitmap);
    this.#count = 0;
    for (const byte of source) for (let rest = byte; rest !== 0; rest &= rest - 1) this.#count++;
  }

  ranges(): SlotRange[] {
    if (this.#count === 0) return [];
    return rangesOf(this.bitmap);
  }

  *[Symbol.iterator](): Generator<number> {
    for (let byte = 0; byte < BITMAP_BYTES; byte++) {
      if (this.bitmap[byte] === 0) continue;
      for (let slot = byte * 8; slot < byte * 8 + 8; slot++) if (this.has(slot)) yield slot;
    }
  }
}

/** The text is made only where it is needed: this is asked for every slot of every claim. */
function assertSlot(slot: number): void {
  if (!(slot >= 0 && slot < SLOTS)) assert(false, `there is no slot ${slot}`);
}
