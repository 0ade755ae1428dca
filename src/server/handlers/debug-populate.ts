/* DEBUG POPULATE: many keys at once. Neither the log nor replicas are told of them, and slots do not matter. */

import type { Call } from '../command/call.ts';
import { NOT_POSITIVE } from '../command/errors.ts';
import { NO_DEADLINE } from '../keyspace/database.ts';

export function populate(call: Call): void {
  const { db } = call;
  const count = positive(call, 2);
  const prefix = call.argc > 3 ? cString(call.view(3)).latin1Slice() : 'key';
  const bytes = call.argc > 4 ? positive(call, 4) : 0;
  // Two buffers for all: millions of small ones would leave the heap of the C library in pieces.
  const key = Buffer.alloc(NAME_BYTES_MAX);
  const value = Buffer.alloc(bytes === 0 ? VALUE_BYTES_MAX : bytes);
  for (let i = 0; i < count; i++) {
    const keyBytes = key.latin1Write(`${prefix}:${i}`);
    if (db.findForWrite(key, 0, keyBytes) !== 0) continue;
    // `value:7`, or exactly so many bytes of it with zeros behind.
    const textBytes = value.latin1Write(`value:${i}`);
    db.setString(key, 0, keyBytes, value, 0, bytes === 0 ? textBytes : bytes, NO_DEADLINE);
  }
  call.propagateNothing();
  call.changes = 0;
  call.reply.ok();
}

/** Longer names are cut, as in Redis. */
const NAME_BYTES_MAX = 127;
/** Of the text with the largest number. */
const VALUE_BYTES_MAX = 32;

function positive(call: Call, i: number): number {
  const value = call.integer(i, NOT_POSITIVE);
  if (value < 0) throw NOT_POSITIVE;
  return value;
}

function cString(view: Buffer): Buffer {
  const end = view.indexOf(0);
  return Buffer.from(end === -1 ? view : view.subarray(0, end));
}
