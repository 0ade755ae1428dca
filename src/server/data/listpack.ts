/*
 * A listpack is a run of strings and integers packed into bytes, readable in both directions:
 *
 *   u32 total bytes · u16 count (65535 = count by walking) · entry … · 0xFF
 *   entry = encoding byte(s) · payload · length of both, written so that it can be read from its end
 *
 * These are the bytes that RDB files and DUMP payloads carry for small lists, hashes and sorted sets, so a small value
 * is kept in the keyspace, saved and restored as it is. The same entries without the header fill the blocks of a big
 * list (list-object.ts). Text that is a canonical 64-bit integer is stored as one.
 *
 * Everything here works on positions in a Buffer and allocates nothing. A position is always that of an entry's first
 * byte, or of the 0xFF behind the last one. A function that makes a new listpack writes it to `out` from `at` on and
 * answers its length; `out` never overlaps the source and has `lengthBound` bytes of room for what is added.
 */
import { parseInt64, parseInteger, writeInteger } from '../../base/ascii.ts';
import { copyBytes, copyInARow } from '../../base/copy.ts';

const HEADER_BYTES = 6;
export const EMPTY_BYTES = 7;

const END = 0xff;
const COUNT_UNKNOWN = 0xffff;
const INTEGER_TEXT_MAX = 20;

/** What an entry says: always as text (`buf`, `off`, `len`), and as a number when it was stored as one. */
export class Entry {
  buf: Buffer;
  off = 0;
  len = 0;
  /** NaN for text and for integers beyond 2^53. */
  integer = Number.NaN;
  readonly digits: Buffer;

  constructor() {
    this.digits = Buffer.alloc(24);
    this.buf = this.digits;
  }

  /** Lets go of the memory: what is dropped meanwhile shall not stay for having been read. */
  forget(): void {
    this.buf = this.digits;
  }
}

/** The most bytes that `writeEntry` needs for a text of this length. */
export function lengthBound(len: number): number {
  return len + 10;
}

export function first(off: number): number {
  return off + HEADER_BYTES;
}

/** The position behind the last entry. */
export function end(off: number, len: number): number {
  return off + len - 1;
}

export function isEnd(buf: Buffer, at: number): boolean {
  return buf[at] === END;
}

export function next(buf: Buffer, at: number): number {
  const size = bodyBytes(buf, at);
  return at + size + backlenBytes(size);
}

/** The entry that ends where the one at `at` begins. The caller knows that there is one. */
export function previous(buf: Buffer, at: number): number {
  let cursor = at - 1;
  let byte = buf[cursor] as number;
  let size = byte & 0x7f;
  for (let unit = 128; byte >= 0x80; unit *= 128) {
    byte = buf[--cursor] as number;
    size += (byte & 0x7f) * unit;
  }
  return cursor - size;
}

export function count(buf: Buffer, off: number, len: number): number {
  const stored = (buf[off + 4] as number) | ((buf[off + 5] as number) << 8);
  return stored === COUNT_UNKNOWN ? countBetween(buf, first(off), end(off, len)) : stored;
}

export function countBetween(buf: Buffer, from: number, to: number): number {
  let entries = 0;
  for (let at = from; at < to; at = next(buf, at)) entries++;
  return entries;
}

/** The position of the entry with this index, counted from the end when negative; -1 when there is none. */
export function seek(buf: Buffer, off: number, len: number, index: number): number {
  const total = count(buf, off, len);
  const wanted = index < 0 ? total + index : index;
  if (wanted < 0 || wanted >= total) return -1;
  return seekBetween(buf, first(off), end(off, len), total, wanted);
}

/** The same among `total` entries from `from` to `to`, walking from the nearer end; `index` is one of theirs. */
export function seekBetween(buf: Buffer, from: number, to: number, total: number, index: number): number {
  if (index * 2 < total) {
    let at = from;
    for (let i = 0; i < index; i++) at = next(buf, at);
    return at;
  }
  let at = to;
  for (let i = total; i > index; i--) at = previous(buf, at);
  return at;
}

