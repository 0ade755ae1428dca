/*
 * The primitives of RDB input, over bytes that arrive in pieces: a file read by and by, or a socket.
 *
 * The window holds what has arrived and is not consumed. A `try…` method either takes a whole item and answers true, or
 * takes nothing, notes in `needed` how many bytes there must be before it is worth asking again, and answers false. So
 * the parser above, a generator, waits with a plain `yield`, no item is looked at more than twice or thrice, and no
 * string costs a call through a generator when its bytes are there already.
 *
 * Strings are handed out as views, `string`, valid until the next `push`.
 */
import { writeInteger } from '../../base/ascii.ts';
import { Crc64 } from '../../base/crc64.ts';
import * as format from './format.ts';
import { RdbFailure } from './format.ts';
import { EXPANSION_MAX, lzfExpand } from './lzf.ts';

export interface View {
  buf: Buffer;
  off: number;
  len: number;
}

const WINDOW_BYTES = 64 * 1024;
/** A promised string makes the window grow at once up to here, and beyond only as its bytes really arrive. */
const GROWN_AT_ONCE_MAX = 16 * 1024 * 1024;

export class RdbInput {
  readonly source: string;
  /** What the last successful tryString took. */
  readonly string: View;
  /** What the last successful tryLength took: exact up to 2^53, the bits beyond are in `lengthHigh` and `lengthLow`. */
  value = 0;
  lengthHigh = 0;
  lengthLow = 0;
  /** How many unconsumed bytes the last failed attempt wants to see. */
  needed = 1;
  readonly #lengthMax: number;
  readonly #digits = Buffer.alloc(16);
  readonly #crc = new Crc64();
  #buf: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #at = 0;
  #end = 0;
  /** Offset of the window's first byte in the source. */
  #base = 0;
  /** Up to here the window's bytes are in the checksum. */
  #summed = 0;

