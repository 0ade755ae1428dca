import type { Call } from '../../command/call.ts';
import { WRONG_TYPE } from '../../command/errors.ts';
import { TYPE_HASH } from '../../data/encoding.ts';
import type { Ref } from '../../keyspace/database.ts';

/** The record of the first argument, which is read as a hash; 0 when it is missing. Throws when it holds something else. */
export function findHash(call: Call): Ref {
  const ref = call.db.find(call.buf, call.off(1), call.len(1));
  if (ref !== 0 && call.db.typeOf(ref) !== TYPE_HASH) throw WRONG_TYPE;
  return ref;
}
