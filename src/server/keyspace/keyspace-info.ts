/* INFO keyspace: a line for each database that has keys. */

import type { InfoLines } from '../../base/info-lines.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';

/** As many keys are looked at for `avg_ttl`. */
const SAMPLE_KEYS = 100;

export function keyspaceInfo({ databases }: Keyspace): InfoLines {
  return databases
    .filter((db) => db.size > 0)
    .map((db) => [`db${db.index}`, `keys=${db.size},expires=${db.volatileSize},avg_ttl=${averageTtl_ms(db)}`]);
}

/** The time left to keys with a deadline, on average: of all when they are few, of some in a row where chance begins. */
function averageTtl_ms({ store, keyspace, volatileSize }: Database): number {
  const { volatile } = store.keys;
  const from = volatileSize <= SAMPLE_KEYS ? 0 : keyspace.prng.next() >>> 0;
  let sum_ms = 0;
  let seen = 0;
  for (let at = from, rounds = 0; rounds < SAMPLE_KEYS && seen < Math.min(SAMPLE_KEYS, volatileSize); rounds++) {
    at = volatile.collect(at, SAMPLE_KEYS);
    for (let i = 0; i < volatile.batchSize; i++) {
      sum_ms += Math.max(0, store.records.deadlineOf(volatile.batch[i]!) - keyspace.now_ms);
      seen++;
    }
  }
  return seen === 0 ? 0 : Math.floor(sum_ms / seen);
}
