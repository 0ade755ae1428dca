/* DEBUG POPULATE: many keys at once. Neither the log nor replicas are told of them, and slots do not matter. */

import type { Call } from '../command/call.ts';
import { NOT_POSITIVE } from '../command/errors.ts';
import { NO_DEADLINE } from '../keyspace/database.ts';

export function populate(call: Call): void {
  const { db } = call;
  const count = positive(call, 2);
  const prefix = call.argc > 3 ? cString(call.view(3)) : Buffer.from('key');
  const bytes = call.argc > 4 ? positive(call, 4) : 0;
  for (let i = 0; i < count; i++) {
    const key = Buffer.concat([prefix, Buffer.from(`:${i}`)]).subarray(0, NAME_BYTES_MAX);
    if (db.findForWrite(key, 0, key.length) !== 0) continue;
    const value = valueAt(i, bytes);
    db.setString(key, 0, key.length, value, 0, value.length, NO_DEADLINE);
  }
  call.propagateNothing();
  call.changes = 0;
  call.reply.ok();
}

/** Longer names are cut, as in Redis. */
const NAME_BYTES_MAX = 127;

function positive(call: Call, i: number): number {
  const value = call.integer(i, NOT_POSITIVE);
  if (value < 0) throw NOT_POSITIVE;
  return value;
}

function cString(view: Buffer): Buffer {
  const end = view.indexOf(0);
  return Buffer.from(end === -1 ? view : view.subarray(0, end));
}

/** `value:7`, or exactly so many bytes of it with zeros behind. */
function valueAt(i: number, bytes: number): Buffer {
  const text = Buffer.from(`value:${i}`);
  if (bytes === 0) return text;
  const value = Buffer.alloc(bytes);
  text.copy(value);
  return value;
}
