/* A second value like the first: COPY. */
import type { Database, Entry, Ref } from './database.ts';

/** The value of a key with a life of its own, ready for Database.put. Big aggregates share bytes until one changes. */
export function copyOfValue(db: Database, ref: Ref): Entry {
  const isObject = db.isObject(ref);
  return {
    type: db.typeOf(ref),
    encoding: db.encodingOf(ref),
    deadline_ms: db.deadlineOf(ref),
    bytes: isObject ? null : copyOfBytes(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref)),
    object: isObject ? db.objectOf(ref).clone() : null,
  };
}

/** In memory of their own. */
export function copyOfBytes(buf: Buffer, off: number, len: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(len);
  buf.copy(copy, 0, off, off + len);
  return copy;
}
