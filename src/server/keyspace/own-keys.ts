/*
 * Keys with a deadline that clients wrote on a replica which lets them. Its primary knows nothing of these and will never
 * delete them, so they are remembered here, and the replica removes them by itself.
 */
import { latin1 } from '../../base/ascii.ts';
import { type Database, NO_DEADLINE } from './database.ts';

/** Some microseconds each; the others have their turn in the next ticks. */
const KEYS_PER_TICK = 500;

export class OwnKeys {
  /** Names of keys by database, those looked at last behind the others. */
  readonly #names = new Map<Database, Set<string>>();

  get size(): number {
    let size = 0;
    for (const names of this.#names.values()) size += names.size;
    return size;
  }

  /** A client wrote this key. */
  note(db: Database, buf: Buffer, off: number, len: number): void {
    const ref = db.peek(buf, off, len);
    if (ref === 0 || db.deadlineOf(ref) === NO_DEADLINE) return;
    const names = this.#names.get(db) ?? new Set();
    this.#names.set(db, names);
    names.add(latin1(buf, off, len));
  }

  removeDead(): void {
    let left = KEYS_PER_TICK;
    for (const [db, names] of this.#names) {
      for (const name of firstOf(names, left)) {
        left--;
        names.delete(name);
        const key = Buffer.from(name, 'latin1');
        const ref = db.store.find(key, 0, key.length);
        if (ref === 0 || db.deadlineOf(ref) === NO_DEADLINE) continue;
        if (db.isDead(ref)) db.expire(ref);
        else names.add(name);
      }
      if (names.size === 0) this.#names.delete(db);
    }
  }

  clear(): void {
    this.#names.clear();
  }
}

function firstOf(names: ReadonlySet<string>, count: number): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (first.length >= count) break;
    first.push(name);
  }
  return first;
}