export function read(buf: Buffer, at: number, entry: Entry): void {
  const byte = buf[at] as number;
  if (byte < 0x80) {
    readInteger(byte, entry);
  } else if (byte < 0xc0) {
    readText(buf, at + 1, byte & 0x3f, entry);
  } else if (byte < 0xe0 || (byte > 0xf0 && byte < 0xf4)) {
    readInteger(smallInteger(buf, at), entry);
  } else if (byte < 0xf0) {
    readText(buf, at + 2, ((byte & 0x0f) << 8) | (buf[at + 1] as number), entry);
  } else if (byte === 0xf0) {
    readText(buf, at + 5, buf.readUInt32LE(at + 1), entry);
  } else {
    readWideInteger(buf, at, entry);
  }
}

/** Whether the entry says exactly this text. */
export function equals(buf: Buffer, at: number, vbuf: Buffer, voff: number, vlen: number): boolean {
  return equalsValue(buf, at, vbuf, voff, vlen, integerOf(vbuf, voff, vlen));
}

/**
 * The position of the first entry that says this text, or -1. Looks at every `stride`-th entry from `from` on: 2 finds
 * a field among fields and values.
 */
export function find(
  buf: Buffer,
  from: number,
  to: number,
  stride: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  const integer = integerOf(vbuf, voff, vlen);
  let at = from;
  while (at < to) {
    if (equalsValue(buf, at, vbuf, voff, vlen, integer)) return at;
    for (let i = 0; i < stride && at < to; i++) at = next(buf, at);
  }
  return -1;
}

/** Writes one entry and answers the position behind it. */
export function writeEntry(out: Buffer, at: number, vbuf: Buffer, voff: number, vlen: number): number {
  if (looksLikeInteger(vbuf, voff, vlen)) {
    const integer = parseInteger(vbuf, voff, vlen);
    if (!Number.isNaN(integer)) return writeIntegerEntry(out, at, integer);
    const wide = vlen > 15 ? parseInt64(vbuf, voff, vlen) : null;
    if (wide !== null) {
      out[at] = 0xf4;
      out.writeBigInt64LE(wide, at + 1);
      return writeBacklen(out, at + 9, 9);
    }
  }
  let start = at + 1;
  if (vlen < 64) {
    out[at] = 0x80 | vlen;
  } else if (vlen < 4096) {
    out[at] = 0xe0 | (vlen >> 8);
    out[start++] = vlen & 0xff;
  } else {
    out[at] = 0xf0;
    start = out.writeUInt32LE(vlen, start);
  }
  copyInARow(vbuf, voff, vlen, out, start);
  return writeBacklen(out, start + vlen, start + vlen - at);
}

/** `integer` is within +-2^53. */
function writeIntegerEntry(out: Buffer, at: number, integer: number): number {
  if (integer >= 0 && integer < 128) {
    out[at] = integer;
    return writeBacklen(out, at + 1, 1);
  }
  if (integer >= -4096 && integer < 4096) {
    out[at] = 0xc0 | ((integer >> 8) & 0x1f);
    out[at + 1] = integer & 0xff;
    return writeBacklen(out, at + 2, 2);
  }
  const bytes = integerBytes(integer);
  out[at] = bytes === 8 ? 0xf4 : 0xef + bytes;
  if (bytes === 8) {
    out.writeInt32LE(integer | 0, at + 1);
    out.writeInt32LE(Math.floor(integer / 4294967296), at + 5);
  } else {
    for (let i = 0, rest = integer; i < bytes; i++, rest >>= 8) out[at + 1 + i] = rest & 0xff;
  }
  return writeBacklen(out, at + 1 + bytes, 1 + bytes);
}

/** How many bytes `writeEntry` is going to write. */
export function entryBytes(vbuf: Buffer, voff: number, vlen: number): number {
  let size = vlen < 64 ? 1 + vlen : vlen < 4096 ? 2 + vlen : 5 + vlen;
  if (looksLikeInteger(vbuf, voff, vlen)) {
    const integer = parseInteger(vbuf, voff, vlen);
    if (!Number.isNaN(integer)) size = integerBodyBytes(integer);
    else if (vlen > 15 && parseInt64(vbuf, voff, vlen) !== null) size = 9;
  }
  return size + backlenBytes(size);
}

/** Completes a listpack whose entries were written from `first(at)` to `to`. */
export function finish(out: Buffer, at: number, to: number, entries: number): number {
  const len = to + 1 - at;
  out[to] = END;
  out[at] = len & 0xff;
  out[at + 1] = (len >>> 8) & 0xff;
  out[at + 2] = (len >>> 16) & 0xff;
  out[at + 3] = len >>> 24;
  const stored = entries < COUNT_UNKNOWN ? entries : COUNT_UNKNOWN;
  out[at + 4] = stored & 0xff;
  out[at + 5] = stored >> 8;
  return len;
}

