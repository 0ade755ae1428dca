/*
 * Keys die in two ways. On access, a dead key is removed before anyone sees it. And because a key that nobody looks at
 * would stay for ever, this cycle goes round the keys that have a deadline: it takes a few, removes the dead, and goes
 * on in the same database while many of them were dead, because then there is more to gain than to lose. It goes round
 * by position, so every key has its turn.
 *
 * How much of the time this may take follows Redis' activeExpireCycle: the effort (`active-expire-effort`, 1 to 10) says
 * up to what share of dead keys a database is left alone, and which share of all time may be spent. Unlike there, the
 * time is spent in slices between turns. A slice takes a millisecond, so that it keeps nobody waiting; after a turn that
 * took much longer, it may take the same share of it, or a busy server could not keep up with what dies.
 *
 * Rounds through the databases begin `hz` times a second. While a server is busy, they also begin every few milliseconds
 * at the end of a turn: a tenth of a second is a long time for keys that live no longer.
 */
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';

const SLICE_MS = 1;
/** Time that was not needed adds up to this, which may then be spent in a row of slices between turns. */
const CREDIT_MAX_MS = 25;
const ROUND_EVERY_MS = 4;
/** Databases that a round comes to; the next round goes on behind them. */
const DATABASES_PER_ROUND = 16;
/** Of a look at some keys in the running average of dead ones, as in Redis. */
const STALE_WEIGHT = 0.05;
export class ExpireCycle {
  readonly #keyspace: Keyspace;
  /** Where each database goes on, as a position in its table of keys with a deadline. */
  readonly #positions: number[];
  #next = 0;
  /** Databases that the round still has to come to. */
  #left = 0;
  /** For INFO: dead keys among those looked at lately, slices that ended for lack of time, and time spent. */
  stalePercent = 0;
  cappedSlices = 0;
  spent_ms = 0;
  /** When the last round began, on the wall clock, which every turn knows. */
  #begun_ms = 0;
  #credit_ms = SLICE_MS;
  #credited_ms = 0;
  /** When more is due, on the monotonic clock; Infinity when there is nothing to do before the next round. */
  nextSlice_ms = Number.POSITIVE_INFINITY;
  #keysPerLook = 0;
  /** So many of the keys looked at may be dead. */
  #acceptableShare = 0;
  #timeShare = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#positions = keyspace.databases.map(() => 0);
    this.setEffort(1);
  }

  /** From 1 to 10, as the directive `active-expire-effort` has it. */
  setEffort(effort: number): void {
    this.#keysPerLook = 20 + (effort - 1) * 5;
    this.#acceptableShare = (11 - effort) / 100;
    this.#timeShare = (25 + (effort - 1) * 2) / 100;
  }

  beginRound(): void {
    this.#left = Math.min(DATABASES_PER_ROUND, this.#keyspace.databases.length);
    this.#begun_ms = this.#keyspace.now_ms;
  }

  /** Whether a round is under way. */
  get isBusy(): boolean {
    return this.#left > 0;
  }

  /** Does what is due after a turn that took so long. */
  slice(turn_ms: number): void {
    const { now_ms, monotonic_ms } = this.#keyspace;
    // Forwards or backwards: the wall clock may have been set.
    if (this.#left === 0 && Math.abs(now_ms - this.#begun_ms) >= ROUND_EVERY_MS) this.beginRound();
    if (this.#left === 0) return;
    const begun_ms = monotonic_ms();
    const earned_ms = (begun_ms - this.#credited_ms) * this.#timeShare;
    this.#credit_ms = Math.min(CREDIT_MAX_MS, this.#credit_ms + earned_ms);
    this.#credited_ms = begun_ms;
    if (this.#credit_ms >= SLICE_MS) {
      if (this.run(Math.min(this.#credit_ms, Math.max(SLICE_MS, turn_ms * this.#timeShare)))) this.cappedSlices++;
      this.spent_ms += monotonic_ms() - begun_ms;
      // No debts: what is beyond the budget was mostly taken by others who run on this processor.
      this.#credit_ms = Math.max(0, this.#credit_ms - (monotonic_ms() - begun_ms));
    }
    const missing_ms = Math.max(0, SLICE_MS - this.#credit_ms);
    this.nextSlice_ms = this.#left === 0 ? Number.POSITIVE_INFINITY : begun_ms + missing_ms / this.#timeShare;
  }

  /** Goes on with the round for so long; true when that was not long enough. */
  run(budget_ms: number): boolean {
    const { databases, monotonic_ms } = this.#keyspace;
    const end_ms = monotonic_ms() + budget_ms;
    while (this.#left > 0) {
      const db = databases[this.#next] as Database;
      while (db.volatileSize > 0 && this.#removeSome(db) > this.#acceptableShare) {
        // Not done with this one: the next slice goes on here.
        if (monotonic_ms() >= end_ms) return true;
      }
      this.#next = (this.#next + 1) % databases.length;
      this.#left--;
    }
    return false;
  }

  /** Removes the dead among the next few keys; answers their share. */
  #removeSome(db: Database): number {
    const { volatile } = db.store.keys;
    this.#positions[db.index] = volatile.collect(this.#positions[db.index] as number, this.#keysPerLook);
    const { batch, batchSize } = volatile;
    let dead = 0;
    for (let i = 0; i < batchSize; i++) if (db.isDead(batch[i] as number)) batch[dead++] = batch[i] as number;
    for (let i = 0; i < dead; i++) db.expire(batch[i] as number);
    if (batchSize === 0) return 0;
    const share = dead / batchSize;
    this.stalePercent += (share * 100 - this.stalePercent) * STALE_WEIGHT;
    return share;
  }
}
