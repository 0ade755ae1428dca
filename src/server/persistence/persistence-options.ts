/* What persistence has to know of the server, and what is asked of it. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Claims } from './claims.ts';
import type { LoadOptions } from './loader.ts';
import type { SpooledRdb } from './rdb-file.ts';
import type { ReplicationPoint } from './rdb-writer.ts';
import type { TestSwitches } from './test-switches.ts';

export interface PersistenceOptions {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly log: Logger;
  readonly claims: Claims;
  readonly switches: TestSwitches;
  readonly usedBytes: () => number;
  /** Where the stream stands; null when a restart could not continue it anyway. */
  readonly replication: () => ReplicationPoint | null;
  readonly functions: () => readonly Buffer[];
  /** A new log file begins: its first effect needs a SELECT before it. */
  readonly forgetSelected: () => void;
  /** Ends the server: what appendfsync always promises cannot be kept. */
  readonly fatal: (reason: string) => never;
  /** The answer of `active` or of `whyNotDurable` may be another one from now on. */
  readonly statusChanged: () => void;
}

/** Why no write may be accepted. `reason` is in the words of strerror(3). */
export type Undurable = { readonly file: 'rdb' } | { readonly file: 'aof'; readonly reason: string };

export type StartOptions = Pick<LoadOptions, 'isReplica' | 'run' | 'loadFunction'>;

/** Gets the RDB, made at the moment in which `begun` was called; or null when it could not be made. */
export interface SpoolRequest {
  readonly begun: () => void;
  readonly done: (rdb: SpooledRdb | null) => void;
}

/** What BGSAVE and BGREWRITEAOF answer: a status, or an error behind its "ERR ". */
export type Answer = { readonly reply: string } | { readonly refusal: string };
