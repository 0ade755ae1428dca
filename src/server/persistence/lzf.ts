/*
 * LZF, the compression of strings in RDB files. A stream is a row of two kinds of items:
 *
 *   000LLLLL                      L+1 literal bytes follow (1..32)
 *   LLLooooo oooooooo             copy L+2 bytes (L 1..6) from o+1 bytes back
 *   111ooooo LLLLLLLL oooooooo    copy L+9 bytes (L 0..255) from o+1 bytes back
 *
 * A copy may overlap what it writes: that is how runs are stored. The compressor looks three bytes up in a hash table
 * of their last place and takes the match it finds, longer or not: speed first, as everywhere LZF is used.
 */

import { LastView, REMEMBERED_MAX } from '../../base/last-view.ts';

const LITERALS_MAX = 32;
const MATCH_MAX = 264;
const DISTANCE_MAX = 8192;
const HASH_BITS = 14;

/** Most matches are short; longer ones are compared four bytes at a time. */
const BYTE_BY_BYTE_MAX = 12;
const VIEW = new LastView();

/** The most a stream can say: three bytes for 264. A claimed length beyond this is a lie. */
export const EXPANSION_MAX = 88;

export class LzfCompressor {
  /** Last place of a three-byte word, counted over everything this object has compressed: so it never needs clearing. */
  readonly #places = new Int32Array(1 << HASH_BITS).fill(-DISTANCE_MAX - 1);
  #counted = 0;

  /** Compresses into `out` from `at`; answers the compressed length, or 0 when it would take more than `room` bytes. */
  compress(buf: Buffer, off: number, len: number, out: Buffer, at: number, room: number): number {
    const places = this.#places;
    const shift = this.#shiftFor(off, len);
    const end = off + len;
    const outEnd = at + room;
    let literals = off; // Start of the literals not written yet.
    let i = off;
    let to = at;
    while (i + 2 < end) {
      const word = (buf[i]! << 16) | (buf[i + 1]! << 8) | buf[i + 2]!;
      const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      const candidate = places[slot]! - shift;
      places[slot] = i + shift;
      if (
        candidate < off ||
        i - candidate > DISTANCE_MAX ||
        buf[candidate] !== buf[i] ||
        buf[candidate + 1] !== buf[i + 1] ||
        buf[candidate + 2] !== buf[i + 2]
      ) {
        i++;
        continue;
      }
      to = putLiterals(buf, literals, i, out, to, outEnd);
      if (to < 0 || to + 3 > outEnd) return 0;
      const length = matchLength(buf, candidate, i, Math.min(MATCH_MAX, end - i));
      to = putMatch(out, to, length, i - candidate - 1);
      i += length;
      literals = i;
    }
    to = putLiterals(buf, literals, end, out, to, outEnd);
    return to < 0 ? 0 : to - at;
  }

  /** What to add to an index of this input so that older inputs lie before its start. */
  #shiftFor(off: number, len: number): number {
    if (this.#counted + len > 0x7fffffff) {
      this.#places.fill(-DISTANCE_MAX - 1);
      this.#counted = 0;
    }
    const shift = this.#counted - off;
    this.#counted += len;
    return shift;
  }
}

/** Expands exactly `into.length` bytes; answers false when the stream is not a valid one of that length. */
export function lzfExpand(buf: Buffer, off: number, len: number, into: Buffer): boolean {
  const end = off + len;
  const room = into.length;
  let i = off;
  let to = 0;
  while (i < end) {
    const control = buf[i++]!;
    if (control < LITERALS_MAX) {
      const count = control + 1;
      if (i + count > end || to + count > room) return false;
      // A loop beats copy() for the few bytes that literal runs have.
      for (let k = 0; k < count; k++) into[to++] = buf[i++]!;
      continue;
    }
    let count = control >> 5;
    if (count === 7) {
      if (i >= end) return false;
      count += buf[i++]!;
    }
    count += 2;
    if (i >= end) return false;
    let from = to - ((control & 31) << 8) - buf[i++]! - 1;
    if (from < 0 || to + count > room) return false;
    for (let k = 0; k < count; k++) into[to++] = into[from++]!;
  }
  return to === room;
}

function matchLength(buf: Buffer, candidate: number, at: number, max: number): number {
  let length = 3;
  const byByte = Math.min(max, BYTE_BY_BYTE_MAX);
  while (length < byByte && buf[candidate + length] === buf[at + length]) length++;
  if (length < byByte || length === max || buf.length > REMEMBERED_MAX)
    return moreBytes(buf, candidate, at, length, max);
  const view = VIEW.of(buf);
  while (length + 4 <= max && view.getInt32(candidate + length) === view.getInt32(at + length)) length += 4;
  return moreBytes(buf, candidate, at, length, max);
}

function moreBytes(buf: Buffer, candidate: number, at: number, from: number, max: number): number {
  let length = from;
  while (length < max && buf[candidate + length] === buf[at + length]) length++;
  return length;
}

function putLiterals(buf: Buffer, from: number, until: number, out: Buffer, to: number, outEnd: number): number {
  let at = to;
  for (let i = from; i < until; ) {
    const count = Math.min(LITERALS_MAX, until - i);
    if (at + 1 + count > outEnd) return -1;
    out[at++] = count - 1;
    for (let k = 0; k < count; k++) out[at++] = buf[i++]!;
  }
  return at;
}

function putMatch(out: Buffer, to: number, length: number, offset: number): number {
  let at = to;
  const code = length - 2;
  if (code < 7) {
    out[at++] = (code << 5) | (offset >> 8);
  } else {
    out[at++] = (7 << 5) | (offset >> 8);
    out[at++] = code - 7;
  }
  out[at++] = offset & 0xff;
  return at;
}
