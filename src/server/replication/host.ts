/* What replication may do to the server, and has to know of it. Given by the composition root (replication-host.ts). */

import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Arrival } from '../persistence/arrival.ts';
import type { SpoolRequest } from '../persistence/persistence-options.ts';
import type { TestSwitches } from '../persistence/test-switches.ts';
import type { Request } from '../protocol/request.ts';
import type { Replication } from './replication.ts';

/** A command of our primary that was not carried out: the two data sets differ from there on. */
export interface Refusal {
  /** Its name, as the primary sent it. */
  readonly command: string;
  readonly error: string;
  /** We do not have such a command: nothing that the primary could send changes that. */
  readonly unknown: boolean;
}

export interface ReplicationHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly replication: Replication;
  readonly switches: TestSwitches;
  /** An open link is a reason for the process to go on. */
  readonly keepsAlive: boolean;
  count(what: 'fullSyncs' | 'partialSyncsOk' | 'partialSyncsRefused'): void;
  /** Data is coming in, and there is not all of it. */
  setLoading(loading: boolean): void;
  /** Our role, the state of the link or who wants the stream has changed: what follows from it is derived anew. */
  rearm(): void;
  /** The database of the last effect that was encoded, -1 when the next one will begin with a SELECT. */
  selectedDb(): number;
  forgetSelected(): void;
  /** Asks for the whole data set as a file, made of the moment at the end of this turn or of a later one. */
  spool(request: SpoolRequest): void;
  /** The database of our primary's last SELECT. */
  primaryDb: number;
  /** Commands of our primary have come; `endApplying` when they are done. */
  beginApplying(): void;
  endApplying(): void;
  /** Carries out a command of our primary, or says why not. `open`: a transaction of its is under way. */
  apply(request: Request): 'done' | 'open' | Refusal;
  /** Its transaction will not be completed. */
  abandonTransaction(): void;
  /** Gets the RDB of a full copy as it comes; null when the log has no use for it. */
  beginArrival(): Arrival | null;
  /** `replace` puts other data in place, and in the same moment the log goes on from what has arrived. */
  replaceData(replace: () => void, arrival: Arrival | null): void;
  /** The link to our primary is a client, with this socket, until it is null again. */
  primaryConnected(socket: Socket | null): void;
  /** Clients that wait for something do not get it from a replica. */
  releaseWaiting(): void;
  /** True while a failover waits for the replicas to catch up: the stream has to stand still. */
  streamHeld(): boolean;
  /** The port under which our primary shows us to clients. */
  announcedPort(): number;
  /** Something is to be written: the turn has to end. */
  wake(): void;
  /** What the configuration file should say about our primary. */
  rememberPrimary(address: Address | null): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The connection of one of our replicas. */
export interface Peer {
  /** The number of its client. */
  readonly id: number;
  readonly ip: string;
  /** Sends at the end of the turn, behind all replies; the bytes must not change any more. */
  send(bytes: Buffer): void;
  /** Sends now, in front of what the turn holds; `taken` is called when the bytes may change, unless the link broke. */
  write(bytes: Buffer, taken: () => void): void;
  close(when: 'after-reply' | 'now'): void;
}