export function append(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  copyBytes(buf, off, len, out, at);
  const to = writeEntry(out, end(at, len), vbuf, voff, vlen);
  return finish(out, at, to, count(buf, off, len) + 1);
}

/** The same for two entries: a field and its value. */
export function appendPair(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  fbuf: Buffer,
  foff: number,
  flen: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  copyBytes(buf, off, len, out, at);
  const to = writeEntry(out, writeEntry(out, end(at, len), fbuf, foff, flen), vbuf, voff, vlen);
  return finish(out, at, to, count(buf, off, len) + 2);
}

export function prepend(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  return insert(out, at, buf, off, len, first(off), vbuf, voff, vlen);
}

/** A copy with one more entry before the position `before`, which may be the end. */
export function insert(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  before: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  copyBytes(buf, off, before - off, out, at);
  const to = writeEntry(out, at + before - off, vbuf, voff, vlen);
  const rest = end(off, len) - before;
  copyBytes(buf, before, rest, out, to);
  return finish(out, at, to + rest, count(buf, off, len) + 1);
}

/** A copy in which the entry at `old` says something else. */
export function replace(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  old: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): number {
  copyBytes(buf, off, old - off, out, at);
  const to = writeEntry(out, at + old - off, vbuf, voff, vlen);
  const after = next(buf, old);
  const rest = end(off, len) - after;
  copyBytes(buf, after, rest, out, to);
  return finish(out, at, to + rest, count(buf, off, len));
}

/** A copy without the `removed` entries between two positions. */
export function remove(
  out: Buffer,
  at: number,
  buf: Buffer,
  off: number,
  len: number,
  from: number,
  to: number,
  removed: number,
): number {
  copyBytes(buf, off, from - off, out, at);
  const rest = end(off, len) - to;
  copyBytes(buf, to, rest, out, at + from - off);
  return finish(out, at, at + from - off + rest, count(buf, off, len) - removed);
}

/**
 * Whether foreign bytes are a listpack that every function here can walk, in both directions, without leaving it.
 * Answers the number of entries, or -1.
 */
export function validate(buf: Buffer, off: number, len: number): number {
  if (len < EMPTY_BYTES || off + len > buf.length || buf.readUInt32LE(off) !== len) return -1;
  const to = end(off, len);
  if (buf[to] !== END) return -1;
  let entries = 0;
  for (let at = first(off); at < to; entries++) {
    const byte = buf[at] as number;
    if (byte > 0xf4) return -1;
    const prefix = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte === 0xf0 ? 5 : 1;
    if (at + prefix > to) return -1;
    const size = bodyBytes(buf, at);
    const after = at + size + backlenBytes(size);
    if (after > to || previousSize(buf, after, at) !== size) return -1;
    at = after;
  }
  const stored = buf.readUInt16LE(off + 4);
  return stored === entries || stored === COUNT_UNKNOWN ? entries : -1;
}

/** Bytes of encoding and payload of the entry at `at`. */
function bodyBytes(buf: Buffer, at: number): number {
  const byte = buf[at] as number;
  if (byte < 0x80) return 1;
  if (byte < 0xc0) return 1 + (byte & 0x3f);
  if (byte < 0xe0) return 2;
  if (byte < 0xf0) return 2 + (((byte & 0x0f) << 8) | (buf[at + 1] as number));
  if (byte === 0xf0) return 5 + buf.readUInt32LE(at + 1);
  return byte === 0xf4 ? 9 : byte - 0xee;
}

