/*
 * Keys die in two ways. On access, a dead key is removed before anyone sees it. And because a key that nobody looks at
 * would stay for ever, this cycle goes round the keys that have a deadline: it takes a few, removes the dead, and goes
 * on in the same database while more than a quarter were dead, because then there is more to gain than to lose. It
 * goes round by position, so every key has its turn, and stops at its time budget in any case.
 */
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';

const SAMPLE_KEYS = 20;
const DEAD_SHARE_MANY = 0.25;

export class ExpireCycle {
  readonly #keyspace: Keyspace;
  /** Where each database goes on, as a position in its table of keys with a deadline. */
  readonly #positions: number[];
  #next = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#positions = keyspace.databases.map(() => 0);
  }

  /** True when it ran out of time. */
  run(budget_ms: number): boolean {
    const { databases, monotonic_ms } = this.#keyspace;
    const end_ms = monotonic_ms() + budget_ms;
    for (let turn = 0; turn < databases.length; turn++) {
      const db = databases[this.#next] as Database;
      while (db.volatileSize > 0 && this.#removeSome(db) > DEAD_SHARE_MANY) {
        // Not done with this one: the next run goes on here.
        if (monotonic_ms() >= end_ms) return true;
      }
      this.#next = (this.#next + 1) % databases.length;
    }
    return false;
  }

  /** Removes the dead among the next few keys; answers their share. */
  #removeSome(db: Database): number {
    const { volatile } = db.store.keys;
    this.#positions[db.index] = volatile.collect(this.#positions[db.index] as number, SAMPLE_KEYS);
    const { batch, batchSize } = volatile;
    let dead = 0;
    for (let i = 0; i < batchSize; i++) {
      const ref = batch[i] as number;
      if (!db.isDead(ref)) continue;
      db.expire(ref);
      dead++;
    }
    return batchSize === 0 ? 0 : dead / batchSize;
  }
}
