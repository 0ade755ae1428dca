/*
 * A data set that is loaded beside the one that is served: a full copy from a primary. It shares everything with the
 * keyspace but its records, so the whole of it takes the place of the other at once (`Keyspace.adopt`), and is dropped
 * without a trace when it stays incomplete. Meanwhile both need memory.
 */
import { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import type { ValueLimits } from './limits.ts';

export class StagedData {
  readonly databases: readonly Database[];
  /** How many snapshots had begun before: they do not know of these records. */
  readonly snapshotsBefore: number;
  readonly #keyspace: Keyspace;

  constructor(keyspace: Keyspace, snapshotsBefore: number) {
    this.#keyspace = keyspace;
    this.snapshotsBefore = snapshotsBefore;
    this.databases = keyspace.databases.map(({ index }) => new Database(keyspace, index));
  }

  get limits(): ValueLimits {
    return this.#keyspace.limits;
  }

  get useLfu(): boolean {
    return this.#keyspace.useLfu;
  }

  /** Runs a part of the loading: dead keys stay, and nothing counts as a change of the data that is served. */
  load<Result>(part: () => Result): Result {
    const keyspace = this.#keyspace;
    const { version } = keyspace;
    keyspace.applying = true;
    try {
      return part();
    } finally {
      keyspace.applying = false;
      keyspace.version = version;
    }
  }
}
