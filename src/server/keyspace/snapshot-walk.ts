/*
 * A point in time without a fork. The walk goes through the memory of all databases, chunk by chunk, in slices as long
 * as the caller allows, while commands go on changing the keyspace between them.
 *
 * (1) Every record carries the epoch in which it was written, and a walk begins a new epoch: a record of an older one
 *     is exactly a record that was there at the beginning and has not been given to the sink yet.
 * (2) Who changes, moves or removes such a record gives it to the sink first (`preserve`). It is then current, and
 *     so is all that is written from now on.
 * (3) A chunk whose filling began after the walk holds no old records: it is passed over, also where the walk stood.
 * (4) A database that is cleared or swapped meanwhile leaves its records to the walk, which took note of them at the
 *     beginning, and of the index the database had.
 */
import { CHUNK_SHIFT, TYPE_SHIFT, UNITS_MASK } from '../data/arena.ts';
import { TYPE_FREE } from '../data/encoding.ts';
import type { Records } from '../data/record.ts';
import type { Keyspace } from './keyspace.ts';

export interface SnapshotSink {
  /**
   * One key as it was when the snapshot began, in no order. It must be written, or its value be kept as it is, before
   * this returns: afterwards it may change.
   */
  record(records: Records, ref: number, databaseIndex: number): void;
}

interface Part {
  readonly records: Records;
  readonly databaseIndex: number;
  readonly chunks: number;
  /** What is born later is none of our business. */
  readonly lastBirth: number;
}

/** Units between two looks at the clock: 32 KB of records. */
const UNITS_PER_LOOK = 4096;

export class SnapshotWalk {
  readonly #keyspace: Keyspace;
  readonly #sink: SnapshotSink;
  readonly #onEnd: (completed: boolean) => void;
  readonly #parts: readonly Part[];
  #part = 0;
  #chunk = 0;
  #unit = 1;
  #ended = false;

  constructor(keyspace: Keyspace, sink: SnapshotSink, onEnd: (completed: boolean) => void) {
    this.#keyspace = keyspace;
    this.#sink = sink;
    this.#onEnd = onEnd;
    this.#parts = keyspace.databases
      .filter((db) => db.size > 0)
      .map(({ records, index }) => {
        const { chunkCount, lastBirth } = records.arena;
        return { records, databaseIndex: index, chunks: chunkCount, lastBirth };
      });
    for (const { records } of keyspace.databases) records.epoch = keyspace.epoch;
  }

  /** Goes on for about `budget_ms`, or `onlyOne` record; true when all has been given to the sink. */
  step(budget_ms: number, onlyOne = false): boolean {
    const end_ms = this.#keyspace.monotonic_ms() + budget_ms;
    while (!this.#ended) {
      const part = this.#parts[this.#part];
      if (part === undefined) {
        this.#end(true);
        break;
      }
      this.#advance(part, onlyOne ? 1 : UNITS_PER_LOOK);
      if (onlyOne || this.#keyspace.monotonic_ms() >= end_ms) break;
    }
    return this.#ended;
  }

  /** Forgets the rest. */
  abort(): void {
    if (!this.#ended) this.#end(false);
  }

  /** A record of an older epoch is about to change. */
  preserve(records: Records, ref: number): void {
    const part = this.#parts.find((candidate) => candidate.records === records);
    if (part !== undefined) this.#sink.record(records, ref, part.databaseIndex);
  }

  #end(completed: boolean): void {
    this.#ended = true;
    this.#onEnd(completed);
  }

  #advance(part: Part, units: number): void {
    const { records } = part;
    const { arena } = records;
    const isGone = arena.birthOf(this.#chunk) > part.lastBirth;
    const used = isGone ? 0 : arena.usedOf(this.#chunk);
    const pause = Math.min(used, this.#unit + units);
    const words = arena.words[this.#chunk] as Int32Array;
    while (this.#unit < pause) {
      const header = words[this.#unit << 1] as number;
      const ref = (this.#chunk << CHUNK_SHIFT) | this.#unit;
      this.#unit += header & UNITS_MASK;
      if (((header >>> TYPE_SHIFT) & TYPE_FREE) === TYPE_FREE || !records.isOld(ref)) continue;
      this.#sink.record(records, ref, part.databaseIndex);
      records.makeCurrent(ref);
    }
    if (this.#unit >= used) this.#nextChunk(part);
  }

  #nextChunk(part: Part): void {
    this.#unit = 1;
    if (++this.#chunk < part.chunks) return;
    this.#chunk = 0;
    this.#part++;
  }
}