  constructor(source: string, lengthMax = format.STRING_LENGTH_MAX) {
    this.source = source;
    this.#lengthMax = lengthMax;
    this.string = { buf: this.#digits, off: 0, len: 0 };
  }

  /** Offset of the next byte in the source. */
  get offset(): number {
    return this.#base + this.#at;
  }

  get available(): number {
    return this.#end - this.#at;
  }

  push(chunk: Buffer): void {
    this.#makeRoom(chunk.length);
    chunk.copy(this.#buf, this.#end);
    this.#end += chunk.length;
  }

  /** What has arrived and was not consumed, as a copy. */
  rest(): Buffer {
    return Buffer.from(this.#buf.subarray(this.#at, this.#end));
  }

  has(bytes: number): boolean {
    if (this.#end - this.#at >= bytes) return true;
    this.needed = bytes;
    return false;
  }

  /** These take what `has` said is there. */
  u8(): number {
    return this.#buf[this.#at++] as number;
  }

  peek(): number {
    return this.#buf[this.#at] as number;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  i32le(): number {
    this.#at += 4;
    return this.#buf.readInt32LE(this.#at - 4);
  }

  i64le(): number {
    this.#at += 8;
    return this.#buf.readInt32LE(this.#at - 4) * 4294967296 + this.#buf.readUInt32LE(this.#at - 8);
  }

  text(bytes: number): string {
    this.#at += bytes;
    return this.#buf.toString('latin1', this.#at - bytes, this.#at);
  }

  /** Checksum of everything consumed so far. */
  checksum(): Buffer {
    this.#sum();
    return this.#crc.digest();
  }

  tryLength(): boolean {
    const size = this.#lengthAt(this.#at);
    if (size === 0) return false;
    this.#at += size;
    return true;
  }

  tryString(): boolean {
    if (!this.has(1)) return false;
    const first = this.#buf[this.#at] as number;
    if (first >> 6 === format.LENGTH_IS_ENCODING) return this.#tryEncodedString(first & 0x3f);
    const size = this.#lengthAt(this.#at);
    if (size === 0) return false;
    const len = this.#checkedLength(this.value);
    if (!this.has(size + len)) return false;
    this.#setString(this.#buf, this.#at + size, len);
    this.#at += size + len;
    return true;
  }

  fail(problem: string, offset = this.offset): never {
    throw new RdbFailure(this.source, offset, problem);
  }

  #tryEncodedString(kind: number): boolean {
    if (kind === format.STRING_LZF) return this.#tryCompressedString();
    if (kind > format.STRING_LZF) this.fail(`Unknown string encoding ${kind}`);
    const bytes = 1 << kind; // 1, 2 or 4
    if (!this.has(1 + bytes)) return false;
    const len = writeInteger(this.#buf.readIntLE(this.#at + 1, bytes), this.#digits, 0);
    this.#at += 1 + bytes;
    this.#setString(this.#digits, 0, len);
    return true;
  }

  #tryCompressedString(): boolean {
    const first = this.#lengthAt(this.#at + 1);
    if (first === 0) return false;
    const compressed = this.#checkedLength(this.value);
    const second = this.#lengthAt(this.#at + 1 + first);
    if (second === 0) return false;
    const len = this.#checkedLength(this.value);
    if (len > compressed * EXPANSION_MAX) this.fail('Invalid LZF compressed string');
    const head = 1 + first + second;
    if (!this.has(head + compressed)) return false;
    const expanded = Buffer.allocUnsafe(len);
    if (!lzfExpand(this.#buf, this.#at + head, compressed, expanded)) this.fail('Invalid LZF compressed string');
    this.#at += head + compressed;
    this.#setString(expanded, 0, len);
    return true;
  }

  #setString(buf: Buffer, off: number, len: number): void {
    this.string.buf = buf;
    this.string.off = off;
    this.string.len = len;
  }

  /** Reads a length at `at` into `value`; answers how many bytes it takes, 0 when they are not all there. */
  #lengthAt(at: number): number {
    const there = this.#end - at;
    const before = at - this.#at;
    if (there < 1) return this.#short(before + 1);
    const first = this.#buf[at] as number;
    switch (first >> 6) {
      case format.LENGTH_6_BIT:
        this.#setLength(0, first);
        return 1;
      case format.LENGTH_14_BIT:
        if (there < 2) return this.#short(before + 2);
        this.#setLength(0, ((first & 0x3f) << 8) | (this.#buf[at + 1] as number));
        return 2;
      case format.LENGTH_32_OR_64_BIT:
        return this.#wideLengthAt(at, first, there, before);
      default:
        return this.fail('A length is expected here, not an encoded string', this.#base + at);
    }
  }

  #wideLengthAt(at: number, first: number, there: number, before: number): number {
    if (first === format.LENGTH_32_BIT) {
      if (there < 5) return this.#short(before + 5);
      this.#setLength(0, this.#buf.readUInt32BE(at + 1));
      return 5;
    }
    if (first !== format.LENGTH_64_BIT) this.fail(`Unknown length encoding ${first}`, this.#base + at);
    if (there < 9) return this.#short(before + 9);
    this.#setLength(this.#buf.readUInt32BE(at + 1), this.#buf.readUInt32BE(at + 5));
    return 9;
  }

  #setLength(high: number, low: number): void {
    this.lengthHigh = high;
    this.lengthLow = low;
    this.value = high * 4294967296 + low;
  }

  #short(needed: number): 0 {
    this.needed = needed;
    return 0;
  }

  #checkedLength(len: number): number {
    if (len > this.#lengthMax) this.fail(`A string of ${len} bytes is longer than the limit of ${this.#lengthMax}`);
    return len;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#buf.length) return;
    this.#sum();
    const live = this.#end - this.#at;
    const wanted = Math.max(live + bytes, Math.min(this.needed, GROWN_AT_ONCE_MAX));
    // Doubling keeps the copies of a long string's bytes to a constant number each.
    let target = this.#buf;
    if (wanted > target.length) target = Buffer.allocUnsafeSlow(Math.max(wanted + (wanted >> 2), live * 2));
    else if (target.length > WINDOW_BYTES && wanted <= WINDOW_BYTES) target = Buffer.allocUnsafeSlow(WINDOW_BYTES);
    this.#buf.copy(target, 0, this.#at, this.#end);
    this.#buf = target;
    this.#base += this.#at;
    this.#at = 0;
    this.#summed = 0;
    this.#end = live;
  }

  #sum(): void {
    this.#crc.update(this.#buf, this.#summed, this.#at - this.#summed);
    this.#summed = this.#at;
  }
}
