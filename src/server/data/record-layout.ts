/*
 * The layout of a record in words of 32 bits:
 *
 *   0        units 14 bits | type 3 | encoding 4 | deadline 1 | big 1 | object 1 | epoch 8
 *   1        length of the key 8 bits (255: in word 3) | last access 24
 *   2        length of the value in bytes; with `big` or `object`, the number under which it is kept
 *  (3)       length of a key of more than 254 bytes; one of more than 32 KB is kept as a Buffer, and its bytes are
 *            replaced by a number, too
 *   key      filled up with zeros to a whole word
 *   value    unless `big` or `object`
 *   deadline the last two words of the record, in milliseconds, low word first; only with the flag
 *
 * A key of 16 and a value of 32 bytes take 64.
 */
import { TYPE_SHIFT } from './arena.ts';
import { ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW, TYPE_STRING } from './encoding.ts';
import { SHORT_KEY_MAX } from './key.ts';

export const INLINE_KEY_MAX = 32 * 1024;

export const ENCODING_SHIFT = 17;
export const TYPE_MASK = 7;
export const ENCODING_MASK = 15;
export const DEADLINE_FLAG = 1 << 21;
export const BIG_FLAG = 1 << 22;
export const OBJECT_FLAG = 1 << 23;
export const OUTSIDE_FLAGS = BIG_FLAG | OBJECT_FLAG;
export const EPOCH_SHIFT = 24;

export const HEADER_WORDS = 3;
export const LONG_KEY = 255;
export const DEADLINE_BYTES = 8;

/** The part of a header that says what the value is. */
export function kindOf(type: number, encoding: number): number {
  return (type << TYPE_SHIFT) | (encoding << ENCODING_SHIFT);
}

/** Most strings are stored without a look at their bytes: whether they are `int`, `embstr` or `raw` is found out when asked. */
export const PLAIN_STRING = kindOf(TYPE_STRING, ENCODING_INT);
/** A short string that is `embstr` also where it says an integer. */
export const EMBSTR_STRING = kindOf(TYPE_STRING, ENCODING_EMBSTR);
export const RAW_STRING = kindOf(TYPE_STRING, ENCODING_RAW);
export const KIND_MASK = kindOf(TYPE_MASK, ENCODING_MASK);

/** Units of a record with such a key and so many bytes of value inside. */
export function unitsFor(keyLength: number, valueBytes: number, hasDeadline: boolean): number {
  const bytes = (wordsBeforeValue(keyLength) << 2) + valueBytes + (hasDeadline ? DEADLINE_BYTES : 0);
  return (bytes + 7) >> 3;
}

function wordsBeforeValue(keyLength: number): number {
  if (keyLength <= SHORT_KEY_MAX) return HEADER_WORDS + ((keyLength + 3) >> 2);
  if (keyLength > INLINE_KEY_MAX) return HEADER_WORDS + 2;
  return HEADER_WORDS + 1 + ((keyLength + 3) >> 2);
}

/** The same of an existing record. */
export function headWords(words: Int32Array, base: number): number {
  const length = (words[base + 1] as number) & 255;
  return wordsBeforeValue(length === LONG_KEY ? (words[base + HEADER_WORDS] as number) : length);
}

export function copyWords(source: Buffer, off: number, length: number, words: Int32Array, at: number): void {
  const whole = off + (length & ~3);
  while (off < whole) {
    words[at++] =
      (source[off] as number) |
      ((source[off + 1] as number) << 8) |
      ((source[off + 2] as number) << 16) |
      ((source[off + 3] as number) << 24);
    off += 4;
  }
  const rest = length & 3;
  if (rest === 0) return;
  let word = source[off] as number;
  if (rest > 1) word |= (source[off + 1] as number) << 8;
  if (rest > 2) word |= (source[off + 2] as number) << 16;
  words[at] = word;
}
