/* DEBUG DIGEST and DEBUG DIGEST-VALUE. */
import { type Database, NO_DEADLINE, type Ref } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { Digest } from './digest.ts';
import { typeOf } from './table.ts';

const EXPIRES = Buffer.from('!!expire!!');

/** Of everything: all zero for an empty server. */
export function digestOfAll(keyspace: Keyspace): string {
  const final = new Digest();
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    final.mixNumber(db.index);
    db.forEach((kbuf, koff, klen, ref) => {
      const digest = new Digest();
      digest.mix(kbuf, koff, klen);
      addValue(digest, db, ref);
      final.add(digest);
    });
  }
  return final.toString();
}

/** Of one value and whether it expires. */
export function digestOfValue(db: Database, ref: Ref): string {
  const digest = new Digest();
  if (ref !== 0) addValue(digest, db, ref);
  return digest.toString();
}

function addValue(digest: Digest, db: Database, ref: Ref): void {
  const type = typeOf(db, ref);
  digest.mixNumber(type.id);
  type.digest(digest, db, ref);
  if (db.deadlineOf(ref) !== NO_DEADLINE) digest.combine(EXPIRES);
}