/** The limits are one off from what 7 bits a byte could hold, because that is how the format came to be. */
function backlenBytes(size: number): number {
  if (size < 128) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

function writeBacklen(out: Buffer, at: number, size: number): number {
  if (size < 128) {
    out[at] = size;
    return at + 1;
  }
  const bytes = backlenBytes(size);
  let rest = size;
  for (let i = bytes - 1; i > 0; i--) {
    out[at + i] = 0x80 | (rest % 128);
    rest = Math.floor(rest / 128);
  }
  out[at] = rest;
  return at + bytes;
}

/** What the length at the end of an entry says, never looking before `lowest`; -1 when it does not end in time. */
function previousSize(buf: Buffer, at: number, lowest: number): number {
  let size = 0;
  let unit = 1;
  for (let cursor = at - 1; cursor >= lowest && unit <= 128 ** 4; cursor--, unit *= 128) {
    const byte = buf[cursor] as number;
    size += (byte & 0x7f) * unit;
    if (byte < 0x80) return backlenBytes(size) === at - cursor ? size : -1;
  }
  return -1;
}

function smallInteger(buf: Buffer, at: number): number {
  const byte = buf[at] as number;
  if (byte < 0x80) return byte;
  if (byte < 0xe0) return ((((byte & 0x1f) << 8) | (buf[at + 1] as number)) << 19) >> 19;
  if (byte === 0xf1) return (((buf[at + 1] as number) << 16) | ((buf[at + 2] as number) << 24)) >> 16;
  if (byte === 0xf2) {
    return (((buf[at + 1] as number) << 8) | ((buf[at + 2] as number) << 16) | ((buf[at + 3] as number) << 24)) >> 8;
  }
  return buf.readInt32LE(at + 1);
}

/** NaN beyond 2^53, where a double would lie. */
function wideInteger(buf: Buffer, at: number): number {
  const integer = buf.readInt32LE(at + 5) * 4294967296 + buf.readUInt32LE(at + 1);
  return Number.isSafeInteger(integer) ? integer : Number.NaN;
}

function readText(buf: Buffer, off: number, len: number, entry: Entry): void {
  entry.buf = buf;
  entry.off = off;
  entry.len = len;
  entry.integer = Number.NaN;
}

function readInteger(integer: number, entry: Entry): void {
  entry.buf = entry.digits;
  entry.off = 0;
  entry.len = writeInteger(integer, entry.digits, 0);
  entry.integer = integer;
}

function readWideInteger(buf: Buffer, at: number, entry: Entry): void {
  const integer = wideInteger(buf, at);
  if (!Number.isNaN(integer)) {
    readInteger(integer, entry);
    return;
  }
  entry.buf = entry.digits;
  entry.off = 0;
  entry.len = entry.digits.write(buf.readBigInt64LE(at + 1).toString(), 'latin1');
  entry.integer = Number.NaN;
}

function looksLikeInteger(buf: Buffer, off: number, len: number): boolean {
  if (len === 0 || len > INTEGER_TEXT_MAX) return false;
  const byte = buf[off] as number;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d;
}

function integerOf(buf: Buffer, off: number, len: number): number {
  return looksLikeInteger(buf, off, len) ? parseInteger(buf, off, len) : Number.NaN;
}

function equalsValue(buf: Buffer, at: number, vbuf: Buffer, voff: number, vlen: number, integer: number): boolean {
  const byte = buf[at] as number;
  if (byte >= 0x80 && byte < 0xc0) return (byte & 0x3f) === vlen && sameBytes(buf, at + 1, vbuf, voff, vlen);
  if (byte < 0xe0) return smallInteger(buf, at) === integer;
  if (byte < 0xf0) {
    const len = ((byte & 0x0f) << 8) | (buf[at + 1] as number);
    return len === vlen && sameBytes(buf, at + 2, vbuf, voff, vlen);
  }
  if (byte === 0xf0) return buf.readUInt32LE(at + 1) === vlen && sameBytes(buf, at + 5, vbuf, voff, vlen);
  if (byte < 0xf4) return smallInteger(buf, at) === integer;
  const wide = wideInteger(buf, at);
  if (!Number.isNaN(wide) || vlen < 16 || vlen > INTEGER_TEXT_MAX) return wide === integer;
  return parseInt64(vbuf, voff, vlen) === buf.readBigInt64LE(at + 1);
}

function sameBytes(a: Buffer, aoff: number, b: Buffer, boff: number, len: number): boolean {
  if (len > 64) return a.compare(b, boff, boff + len, aoff, aoff + len) === 0;
  for (let i = 0; i < len; i++) if (a[aoff + i] !== b[boff + i]) return false;
  return true;
}

function integerBytes(integer: number): number {
  if (integer >= -32768 && integer <= 32767) return 2;
  if (integer >= -8388608 && integer <= 8388607) return 3;
  return integer === (integer | 0) ? 4 : 8;
}

function integerBodyBytes(integer: number): number {
  if (integer >= 0 && integer < 128) return 1;
  return integer >= -4096 && integer < 4096 ? 2 : 1 + integerBytes(integer);
}
