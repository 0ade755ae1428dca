/* Hashes: some of the fields, by and by or at random. */

import type { Call } from '../../command/call.ts';
import { ReplyError, SYNTAX } from '../../command/errors.ts';
import { readOptions } from '../../command/options.ts';
import { READS_ONE_KEY, type Spec } from '../../command/spec.ts';
import type { Ref } from '../../keyspace/database.ts';
import { type FieldVisitor, hashLength, pickDifferentFields, pickFields, walkHash } from '../../types/hash-value.ts';
import { countOf, cursorAt, ELEMENT_OPTIONS, patternAt } from '../scan-arguments.ts';
import { findHash } from './find-hash.ts';

export const specs: readonly Spec[] = [
  {
    name: 'hscan',
    arity: -3,
    flags: ['readonly'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '2.8.0',
    group: 'hash',
    summary: 'Iterates over the fields of a hash and their values.',
    complexity: 'O(1) for every call. O(N) for a complete iteration.',
    run: hscan,
  },
  {
    name: 'hrandfield',
    arity: -2,
    flags: ['readonly'],
    acl: ['hash'],
    keys: READS_ONE_KEY,
    since: '6.2.0',
    group: 'hash',
    summary: 'Returns fields of a hash picked at random.',
    complexity: 'O(N) with N the number of fields returned; of more than a third of all, the number of all fields',
    run: hrandfield,
  },
];

/** A walk's position has 32 bits; of a cursor that nobody was given, what is more is not looked at. */
const CURSOR_BITS = 32;

function hscan(call: Call): void {
  const cursor = Number(BigInt.asUintN(CURSOR_BITS, cursorAt(call, 2)));
  const ref = findHash(call);
  // Options are not looked at where there is nothing to scan.
  if (ref === 0) return replyPage(call, 0, []);
  const options = readOptions(ELEMENT_OPTIONS, call, 3);
  const count = countOf(call, options.COUNT);
  const pattern = patternAt(call, options.MATCH);
  const found: Buffer[] = [];
  let isValue = false;
  let matches = false;
  const next = walkHash(call.db, ref, cursor, count, (buf, off, len) => {
    if (!isValue) matches = pattern === null || pattern.matches(buf, off, len);
    if (matches) found.push(Buffer.from(buf.subarray(off, off + len)));
    isValue = !isValue;
  });
  replyPage(call, next, found);
}

function replyPage({ reply }: Call, cursor: number, found: readonly Buffer[]): void {
  reply.array(2);
  reply.bulkText(`${cursor}`);
  reply.array(found.length);
  for (const text of found) reply.bulkBuffer(text);
}

const INT64_MAX = 2n ** 63n - 1n;
const COUNT_OUT_OF_RANGE = new ReplyError(
  `ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`,
);
const OUT_OF_RANGE = new ReplyError('ERR value is out of range');
/** Of fields picked again and again: Redis answers as many as are asked for, until its memory is full. */
const PICKS_MAX = 2 ** 24;

function hrandfield(call: Call): void {
  if (call.argc === 2) return pickOne(call);
  const count = call.int64(2);
  if (count < -INT64_MAX) throw COUNT_OUT_OF_RANGE;
  if (call.argc > 4 || (call.argc === 4 && !call.is(3, 'WITHVALUES'))) throw SYNTAX;
  const withValues = call.argc === 4;
  if (withValues && (count < -INT64_MAX / 2n || count > INT64_MAX / 2n)) throw OUT_OF_RANGE;
  const ref = findHash(call);
  if (ref === 0 || count === 0n) return call.reply.array(0);
  if (count < -PICKS_MAX) throw OUT_OF_RANGE;
  pickSeveral(call, ref, Number(count), withValues);
}

function pickOne(call: Call): void {
  const { db, reply } = call;
  const ref = findHash(call);
  if (ref === 0) return reply.null();
  pickFields(db, ref, 1, db.keyspace.prng, ({ buf, off, len }) => reply.bulk(buf, off, len));
}

/** A negative count may show a field several times. */
function pickSeveral(call: Call, ref: Ref, count: number, withValues: boolean): void {
  const { db, reply } = call;
  const { prng } = db.keyspace;
  const total = count < 0 ? -count : Math.min(count, hashLength(db, ref));
  const nested = withValues && reply.resp === 3;
  reply.array(withValues && !nested ? total * 2 : total);
  const show: FieldVisitor = (field, value) => {
    if (nested) reply.array(2);
    reply.bulk(field.buf, field.off, field.len);
    if (withValues) reply.bulk(value.buf, value.off, value.len);
  };
  if (count < 0) pickFields(db, ref, total, prng, show);
  else pickDifferentFields(db, ref, total, prng, show);
}
