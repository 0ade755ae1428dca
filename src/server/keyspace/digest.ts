/*
 * A digest of values that does not depend on how, or in which order, they are kept, byte for byte the one of Redis' DEBUG
 * DIGEST: so two servers can be compared, also ours with a real one. Ordered things are mixed (hash of hash), unordered
 * ones are combined by exclusive or.
 */

import { createHash } from 'node:crypto';
import { TYPE_LIST, TYPE_SET, TYPE_STRING } from '../data/encoding.ts';
import { type Database, NO_DEADLINE, type Ref } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import { forEachElement } from './list-value.ts';
import { forEachMember } from './set-value.ts';

const DIGEST_BYTES = 20;
const EXPIRES = Buffer.from('!!expire!!');

/** Of everything: forty hex digits, all zero for an empty server. */
export function digestOfAll(keyspace: Keyspace): string {
  const final = Buffer.alloc(DIGEST_BYTES);
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    mix(final, bigEndian(db.index));
    db.forEach((kbuf, koff, klen, ref) => {
      const digest = Buffer.alloc(DIGEST_BYTES);
      mix(digest, kbuf.subarray(koff, koff + klen));
      addValue(digest, db, ref);
      combine(final, digest);
    });
  }
  return final.toString('hex');
}

/** Of one value and whether it expires. */
export function digestOfValue(db: Database, ref: Ref): string {
  const digest = Buffer.alloc(DIGEST_BYTES);
  if (ref !== 0) addValue(digest, db, ref);
  return digest.toString('hex');
}

function addValue(digest: Buffer, db: Database, ref: Ref): void {
  const type = db.typeOf(ref);
  mix(digest, bigEndian(type));
  const off = db.valueOff(ref);
  if (type === TYPE_STRING) mix(digest, db.valueBuf(ref).subarray(off, off + db.valueLen(ref)));
  if (type === TYPE_LIST) forEachElement(db, ref, (buf, at, len) => mix(digest, buf.subarray(at, at + len)));
  if (type === TYPE_SET) forEachMember(db, ref, (buf, at, len) => combine(digest, buf.subarray(at, at + len)));
  if (db.deadlineOf(ref) !== NO_DEADLINE) combine(digest, EXPIRES);
}

function combine(digest: Buffer, bytes: Buffer): void {
  const hash = createHash('sha1').update(bytes).digest();
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i] = digest[i]! ^ hash[i]!;
}

function mix(digest: Buffer, bytes: Buffer): void {
  combine(digest, bytes);
  createHash('sha1').update(digest).digest().copy(digest);
}

function bigEndian(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}
