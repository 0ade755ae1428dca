import { ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from '../data/encoding.ts';
import * as intset from '../data/intset.ts';
import * as listpack from '../data/listpack.ts';
import type { Entry } from '../keyspace/database.ts';
import { PACKED_SETS_FROM_VERSION, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK } from '../rdb/format.ts';
import type { RdbInput } from '../rdb/input.ts';
import { forEachElement, rewriteElements, writeElements } from './elements.ts';
import { awaitLength, awaitListpack, awaitString, type ReaderTools } from './reader-tools.ts';
import { SetBuilder } from './set-builder.ts';
import { scanMembers, setSize } from './set-value.ts';
import type { ValueType } from './value-type.ts';

export const setType: ValueType = {
  id: TYPE_SET,
  name: 'set',
  encoding(records, ref, { since72 }) {
    const encoding = records.encodingOf(ref);
    return encoding === ENCODING_LISTPACK && !since72 ? ENCODING_HASHTABLE : encoding;
  },

  length: setSize,
  walk: scanMembers,

  digest(into, records, ref) {
    forEachElement(setType, records, ref, (buf, off, len) => into.combine(buf, off, len));
  },

  rdbType(records, ref, version) {
    const encoding = records.encodingOf(ref);
    if (encoding === ENCODING_INTSET) return RDB_SET_INTSET;
    return encoding === ENCODING_LISTPACK && version >= PACKED_SETS_FROM_VERSION ? RDB_SET_LISTPACK : RDB_SET;
  },

  write(out, records, ref) {
    if (setType.rdbType(records, ref, out.version) === RDB_SET) return writeElements(setType, out, records, ref);
    out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return null;
  },

  readers: { [RDB_SET]: readPlain, [RDB_SET_INTSET]: readIntset, [RDB_SET_LISTPACK]: readListpack },

  rewrite: (out, records, ref) => rewriteElements(setType, 'SADD', out, records, ref),
};

function* readPlain(input: RdbInput, tools: ReaderTools): Generator<void, Entry | null> {
  const count = yield* awaitLength(input);
  const builder = newBuilder(tools);
  for (let i = 0; i < count; i++) {
    while (!input.tryString()) yield;
    add(input, builder, input.string.buf, input.string.off, input.string.len);
  }
  return finish(builder);
}

function* readIntset(input: RdbInput, tools: ReaderTools): Generator<void, Entry | null> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  if (!intset.validate(bytes, 0, bytes.length)) input.fail('Invalid intset', start);
  const count = intset.count(bytes, 0);
  if (count === 0) return null;
  if (count <= tools.limits['set-max-intset-entries']) {
    return { type: TYPE_SET, encoding: ENCODING_INTSET, deadline_ms: -1, bytes, object: null };
  }
  const builder = newBuilder(tools);
  const { digits } = tools.entry;
  const value = new intset.Integer64();
  for (let i = 0; i < count; i++) {
    intset.read(bytes, 0, i, value);
    builder.add(digits, 0, intset.format(value, digits, 0));
  }
  return finish(builder);
}

function* readListpack(input: RdbInput, tools: ReaderTools): Generator<void, Entry | null> {
  const bytes = yield* awaitListpack(input);
  const { entry } = tools;
  const end = listpack.end(0, bytes.length);
  const builder = newBuilder(tools, ENCODING_LISTPACK);
  for (let at = listpack.first(0); at < end; at = listpack.next(bytes, at)) {
    listpack.read(bytes, at, entry);
    add(input, builder, entry.buf, entry.off, entry.len);
  }
  return finish(builder);
}

function newBuilder(tools: ReaderTools, encoding = ENCODING_INTSET): SetBuilder {
  const builder = tools.the(SetBuilder);
  builder.clear(tools.limits, encoding);
  return builder;
}

function add(input: RdbInput, builder: SetBuilder, buf: Buffer, off: number, len: number): void {
  if (!builder.add(buf, off, len)) input.fail('A set with the same member twice');
}

function finish(builder: SetBuilder): Entry | null {
  return builder.size === 0 ? null : builder.entry(-1);
}
