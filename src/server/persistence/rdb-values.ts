/*
 * Values as they stand in files and DUMP payloads, read into entries of the keyspace: packed when they are small, objects
 * when they are big, by the same limits as if commands had built them. Each reader is a generator that yields when bytes
 * are missing and goes on when there are more; so the largest thing that has to arrive in one piece is one string.
 *
 * Foreign bytes are checked here, whole, before anything else sees them: what is in the keyspace is valid.
 */
import * as encoding from '../data/encoding.ts';
import * as intset from '../data/intset.ts';
import { ListObject } from '../data/list-object.ts';
import * as listpack from '../data/listpack.ts';
import type { Entry } from '../keyspace/database.ts';
import { listEntry } from '../keyspace/list-value.ts';
import { SetBuilder } from '../keyspace/set-builder.ts';
import * as format from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import { readZiplist } from './ziplist.ts';

/** What readers work with; one per input, because a reader may stop in the middle of a value. */
export class ValueTools {
  readonly intsetMax: number;
  readonly builder = new SetBuilder();
  readonly entry = new listpack.Entry();

  /** set-max-intset-entries */
  constructor(intsetMax: number) {
    this.intsetMax = intsetMax;
  }
}

type Reader = (input: RdbInput, tools: ValueTools) => Generator<void, Entry | null>;

const READERS: Readonly<Record<number, Reader>> = {
  [format.RDB_STRING]: readString,
  [format.RDB_LIST]: readPlainList,
  [format.RDB_SET]: readPlainSet,
  [format.RDB_LIST_ZIPLIST]: readZiplistList,
  [format.RDB_SET_INTSET]: readIntset,
  [format.RDB_LIST_QUICKLIST]: readQuicklistOfZiplists,
  [format.RDB_LIST_QUICKLIST_2]: readQuicklist,
  [format.RDB_SET_LISTPACK]: readListpackSet,
};

export function canRead(type: number): boolean {
  return Object.hasOwn(READERS, type);
}

/** Answers null for a collection without elements: no such key can exist. The entry has no deadline. */
export function readValue(input: RdbInput, tools: ValueTools, type: number): Generator<void, Entry | null> {
  const reader = READERS[type];
  if (reader === undefined) input.fail(`No reader for values of type ${type}`);
  return reader(input, tools);
}

export function* awaitLength(input: RdbInput): Generator<void, number> {
  while (!input.tryLength()) yield;
  return input.value;
}

/** A copy: it may be kept. */
export function* awaitString(input: RdbInput): Generator<void, Buffer> {
  while (!input.tryString()) yield;
  const { buf, off, len } = input.string;
  return Buffer.from(buf.subarray(off, off + len));
}

export function* awaitBytes(input: RdbInput, bytes: number): Generator<void, void> {
  while (!input.has(bytes)) yield;
}

function* readString(input: RdbInput): Generator<void, Entry> {
  const bytes = yield* awaitString(input);
  // Whether it is `int`, `embstr` or `raw` is found out when asked.
  return { type: encoding.TYPE_STRING, encoding: encoding.ENCODING_INT, deadline_ms: -1, bytes, object: null };
}

function* readPlainList(input: RdbInput): Generator<void, Entry | null> {
  const count = yield* awaitLength(input);
  const list = new ListObject();
  for (let i = 0; i < count; i++) {
    while (!input.tryString()) yield;
    list.pushTail(input.string.buf, input.string.off, input.string.len);
  }
  return asEntry(list);
}

function* readZiplistList(input: RdbInput): Generator<void, Entry | null> {
  const list = new ListObject();
  yield* pushZiplist(input, list);
  return asEntry(list);
}

function* readQuicklistOfZiplists(input: RdbInput): Generator<void, Entry | null> {
  const nodes = yield* awaitLength(input);
  const list = new ListObject();
  for (let i = 0; i < nodes; i++) yield* pushZiplist(input, list);
  return asEntry(list);
}

function* pushZiplist(input: RdbInput, list: ListObject): Generator<void, void> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (!readZiplist(bytes, (buf, off, len) => list.pushTail(buf, off, len))) input.fail('Invalid ziplist', start);
}

function* readQuicklist(input: RdbInput, { entry }: ValueTools): Generator<void, Entry | null> {
  const nodes = yield* awaitLength(input);
  let list: ListObject | null = null;
  for (let i = 0; i < nodes; i++) {
    const start = input.offset;
    const container = yield* awaitLength(input);
    if (container === format.QUICKLIST_PLAIN) {
      while (!input.tryString()) yield;
      // Only long elements have a node of their own.
      if (input.string.len === 0) input.fail('Empty list node', start);
      list ??= new ListObject();
      list.pushTail(input.string.buf, input.string.off, input.string.len);
      continue;
    }
    if (container !== format.QUICKLIST_PACKED) input.fail(`Unknown list node container ${container}`, start);
    const bytes = yield* awaitListpack(input);
    // Most lists have one node: it is the list, and a small one is packed again without a block of its own.
    if (nodes === 1) return asEntry(ListObject.over(bytes, 0, bytes.length));
    list ??= new ListObject();
    list.pushListpack(bytes, 0, bytes.length, entry);
  }
  return list === null ? null : asEntry(list);
}

function* readPlainSet(input: RdbInput, { builder, intsetMax }: ValueTools): Generator<void, Entry | null> {
  const count = yield* awaitLength(input);
  builder.clear(intsetMax);
  for (let i = 0; i < count; i++) {
    while (!input.tryString()) yield;
    addMember(input, builder, input.string.buf, input.string.off, input.string.len);
  }
  return builder.size === 0 ? null : builder.entry(-1);
}

function* readIntset(input: RdbInput, { builder, intsetMax, entry }: ValueTools): Generator<void, Entry | null> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (!intset.validate(bytes, 0, bytes.length)) input.fail('Invalid intset', start);
  const count = intset.count(bytes, 0);
  if (count === 0) return null;
  if (count <= intsetMax) {
    return { type: encoding.TYPE_SET, encoding: encoding.ENCODING_INTSET, deadline_ms: -1, bytes, object: null };
  }
  builder.clear(intsetMax);
  const value = new intset.Integer64();
  for (let i = 0; i < count; i++) {
    intset.read(bytes, 0, i, value);
    builder.add(entry.digits, 0, intset.format(value, entry.digits, 0));
  }
  return builder.entry(-1);
}

function* readListpackSet(input: RdbInput, { builder, intsetMax, entry }: ValueTools): Generator<void, Entry | null> {
  const bytes = yield* awaitListpack(input);
  const end = listpack.end(0, bytes.length);
  builder.clear(intsetMax);
  for (let at = listpack.first(0); at < end; at = listpack.next(bytes, at)) {
    listpack.read(bytes, at, entry);
    addMember(input, builder, entry.buf, entry.off, entry.len);
  }
  return builder.size === 0 ? null : builder.entry(-1);
}

function* awaitListpack(input: RdbInput): Generator<void, Buffer> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (listpack.validate(bytes, 0, bytes.length) < 0) input.fail('Invalid listpack', start);
  return bytes;
}

function addMember(input: RdbInput, builder: SetBuilder, buf: Buffer, off: number, len: number): void {
  if (!builder.add(buf, off, len)) input.fail('A set with the same member twice');
}

function asEntry(list: ListObject): Entry | null {
  return list.length === 0 ? null : listEntry(list, -1);
}
