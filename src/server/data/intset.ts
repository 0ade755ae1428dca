/*
 * A sorted set of 64-bit integers packed into bytes: u32 width of an element (2, 4 or 8), u32 count, then the elements
 * in ascending order, little endian. The width is what the widest member ever needed. RDB files carry the same bytes.
 *
 * A value travels as two int32 halves in an Integer64, because a double cannot hold all of them and a BigInt costs an
 * allocation. Only text beyond 2^53 passes through BigInt.
 */
import { parseInt64, parseInteger, writeInteger } from '../../base/ascii.ts';

export const HEADER_BYTES = 8;

const TEXT_MAX = 20;

export class Integer64 {
  high = 0;
  low = 0;
}

/** Takes the value of a canonical decimal text; false when it is not one. */
export function parse(buf: Buffer, off: number, len: number, value: Integer64): boolean {
  if (len === 0 || len > TEXT_MAX || (buf[off] as number) > 0x39) return false;
  const integer = parseInteger(buf, off, len);
  if (!Number.isNaN(integer)) {
    value.low = integer | 0;
    value.high = value.low === integer ? value.low >> 31 : Math.floor(integer / 4294967296);
    return true;
  }
  const wide = len > 15 ? parseInt64(buf, off, len) : null;
  if (wide === null) return false;
  value.low = Number(BigInt.asIntN(32, wide));
  value.high = Number(wide >> 32n);
  return true;
}

/** Writes the decimal text of a value, at most 20 bytes, and answers the position behind it. */
export function format(value: Integer64, out: Buffer, at: number): number {
  const integer = value.high * 4294967296 + (value.low >>> 0);
  if (Number.isSafeInteger(integer)) return writeInteger(integer, out, at);
  const wide = (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
  return at + out.write(wide.toString(), at, 'latin1');
}

export function count(buf: Buffer, off: number): number {
  return buf.readUInt32LE(off + 4);
}

export function read(buf: Buffer, off: number, index: number, value: Integer64): void {
  const width = buf[off] as number;
  const at = off + HEADER_BYTES + index * width;
  if (width === 2) value.low = (((buf[at] as number) << 16) | ((buf[at + 1] as number) << 24)) >> 16;
  else value.low = buf.readInt32LE(at);
  value.high = width === 8 ? buf.readInt32LE(at + 4) : value.low >> 31;
}

/** The index of the value, or -1 - the index where it belongs. */
export function find(buf: Buffer, off: number, value: Integer64): number {
  const width = buf[off] as number;
  let from = 0;
  let to = count(buf, off);
  // A value that needs more bytes than the elements have is before or behind all of them.
  if (widthOf(value) > width) return -1 - (value.high < 0 ? 0 : to);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const order = compareAt(buf, off + HEADER_BYTES + middle * width, width, value);
    if (order === 0) return middle;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return -1 - from;
}

/** The bytes that the set takes with one more value. */
export function bytesWith(buf: Buffer, off: number, value: Integer64): number {
  return HEADER_BYTES + (count(buf, off) + 1) * Math.max(buf[off] as number, widthOf(value));
}

export function writeEmpty(out: Buffer, at: number): number {
  return writeHeader(out, at, 2, 0);
}

/**
 * Writes a copy with one more value to `out`, which has room for `bytesWith`, and answers its length. `index` is where
 * `find` said that the value belongs.
 */
export function insert(out: Buffer, at: number, buf: Buffer, off: number, index: number, value: Integer64): number {
  const total = count(buf, off);
  const old = buf[off] as number;
  const width = Math.max(old, widthOf(value));
  const from = off + HEADER_BYTES;
  const to = writeHeader(out, at, width, total + 1);
  if (width === old) {
    buf.copy(out, to, from, from + index * width);
    buf.copy(out, to + (index + 1) * width, from + index * width, from + total * width);
  } else {
    const element = new Integer64();
    for (let i = 0; i < total; i++) {
      read(buf, off, i, element);
      writeAt(out, to + (i < index ? i : i + 1) * width, width, element);
    }
  }
  writeAt(out, to + index * width, width, value);
  return HEADER_BYTES + (total + 1) * width;
}

/** Writes a copy without one element to `out` and answers its length. The width stays. */
export function remove(out: Buffer, at: number, buf: Buffer, off: number, index: number): number {
  const total = count(buf, off);
  const width = buf[off] as number;
  const from = off + HEADER_BYTES;
  const to = writeHeader(out, at, width, total - 1);
  buf.copy(out, to, from, from + index * width);
  buf.copy(out, to + index * width, from + (index + 1) * width, from + total * width);
  return HEADER_BYTES + (total - 1) * width;
}

/** Whether foreign bytes are a set: known width, exact length, strictly ascending. */
export function validate(buf: Buffer, off: number, len: number): boolean {
  if (len < HEADER_BYTES || off + len > buf.length) return false;
  const width = buf.readUInt32LE(off);
  if (width !== 2 && width !== 4 && width !== 8) return false;
  const total = count(buf, off);
  if (len !== HEADER_BYTES + total * width) return false;
  const element = new Integer64();
  for (let i = 1; i < total; i++) {
    read(buf, off, i - 1, element);
    if (compareAt(buf, off + HEADER_BYTES + i * width, width, element) <= 0) return false;
  }
  return true;
}

function widthOf(value: Integer64): number {
  if (value.high !== value.low >> 31) return 8;
  return value.low >= -32768 && value.low <= 32767 ? 2 : 4;
}

/** Below, at or above zero as the element is less than, equal to or greater than the value. */
function compareAt(buf: Buffer, at: number, width: number, value: Integer64): number {
  if (width === 2) {
    const element = (((buf[at] as number) << 16) | ((buf[at + 1] as number) << 24)) >> 16;
    return element - value.low;
  }
  if (width === 8) {
    const high = buf.readInt32LE(at + 4);
    if (high !== value.high) return high < value.high ? -1 : 1;
    return buf.readUInt32LE(at) - (value.low >>> 0);
  }
  const element = buf.readInt32LE(at);
  return element < value.low ? -1 : element > value.low ? 1 : 0;
}

function writeHeader(out: Buffer, at: number, width: number, total: number): number {
  out.writeUInt32LE(width, at);
  return out.writeUInt32LE(total, at + 4);
}

function writeAt(out: Buffer, at: number, width: number, value: Integer64): void {
  if (width === 2) {
    out[at] = value.low & 0xff;
    out[at + 1] = (value.low >> 8) & 0xff;
    return;
  }
  out.writeInt32LE(value.low, at);
  if (width === 8) out.writeInt32LE(value.high, at + 4);
}
