import { ENCODING_LISTPACK, TYPE_HASH } from '../data/encoding.ts';
import * as listpack from '../data/listpack.ts';
import type { Entry } from '../keyspace/database.ts';
import { RDB_HASH, RDB_HASH_LISTPACK, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP } from '../rdb/format.ts';
import type { RdbInput } from '../rdb/input.ts';
import { readZiplist } from '../rdb/ziplist.ts';
import { readZipmap } from '../rdb/zipmap.ts';
import { Digest } from './digest.ts';
import { forEachElement, rewriteElements, writeElements } from './elements.ts';
import { HashBuilder } from './hash-builder.ts';
import { hashLength, walkHash } from './hash-value.ts';
import { awaitLength, awaitListpack, awaitString, type ReaderTools } from './reader-tools.ts';
import type { ElementVisitor, ValueType } from './value-type.ts';

/** A field and its value. */
const STRIDE = 2;

export const hashType: ValueType = {
  id: TYPE_HASH,
  name: 'hash',
  length: (records, ref) => hashLength(records, ref) * STRIDE,
  walk: walkHash,

  digest(into, records, ref) {
    let pair = new Digest();
    let isValue = false;
    forEachElement(hashType, records, ref, (buf, off, len) => {
      pair.mix(buf, off, len);
      if (isValue) {
        into.add(pair);
        pair = new Digest();
      }
      isValue = !isValue;
    });
  },

  rdbType: (records, ref) => (records.isObject(ref) ? RDB_HASH : RDB_HASH_LISTPACK),

  write(out, records, ref) {
    if (records.isObject(ref)) return writeElements(hashType, out, records, ref, STRIDE);
    out.string(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref));
    return null;
  },

  readers: {
    [RDB_HASH]: readPlain,
    [RDB_HASH_ZIPMAP]: (input, tools) => readOldForm(input, tools, 'zipmap', readZipmap),
    [RDB_HASH_ZIPLIST]: (input, tools) => readOldForm(input, tools, 'ziplist', readZiplist),
    [RDB_HASH_LISTPACK]: readListpack,
  },

  rewrite: (out, records, ref) => rewriteElements(hashType, 'HSET', out, records, ref, STRIDE),
};

function* readPlain(input: RdbInput, tools: ReaderTools): Generator<void, Entry | null> {
  const count = yield* awaitLength(input);
  const builder = newBuilder(tools);
  for (let i = 0; i < count; i++) {
    while (!input.tryString()) yield;
    // Where the next string is read, this one is gone.
    const { buf, off, len } = input.string;
    const field = Buffer.from(buf.subarray(off, off + len));
    while (!input.tryString()) yield;
    add(input, builder, field, 0, field.length, input.string.buf, input.string.off, input.string.len);
  }
  return finish(builder);
}

type FormReader = (bytes: Buffer, visit: ElementVisitor) => boolean;

function* readOldForm(
  input: RdbInput,
  tools: ReaderTools,
  name: string,
  read: FormReader,
): Generator<void, Entry | null> {
  const start = input.offset;
  const bytes = yield* awaitString(input);
  const builder = newBuilder(tools);
  const field = tools.entry;
  let isValue = false;
  const isValid = read(bytes, (buf, off, len) => {
    if (isValue) add(input, builder, field.buf, field.off, field.len, buf, off, len);
    else keep(field, buf, off, len, bytes);
    isValue = !isValue;
  });
  if (!isValid || isValue) input.fail(`Invalid ${name} of a hash`, start);
  return finish(builder);
}

/** Notes where a field lies until its value is there; digits, which are written over then, as a copy. */
function keep(field: listpack.Entry, buf: Buffer, off: number, len: number, bytes: Buffer): void {
  field.buf = buf === bytes ? buf : Buffer.from(buf.subarray(off, off + len));
  field.off = buf === bytes ? off : 0;
  field.len = len;
}

function* readListpack(input: RdbInput, tools: ReaderTools): Generator<void, Entry | null> {
  const start = input.offset;
  const bytes = yield* awaitListpack(input);
  const elements = listpack.count(bytes, 0, bytes.length);
  if (elements % STRIDE !== 0) input.fail('A field of a hash without a value', start);
  if (elements === 0) return null;
  const { entry } = tools;
  const end = listpack.end(0, bytes.length);
  const fields = new Set<string>();
  for (let at = listpack.first(0); at < end; at = listpack.next(bytes, listpack.next(bytes, at))) {
    listpack.read(bytes, at, entry);
    fields.add(entry.buf.latin1Slice(entry.off, entry.off + entry.len));
  }
  if (fields.size * STRIDE !== elements) input.fail(SAME_FIELD_TWICE, start);
  if (fields.size <= tools.limits['hash-max-listpack-entries']) {
    return { type: TYPE_HASH, encoding: ENCODING_LISTPACK, deadline_ms: -1, bytes, object: null };
  }
  const builder = newBuilder(tools);
  builder.startWith(bytes, 0, bytes.length, tools.limits);
  builder.leavePacked();
  return finish(builder);
}

const SAME_FIELD_TWICE = 'A hash with the same field twice';

function newBuilder(tools: ReaderTools): HashBuilder {
  const builder = tools.the(HashBuilder);
  builder.clear(tools.limits);
  return builder;
}

function add(
  input: RdbInput,
  builder: HashBuilder,
  fbuf: Buffer,
  foff: number,
  flen: number,
  vbuf: Buffer,
  voff: number,
  vlen: number,
): void {
  if (!builder.set(fbuf, foff, flen, vbuf, voff, vlen)) input.fail(SAME_FIELD_TWICE);
}

function finish(builder: HashBuilder): Entry | null {
  return builder.size === 0 ? null : builder.entry(-1);
}
