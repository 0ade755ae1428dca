/*
 * Wins back the room of dead records. When less than three quarters of the full chunks are alive, the emptiest chunk
 * is emptied: its live records are copied to the end of the log, and with the last of them the chunk is free. The
 * price of a chunk is what still lives in it, so the emptiest one is the best buy. It may take several runs; between
 * them the chunk may be emptied by others and even be filled anew, which its birth number shows.
 */
import { CHUNK_SHIFT, TYPE_SHIFT, UNIT_MASK, UNITS_MASK } from '../data/arena.ts';
import { TYPE_FREE } from '../data/encoding.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import type { Store } from './store.ts';

/** Below this share of live memory there is work. When nobody waits, more is worth the effort. */
const LIVE_SHARE_BUSY = 0.75;
const LIVE_SHARE_IDLE = 0.85;
/** No chunk fuller than this is worth a move. */
const CHUNK_SHARE_MAX = 0.95;
/** Units between two looks at the clock: 32 KB of records, up to 50 us. */
const UNITS_PER_LOOK = 4096;

export class Cleaner {
  readonly #keyspace: Keyspace;
  /** The chunk being emptied: whose, which, in which filling, and how far. */
  #store: Store | null = null;
  #chunk = 0;
  #birth = 0;
  #unit = 0;
  /** What the keyspace had been through when there was nothing to do. */
  #version = -1;
  #expired = -1;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** At the end of a turn. Nothing can have died where nothing was changed: a turn of reads need not look. */
  runAfterChanges(budget_ms: number): boolean {
    const { version, expired } = this.#keyspace;
    if (this.#store === null && version === this.#version && expired === this.#expired) return false;
    if (this.run(budget_ms, false)) return true;
    this.#version = version;
    this.#expired = expired;
    return false;
  }

  /** True when there is more to do. */
  run(budget_ms: number, idle: boolean): boolean {
    const share = idle ? LIVE_SHARE_IDLE : LIVE_SHARE_BUSY;
    let end_ms = -1;
    for (const db of this.#keyspace.databases) {
      while (this.#isUnderWay(db.store) || db.records.arena.sealedLiveShare() < share) {
        const { monotonic_ms } = this.#keyspace;
        if (end_ms < 0) end_ms = monotonic_ms() + budget_ms;
        else if (monotonic_ms() >= end_ms) return true;
        if (!this.#isUnderWay(db.store) && !this.#choose(db.store)) break;
        this.#advance(db);
      }
    }
    return false;
  }

  #isUnderWay(store: Store): boolean {
    return this.#store === store && store.records.arena.birthOf(this.#chunk) === this.#birth;
  }

  #choose(store: Store): boolean {
    const { arena } = store.records;
    const chunk = arena.emptiestChunk(CHUNK_SHARE_MAX);
    if (chunk < 0) return false;
    this.#store = store;
    this.#chunk = chunk;
    this.#birth = arena.birthOf(chunk);
    this.#unit = 1;
    return true;
  }

  #advance(db: Database): void {
    const { arena } = db.records;
    const words = arena.words[this.#chunk] as Int32Array;
    const used = arena.usedOf(this.#chunk);
    const pause = Math.min(used, this.#unit + UNITS_PER_LOOK);
    while (this.#unit < pause) {
      const header = words[(this.#unit & UNIT_MASK) << 1] as number;
      const ref = (this.#chunk << CHUNK_SHIFT) | this.#unit;
      this.#unit += header & UNITS_MASK;
      if (((header >>> TYPE_SHIFT) & TYPE_FREE) !== TYPE_FREE) db.relocate(ref);
    }
    // At the end nothing lives there any more, and the arena has taken the chunk back.
    if (this.#unit >= used) this.#store = null;
  }
}
