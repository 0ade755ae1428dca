/*
 * The packed list of servers before 7.0, which only old files and payloads carry: read here, never written.
 *
 *   u32 total bytes · u32 offset of the last entry · u16 count (65535 = walk) · entry … · 0xFF
 *   entry = size of the entry before (1 byte, or 0xFE and u32) · encoding · payload
 */
import { writeInteger } from '../../base/ascii.ts';

const HEADER_BYTES = 10;
const END = 0xff;
const COUNT_UNKNOWN = 0xffff;
const LONG_PREVIOUS = 0xfe;

/** Calls `visit` with the text of every entry. Answers false when the bytes are no valid ziplist, maybe half way through. */
export function readZiplist(list: Buffer, visit: (buf: Buffer, off: number, len: number) => void): boolean {
  if (list.length < HEADER_BYTES + 1 || list.readUInt32LE(0) !== list.length) return false;
  const end = list.length - 1;
  if (list[end] !== END) return false;
  const digits = Buffer.alloc(24);
  let entries = 0;
  let previousSize = 0;
  let last = HEADER_BYTES;
  let at = HEADER_BYTES;
  for (; at < end; entries++) {
    const start = at;
    const prefix = list[at] === LONG_PREVIOUS ? 5 : 1;
    // No entry begins with the end mark, and at least an encoding follows the prefix.
    if (list[at] === END || at + prefix >= end) return false;
    const claimed = prefix === 1 ? list[at]! : list.readUInt32LE(at + 1);
    if (claimed !== previousSize) return false;
    const size = readEntry(list, at + prefix, end, digits, visit);
    if (size === 0) return false;
    at += prefix + size;
    previousSize = at - start;
    last = start;
  }
  const stored = list.readUInt16LE(8);
  if (stored !== COUNT_UNKNOWN && stored !== entries) return false;
  return at === end && list.readUInt32LE(4) === (entries === 0 ? HEADER_BYTES : last);
}

/** Answers the size of encoding and payload, 0 when they do not end before `end`. */
function readEntry(
  list: Buffer,
  at: number,
  end: number,
  digits: Buffer,
  visit: (buf: Buffer, off: number, len: number) => void,
): number {
  const first = list[at]!;
  if (first < 0xc0) return readText(list, at, end, visit);
  const bytes = integerBytes(first);
  if (bytes < 0 || at + 1 + bytes > end) return 0;
  if (bytes === 8) {
    const text = list.readBigInt64LE(at + 1).toString();
    digits.write(text, 'latin1');
    visit(digits, 0, text.length);
    return 9;
  }
  const value = bytes === 0 ? (first & 0x0f) - 1 : list.readIntLE(at + 1, bytes);
  visit(digits, 0, writeInteger(value, digits, 0));
  return 1 + bytes;
}

function readText(
  list: Buffer,
  at: number,
  end: number,
  visit: (buf: Buffer, off: number, len: number) => void,
): number {
  const first = list[at]!;
  const prefix = first < 0x40 ? 1 : first < 0x80 ? 2 : 5;
  if (at + prefix > end || (prefix === 5 && first !== 0x80)) return 0;
  let len = first & 0x3f;
  if (prefix === 2) len = (len << 8) | list[at + 1]!;
  if (prefix === 5) len = list.readUInt32BE(at + 1);
  if (at + prefix + len > end) return 0;
  visit(list, at + prefix, len);
  return prefix + len;
}

/** -1: no such encoding. */
function integerBytes(first: number): number {
  if (first === 0xc0) return 2;
  if (first === 0xd0) return 4;
  if (first === 0xe0) return 8;
  if (first === 0xf0) return 3;
  if (first === 0xfe) return 1;
  return first >= 0xf1 && first <= 0xfd ? 0 : -1;
}
