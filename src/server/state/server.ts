/*
 * The server: one record that owns everything, made by main.ts, handed to whoever needs it. There is no other place
 * where state lives, so many servers can run in one process.
 */

import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import type { Settings } from '../../config/settings.ts';
import type { ClusterBus } from '../bus/bus.ts';
import type { Call } from '../command/call.ts';
import type { Propagation } from '../command/propagation.ts';
import type { Registry } from '../command/registry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Output } from '../net/output.ts';
import type { Peers } from '../net/peers.ts';
import type { CommandStats } from '../observe/command-stats.ts';
import type { Stats } from '../observe/stats.ts';
import type { Persistence } from '../persistence/persistence.ts';
import type { TestSwitches } from '../persistence/test-switches.ts';
import type { CollectingWriter } from '../protocol/resp-writer.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { ReplicationLinks } from '../replication/links.ts';
import type { Replication } from '../replication/replication.ts';
import type { Blocking } from './blocking.ts';
import type { Client } from './client.ts';
import type { Pause, PauseKind, PauseReason } from './pause.ts';

/** How to end, in the terms of SHUTDOWN. */
export interface Shutdown {
  readonly save: 'as-configured' | 'always' | 'never';
  /** End also when what was promised cannot be brought to the disk. */
  readonly force?: boolean;
  /** Without waiting for replicas that lag behind. */
  readonly now?: boolean;
  /** Besides that somebody asked for it. */
  readonly why?: string;
}

/** The server goes on, because somebody said so. */
export class ShutdownAborted extends Error {
  override name = 'ShutdownAborted';
}

/** The server goes on, because data would be lost that no disk has yet. */
export class ShutdownRefused extends Error {
  override name = 'ShutdownRefused';
}

export interface Server {
  /** The values in force; CONFIG SET writes through `settings`. */
  readonly config: Config;
  readonly settings: Settings;
  /** What CONFIG REWRITE rewrites; null when the server was started without a file. */
  readonly configFile: string | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly commands: Registry;
  readonly keyspace: Keyspace;
  readonly clients: Map<number, Client>;
  readonly stats: Stats;
  readonly commandStats: CommandStats;
  readonly output: Output;
  /** Where replies go that nobody reads: CLIENT REPLY OFF, commands of our primary, AOF replay. */
  readonly nowhere: CollectingWriter;
  /** The call of every command that is not nested in another: of a client, of the log, of our primary. */
  readonly call: Call;
  readonly propagation: Propagation;
  readonly pubsub: Hub;
  readonly blocking: Blocking;
  readonly pause: Pause;
  readonly persistence: Persistence;
  readonly replication: Replication;
  readonly links: ReplicationLinks;
  /** Null unless cluster-enabled. */
  readonly cluster: ClusterBus | null;
  /** Servers that MIGRATE talks to. */
  readonly peers: Peers;
  readonly runId: string;
  /** By the monotonic clock. */
  readonly started_ms: number;
  /** Why any client's command has to pass the gates; bits of state/client.ts. Written by `rearm` alone. */
  armed: number;
  loading: boolean;
  /** DEBUG PAUSE-CRON: nothing happens by itself. */
  cronPaused: boolean;
  readonly switches: TestSwitches;
  nextClientId: number;
  /** What the port really is, also when the directive said 0. */
  port: number;
  tlsPort: number;
  /** Asks for the end of the current turn; cheap, and idempotent within a turn. */
  wake(): void;
  /**
   * Derives anew what follows from the state of the server: `armed`, `propagation.active`, `keyspace.passive` (rearm.ts).
   * Whoever changes something that a gate asks for calls it; it costs less than a microsecond.
   */
  rearm(): void;
  /** Begins or prolongs a pause (state/pause.ts), and ends one before its time. */
  beginPause(who: PauseReason, kind: PauseKind, until_ms: number): void;
  endPause(who: PauseReason): void;
  /** Runs a task at an interval, until the server ends. */
  every(interval_ms: number, task: () => void): void;
  startCron(): void;
  /** `hz` was changed. */
  cronChanged(): void;
  /**
   * Ends the server in order; rejects with the reason, and nothing has changed, when it cannot without losing something, or
   * was aborted. While an end is under way it is the one that everybody waits for, however it was asked for.
   */
  shutdown(how: Shutdown): Promise<void>;
  /** False when no shutdown is under way. */
  abortShutdown(): boolean;
  /** How much longer a shutdown waits for replicas; null when none does. */
  shutdownLeft_ms(): number | null;
  /** The server has ended, by its own command: the process, or whoever holds it, may end too. */
  ended(): void;
  /** Makes a client that has still to be told who it is (setAuthenticated). */
  newClient(connection: Client['connection'], transport: Client['transport']): Client;
  /** Ends a client's connection once its replies have left, or at once. */
  closeClient(client: Client, when: 'after-reply' | 'now'): void;
}
