/*
 * One client, as the commands see it. The connection underneath is replaceable: a real socket, none (an in-process
 * caller), or the link to our primary, whose commands are applied without being asked back.
 */

import type { CommandQueue } from '../command/command-queue.ts';
import type { Command } from '../command/registry.ts';
import type { Database } from '../keyspace/database.ts';
import type { Watcher } from '../keyspace/listeners.ts';
import type { Connection } from '../net/connection.ts';
import type { Transport } from '../net/listener.ts';
import type { Request } from '../protocol/request.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Subscriber } from '../pubsub/hub.ts';

/** A reason why commands of this client, or of all, have to be looked at twice (command/gates.ts). Bits of `armed`. */
export const ARMED_AUTH = 1;
export const ARMED_MULTI = 2;
export const ARMED_REPLY = 4;
export const ARMED_CLUSTER = 8;
export const ARMED_LOADING = 16;
export const ARMED_REPLICA = 32;
export const ARMED_STALE = 64;
export const ARMED_PAUSED = 128;
export const ARMED_DISK = 256;
export const ARMED_FEW_REPLICAS = 512;
export const ARMED_COPYING = 1024;
/** No gate: what the command reads does not count as used. */
export const ARMED_NO_TOUCH = 2048;
export const ARMED_SUBSCRIBED = 4096;

export interface Transaction {
  queue: CommandQueue;
  /** A command was refused while queueing: EXEC must abort. */
  broken: boolean;
}

/** The socket of a client whose commands do not come by a connection of ours. */
export interface Link {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  destroy(): void;
}

/** A client that waits for something: it is not served until it is released (state/blocking.ts). */
export interface Blocked {
  /** What CLIENT LIST and logs say it waits for. */
  why: 'wait' | 'paused' | 'migrate' | 'sleep' | 'shutdown' | 'config';
  /** Monotonic milliseconds; Infinity waits for ever. */
  readonly deadline_ms: number;
  /** The deadline has passed: has to release the client. */
  expire(): void;
  /** Where the answer goes: to the client, or nowhere after CLIENT REPLY OFF. */
  readonly reply: RespWriter;
  /** What a pause holds back. */
  readonly request?: Request;
}

export class Client {
  readonly id: number;
  readonly connection: Connection<Client> | null;
  /** How it reached us: 'inside' is the program we run in, 'none' our own log or our primary. */
  readonly transport: Transport | 'inside' | 'none';
  /** Of our primary, while it is connected. */
  link: Link | null = null;
  /** Where replies of this client go while it is being served. */
  readonly writer: RespWriter;
  db: Database;
  resp: 2 | 3 = 2;
  /** Derived by `rearmClient`: bits of the gates that this client itself has closed. */
  armed = 0;
  /** Granted by setAuthenticated, never assumed. */
  authenticated = false;
  user = 'default';
  name = '';
  libName = '';
  libVersion = '';
  /** These by the monotonic clock. */
  created_ms: number;
  lastInteraction_ms: number;
  lastCommand: Command | null = null;
  transaction: Transaction | null = null;
  readonly watcher: Watcher = { dirty: false };
  watching: { db: Database; key: Buffer }[] = [];
  /** Null while it is subscribed to nothing (command/subscriptions.ts). */
  subscriber: Subscriber | null = null;
  blocked: Blocked | null = null;
  /** CLIENT REPLY: 'skip' silences the next command, which runs as 'skipping'. */
  replyMode: 'on' | 'off' | 'skip' | 'skipping' = 'on';
  asking = false;
  readonly = false;
  noEvict = false;
  /** What it reads does not count as used. */
  noTouch = false;
  /** The kind of link this is: 'replica' sends us REPLCONF ACK, 'primary' feeds us. */
  kind: 'normal' | 'replica' | 'primary' = 'normal';
  /** The replication offset after this client's last write: what WAIT waits for. */
  writeOffset = 0;
  /** When the soft limit of its output buffer was first exceeded; 0 when it is not. */
  softLimitSince_ms = 0;

  constructor(options: {
    id: number;
    connection: Connection<Client> | null;
    transport: Client['transport'];
    writer: RespWriter;
    db: Database;
    now_ms: number;
  }) {
    this.id = options.id;
    this.connection = options.connection;
    this.transport = options.transport;
    rearmClient(this);
    this.writer = options.writer;
    this.db = options.db;
    this.created_ms = options.now_ms;
    this.lastInteraction_ms = options.now_ms;
  }

  /** The address of ours that this client came by; '' when it came by none. */
  get reachedAt(): string {
    return this.connection?.localAddress.replace(/^::ffff:/, '') ?? '';
  }

  get tls(): boolean {
    return this.transport === 'tls';
  }
}

export function setAuthenticated(client: Client, authenticated: boolean): void {
  client.authenticated = authenticated;
  if (client.connection !== null) client.connection.parser.authenticated = authenticated;
  rearmClient(client);
}

/** After a change of what the client's own gates ask for: authentication, transaction, CLIENT REPLY, subscriptions. */
export function rearmClient(client: Client): void {
  let armed = client.authenticated ? 0 : ARMED_AUTH;
  if (client.transaction !== null) armed |= ARMED_MULTI;
  if (client.replyMode !== 'on') armed |= ARMED_REPLY;
  if (client.noTouch) armed |= ARMED_NO_TOUCH;
  if (client.subscriber !== null) armed |= ARMED_SUBSCRIBED;
  client.armed = armed;
}

/** Whether the client runs on this machine, for what is allowed to such clients only. */
export function isLocal({ transport, connection }: Client): boolean {
  if (transport === 'unix' || transport === 'inside') return true;
  return connection !== null && isLoopback(connection.remoteAddress);
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
