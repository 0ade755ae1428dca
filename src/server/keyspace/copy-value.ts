/* A second value like the first: COPY. */
import { assert } from '../../base/assert.ts';
import type { Aggregate } from '../data/aggregate.ts';
import type { Database, Entry, Ref } from './database.ts';

/** An aggregate that can be doubled in far less than a millisecond, because both share their bytes until one changes. */
export interface Cloneable extends Aggregate {
  clone(): Cloneable;
}

/** The value of a key with a life of its own, ready for Database.put. */
export function copyOfValue(db: Database, ref: Ref): Entry {
  const isObject = db.isObject(ref);
  return {
    type: db.typeOf(ref),
    encoding: db.encodingOf(ref),
    deadline_ms: db.deadlineOf(ref),
    bytes: isObject ? null : copyOfBytes(db.valueBuf(ref), db.valueOff(ref), db.valueLen(ref)),
    object: isObject ? copyOfObject(db.objectOf(ref)) : null,
  };
}

function copyOfBytes(buf: Buffer, off: number, len: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(len);
  buf.copy(copy, 0, off, off + len);
  return copy;
}

function copyOfObject(object: Aggregate): Cloneable {
  assert(isCloneable(object), 'an aggregate cannot be cloned');
  return object.clone();
}

function isCloneable(object: Aggregate): object is Cloneable {
  return 'clone' in object;
}
