/*
 * What there is to know about one type of values, in one record. DUMP and RESTORE, RDB files, the rewriting of the log,
 * DEBUG DIGEST, the TYPE of a key and the walks of *SCAN know no type: they ask its record, which they find in table.ts.
 *
 * An element is a list's item, a set's member, a hash's field or value; a string is one element. Records are read through
 * `records`, because what is written may also be a value as it was some time ago.
 */
import type { RecordReader } from '../data/record.ts';
import type { Entry } from '../keyspace/database.ts';
import type { ValueLimits } from '../keyspace/limits.ts';
import type { RdbInput } from '../rdb/input.ts';
import type { RdbOutput } from '../rdb/output.ts';
import type { Digest } from './digest.ts';
import type { ReaderTools } from './reader-tools.ts';

/** The bytes are good during the call only, and the call must not change anything. */
export type ElementVisitor = (buf: Buffer, off: number, len: number) => void;

/**
 * Work that is not finished when its function returns: to be taken to its end in slices of about a millisecond, while the
 * value does not change. Null: nothing is left, as with nearly all values.
 */
export type Rest = Generator<void> | null;

/**
 * Reads a value; yields when bytes are missing. What it answers is valid whatever the bytes were, and has no deadline.
 * Null: a collection without elements, which no key can hold. Throws RdbFailure.
 */
export type ValueReader = (input: RdbInput, tools: ReaderTools) => Generator<void, Entry | null>;

/** Where commands go that build a value: the rewritten log. */
export interface CommandSink {
  /** Begins a command of so many arguments, its name included; they follow. */
  command(argc: number): void;
  argument(buf: Buffer, off: number, len: number): void;
}

/** What the name of a form depends on, besides the value. */
export interface EncodingRules {
  readonly limits: ValueLimits;
  /** Whether packed sets and lists are told of, as since Redis 7.2. */
  readonly since72: boolean;
}

export interface ValueType {
  /** In the header of records (data/encoding.ts). */
  readonly id: number;
  /** The answer of TYPE. */
  readonly name: string;
  /** What OBJECT ENCODING calls the form of a value, where that is more than what its record says. */
  encoding?(records: RecordReader, ref: number, how: EncodingRules): number;
  /** How many elements `walk` shows. */
  length(records: RecordReader, ref: number): number;
  /**
   * Shows elements from a position on, about `count` of them, and answers the position to go on from, or 0 at the end.
   * Elements that stay in the value are shown by a walk from 0 to 0; packed values are shown whole.
   */
  walk(records: RecordReader, ref: number, cursor: number, count: number, visit: ElementVisitor): number;
  /** What DEBUG DIGEST mixes for the value, its type and deadline aside. */
  digest(into: Digest, records: RecordReader, ref: number): void;
  /** The RDB type that `write` writes where the output is of this RDB version. */
  rdbType(records: RecordReader, ref: number, version: number): number;
  /** Writes what follows the key in an RDB, and the type in a DUMP payload. */
  write(out: RdbOutput, records: RecordReader, ref: number): Rest;
  /** By RDB type: whatever a Redis or Valkey has written for such a value. */
  readonly readers: Readonly<Record<number, ValueReader>>;
  /** Writes commands that build the value, where its key does not exist. */
  rewrite(out: CommandSink, records: RecordReader, ref: number): Rest;
}

export function toItsEnd(rest: Rest): void {
  if (rest !== null) while (rest.next().done !== true);
}
