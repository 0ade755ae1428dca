/*
 * The numbers of the RDB format: what the writer and the reader must agree on, and nothing else.
 *
 *   "REDIS" version(4 digits) | "VALKEY" version(3 digits)  { opcode | [expiry] [idle|frequency] type key value }*  EOF  crc64
 */

/** What Redis 7.2 and Valkey 8 write, and the newest that they read. Redis 7.0 writes and reads 10. */
export const RDB_VERSION = 11;
/** The newest version of Redis that is read, of 7.4 and 8.0. */
const REDIS_VERSION_MAX = 12;
/** Valkey counts on from here since 9.0. */
const VALKEY_VERSION = 80;

/** Whether a file or a payload of this version is read. */
export function isReadableVersion(version: number): boolean {
  return (version >= 1 && version <= REDIS_VERSION_MAX) || version === VALKEY_VERSION;
}

/** The version in the first bytes of a file; 0 when they do not tell one. */
export function versionIn(magic: string): number {
  const found = /^(?:REDIS(\d{4})|VALKEY(\d{3}))$/.exec(magic);
  return Number(found?.[1] ?? found?.[2] ?? 0);
}

export const MAGIC_LENGTH = 9;
export const CHECKSUM_LENGTH = 8;
/** Older files end at the EOF opcode. */
export const VERSION_WITH_CHECKSUM = 5;
/** Before that a packed set of strings is written member by member. */
export const PACKED_SETS_FROM_VERSION = 11;

export const OP_SLOT_INFO = 244;
export const OP_FUNCTION2 = 245;
export const OP_FUNCTION_PRE_GA = 246;
export const OP_MODULE_AUX = 247;
export const OP_IDLE = 248;
export const OP_FREQ = 249;
export const OP_AUX = 250;
export const OP_RESIZEDB = 251;
export const OP_EXPIRETIME_MS = 252;
export const OP_EXPIRETIME = 253;
export const OP_SELECTDB = 254;
export const OP_EOF = 255;

export const RDB_STRING = 0;
export const RDB_LIST = 1;
export const RDB_SET = 2;
export const RDB_HASH = 4;
export const RDB_HASH_ZIPMAP = 9;
export const RDB_LIST_ZIPLIST = 10;
export const RDB_SET_INTSET = 11;
export const RDB_HASH_ZIPLIST = 13;
export const RDB_LIST_QUICKLIST = 14;
export const RDB_HASH_LISTPACK = 16;
export const RDB_LIST_QUICKLIST_2 = 18;
export const RDB_SET_LISTPACK = 20;

export const QUICKLIST_PLAIN = 1;
export const QUICKLIST_PACKED = 2;

/** Two top bits of a length; the rest of the byte belongs to the number. */
export const LENGTH_6_BIT = 0;
export const LENGTH_14_BIT = 1;
export const LENGTH_32_OR_64_BIT = 2;
export const LENGTH_IS_ENCODING = 3;
export const LENGTH_32_BIT = 0x80;
export const LENGTH_64_BIT = 0x81;

/** Kinds of specially encoded strings: the low six bits after LENGTH_IS_ENCODING. */
export const STRING_INT8 = 0;
export const STRING_INT16 = 1;
export const STRING_INT32 = 2;
export const STRING_LZF = 3;

/** Shorter strings are not worth an attempt. */
export const COMPRESSION_LENGTH_MIN = 20;
/** Compression has to save at least this much, for its two lengths take room as well. */
export const COMPRESSION_SAVING_MIN = 4;

/** A string of more than this does not come from a server with the default proto-max-bulk-len, but from a bit flip. */
export const STRING_LENGTH_MAX = 512 * 1024 * 1024;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'string',
  1: 'list',
  2: 'set',
  3: 'sorted set (text scores)',
  4: 'hash',
  5: 'sorted set',
  6: 'module value of a release candidate',
  7: 'module value',
  9: 'hash (zipmap)',
  10: 'list (ziplist)',
  11: 'set (intset)',
  12: 'sorted set (ziplist)',
  13: 'hash (ziplist)',
  14: 'list (quicklist of ziplists)',
  15: 'stream',
  16: 'hash (listpack)',
  17: 'sorted set (listpack)',
  18: 'list (quicklist)',
  19: 'stream (7.0)',
  20: 'set (listpack)',
  21: 'stream (7.2)',
  22: 'hash with field expiry of a release candidate',
  23: 'hash with field expiry (listpack) of a release candidate',
  24: 'hash with field expiry',
  25: 'hash with field expiry (listpack)',
};

/** Null: no Redis or Valkey ever wrote such a type, so the file is damaged. */
export function typeName(type: number): string | null {
  return TYPE_NAMES[type] ?? null;
}

/** A file or stream that is not a whole and valid RDB. `offset` counts from its first byte. */
export class RdbFailure extends Error {
  readonly source: string;
  readonly offset: number;
  readonly problem: string;

  constructor(source: string, offset: number, problem: string) {
    super(`Internal error in RDB reading offset ${offset} of ${source}: ${problem}`);
    this.name = 'RdbFailure';
    this.source = source;
    this.offset = offset;
    this.problem = problem;
  }
}
