/*
 * What a key holds, and in which form. Both numbers sit in the header of a record (record.ts), so they are part of
 * nothing that leaves the process: files and wires have codes of their own. Encoding names are those that
 * OBJECT ENCODING answers.
 */

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_HASH = 4;
/** In a record's header: nothing lives here any more. No key is ever of this type. */
export const TYPE_FREE = 7;

export const ENCODING_RAW = 0;
export const ENCODING_INT = 1;
export const ENCODING_EMBSTR = 2;
export const ENCODING_LISTPACK = 3;
export const ENCODING_QUICKLIST = 4;
export const ENCODING_INTSET = 5;
export const ENCODING_HASHTABLE = 6;

/** Strings up to this length are `embstr`, longer ones `raw`: a name only, both are stored alike. */
export const EMBSTR_MAX = 44;

/** The answers of OBJECT ENCODING. */
const ENCODING_NAMES = [
  'raw',
  'int',
  'embstr',
  'listpack',
  'quicklist',
  'intset',
  'hashtable',
  'skiplist',
  'stream',
] as const;

export function encodingName(encoding: number): string {
  return ENCODING_NAMES[encoding] as string;
}
