/*
 * MIGRATE: keys go to another server and, once it has acknowledged them, are deleted here.
 *
 * Redis stands still until the target has answered. Here other clients are served meanwhile, so a key may change between
 * its copy and the acknowledgement. Every key is therefore watched while it travels: one that changed is sent again (with
 * REPLACE, or as a DEL when it is gone), and only a key that is the same on both sides is deleted. So no write is lost,
 * and no client sees the key missing on both sides. Keys that keep changing are sent with writes held back, as Redis
 * does from the start.
 *
 * Meanwhile this node may also hand over to a replica, or become one: then nothing is deleted any more, because the
 * stream that would have to say so belongs to somebody else.
 */

import { sourceOf } from '../../config/addresses.ts';
import { type Call, mayBlock } from '../command/call.ts';
import { ReplyError, SYNTAX } from '../command/errors.ts';
import { answerBlocked } from '../command/serve.ts';
import type { Spec } from '../command/spec.ts';
import type { Database } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/key-events.ts';
import type { Watcher } from '../keyspace/listeners.ts';
import type { Outcome, Peer } from '../net/peers.ts';
import type { Reply } from '../protocol/reply-parser.ts';
import type { Request } from '../protocol/request.ts';
import { requestOf } from '../protocol/request.ts';
import { clientTlsOptions } from '../security/tls-options.ts';
import type { Blocked, Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { dumpValue } from '../types/dump.ts';

export const specs: readonly Spec[] = [
  {
    name: 'migrate',
    traits: ['moves_keys'],
    arity: -6,
    flags: ['write', 'movablekeys'],
    acl: ['keyspace', 'dangerous'],
    keys: [
      { flags: ['RW', 'access', 'delete'], first: 3, last: 3, step: 1 },
      {
        flags: ['RW', 'access', 'delete', 'incomplete'],
        first: 0,
        last: -1,
        step: 1,
        keyword: { word: 'KEYS', from: -2 },
      },
    ],
    since: '2.6.0',
    group: 'generic',
    summary: 'Atomically transfers a key from one Redis instance to another.',
    complexity: 'A DUMP and a DEL here, and a RESTORE there, for every key.',
    run: migrate,
    findKeys,
  },
];

/** How many words follow these, none of which is the word KEYS. */
const CREDENTIALS: Readonly<Record<string, number>> = { AUTH: 1, AUTH2: 2 };

/** The third argument, unless that is empty and keys stand behind KEYS. */
function findKeys({ buf, off, len, argc }: Request, indexes: number[]): void {
  for (let i = 6; i < argc - 1; i++) {
    const word = buf.latin1Slice(off[i]!, off[i]! + len[i]!).toUpperCase();
    i += CREDENTIALS[word] ?? 0;
    if (word !== 'KEYS') continue;
    if (len[3] === 0) for (let key = i + 1; key < argc; key++) indexes.push(key);
    return;
  }
  indexes.push(3);
}

/** So often keys are sent while clients may write to them; usually nobody does just then. */
const UNHELD_ATTEMPTS = 3;
/** How often a key that keeps changing is sent before MIGRATE gives up on it. */
const ATTEMPTS_MAX = 16;
const DEFAULT_TIMEOUT_MS = 1000;

interface Order {
  host: string;
  port: number;
  db: number;
  timeout_ms: number;
  copy: boolean;
  replace: boolean;
  credentials: Buffer[];
  keys: Buffer[];
}

interface Travelling {
  key: Buffer;
  watcher: Watcher;
  /** False when the key was gone and its DEL was sent. */
  restored: boolean;
}

const NOT_INSIDE = new ReplyError('ERR MIGRATE waits for the other server, which a transaction or a script cannot');

function migrate(call: Call): void {
  const { server, client, db, reply } = call;
  if (!mayBlock(call)) throw NOT_INSIDE;
  const order = orderFrom(call);
  order.keys = order.keys.filter((key) => db.find(key, 0, key.length) !== 0);
  if (order.keys.length === 0) return reply.simple('NOKEY');
  const wait: Blocked = {
    why: 'migrate',
    reply,
    deadline_ms: Number.POSITIVE_INFINITY, // Every step of the conversation has its own.
    expire: () => {},
  };
  if (!(order.port >= 0 && order.port <= PORT_MAX)) throw CANNOT_CONNECT;
  server.blocking.block(client, wait);
  call.propagateNothing();
  new Migration(server, { client, wait, db, order }).send(order.keys, { attempt: 1 });
}

const PORT_MAX = 65_535;
/** A port that cannot be is one where nobody listens. */
const CANNOT_CONNECT = new ReplyError('IOERR error or timeout connecting to the client');

/** The number that a text begins with, as C reads it: whatever it is, somebody may be asked to connect to it. */
function portFrom(text: string): number {
  return Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

const KEY_AND_KEYS = new ReplyError(
  'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);

function orderFrom(call: Call): Order {
  const order: Order = {
    host: call.text(1),
    port: portFrom(call.text(2)),
    db: 0,
    timeout_ms: 0,
    copy: false,
    replace: false,
    credentials: [],
    keys: [call.bytes(3)],
  };
  for (let i = 6; i < call.argc; i++) {
    if (call.is(i, 'COPY')) {
      order.copy = true;
    } else if (call.is(i, 'REPLACE')) {
      order.replace = true;
    } else if (call.is(i, 'AUTH') && i + 1 < call.argc) {
      order.credentials = [call.bytes(++i)];
    } else if (call.is(i, 'AUTH2') && i + 2 < call.argc) {
      order.credentials = [call.bytes(i + 1), call.bytes(i + 2)];
      i += 2;
    } else if (call.is(i, 'KEYS')) {
      if (call.len(3) !== 0) throw KEY_AND_KEYS;
      order.keys = [];
      for (let k = i + 1; k < call.argc; k++) order.keys.push(call.bytes(k));
      break;
    } else {
      throw SYNTAX;
    }
  }
  // In this order: it shows which of two mistakes is told.
  order.timeout_ms = call.integer(5);
  order.db = call.integer(4);
  if (order.timeout_ms <= 0) order.timeout_ms = DEFAULT_TIMEOUT_MS;
  return order;
}

class Migration {
  readonly #server: Server;
  readonly #client: Client;
  readonly #wait: Blocked;
  readonly #db: Database;
  readonly #order: Order;
  readonly #moved: Buffer[] = [];
  #firstError: string | null = null;
  #retried = false;

  constructor(
    server: Server,
    { client, wait, db, order }: { client: Client; wait: Blocked; db: Database; order: Order },
  ) {
    this.#server = server;
    this.#client = client;
    this.#wait = wait;
    this.#db = db;
    this.#order = order;
  }

  send(keys: readonly Buffer[], { attempt }: { attempt: number }): void {
    const { config } = this.#server;
    const { host, port, timeout_ms } = this.#order;
    let travelling: Travelling[] = [];
    let preamble = 0;
    if (attempt > UNHELD_ATTEMPTS) this.#holdWrites();
    this.#server.peers.exchange({
      host,
      port,
      timeout_ms,
      tls: config['tls-cluster'] ? clientTlsOptions(config) : null,
      source: sourceOf(config['bind-source-addr'], host),
      request: (peer) => {
        const bytes = this.#preamble(peer);
        preamble = bytes.length;
        travelling = keys.map((key) => this.#pack(key, bytes, { again: attempt > 1 }));
        return { bytes, replies: bytes.length };
      },
      done: (outcome) => this.#answered(outcome, travelling, { preamble, attempt }),
    });
  }

  #holdWrites(): void {
    const server = this.#server;
    server.beginPause('migrate', 'write', server.clock.monotonic_ms() + this.#order.timeout_ms);
  }

  #mayDelete(): boolean {
    const { replication, pause, clock } = this.#server;
    return replication.role === 'primary' && !pause.isRunning('failover', clock.monotonic_ms());
  }

  /** AUTH always; SELECT when the connection is not known to be there. */
  #preamble(peer: Peer): Buffer[] {
    const { credentials, db } = this.#order;
    const bytes: Buffer[] = [];
    if (credentials.length > 0) bytes.push(requestOf(['AUTH', ...credentials]).buf);
    if (peer.selectedDb !== db) bytes.push(requestOf(['SELECT', String(db)]).buf);
    return bytes;
  }

  #pack(key: Buffer, bytes: Buffer[], { again }: { again: boolean }): Travelling {
    const { keyspace, cluster } = this.#server;
    const db = this.#db;
    const watcher: Watcher = { dirty: false };
    db.watch(key, 0, key.length, watcher);
    const ref = db.peek(key, 0, key.length);
    if (ref === 0) {
      if (cluster !== null) bytes.push(requestOf(['ASKING']).buf);
      bytes.push(requestOf(['DEL', key]).buf);
      return { key, watcher, restored: false };
    }
    const deadline_ms = db.deadlineOf(ref);
    const ttl_ms = deadline_ms < 0 ? 0 : Math.max(1, deadline_ms - keyspace.now_ms);
    const command = cluster === null ? 'RESTORE' : 'RESTORE-ASKING';
    const words = [command, key, String(ttl_ms), dumpValue(db, ref, this.#server.persistence.form)];
    if (this.#order.replace || again) words.push('REPLACE');
    bytes.push(requestOf(words).buf);
    return { key, watcher, restored: true };
  }

  #answered(
    { replies, failure, stale, peer }: Outcome,
    travelling: Travelling[],
    { preamble, attempt }: { preamble: number; attempt: number },
  ): void {
    for (const { key, watcher } of travelling) this.#db.listeners.unwatch(key.latin1Slice(), watcher);
    if (attempt > UNHELD_ATTEMPTS) this.#server.endPause('migrate');
    if (!this.#mayDelete()) return this.#finish('ERR This node hands its slots over: the keys stay where they were');
    const refused = replies.slice(0, preamble).find((reply) => reply.type === 'error');
    if (refused?.type === 'error') this.#fail(refused.text);
    peer.selectedDb = refused === undefined && failure === null ? this.#order.db : -1;
    const again = this.#sortOut(replies.slice(preamble), travelling, refused !== undefined);
    if (failure !== null) return this.#broken(failure, { again: stale && replies.length === 0, attempt }, travelling);
    if (again.length > 0 && attempt < ATTEMPTS_MAX) return this.send(again, { attempt: attempt + 1 });
    if (again.length > 0) this.#fail(`ERR ${again.length} keys changed faster than they could be moved`);
    this.#finish(this.#firstError === null ? null : `ERR Target instance replied with error: ${this.#firstError}`);
  }

  /** Deletes what has arrived; answers the keys that changed on their way. */
  #sortOut(replies: readonly Reply[], travelling: readonly Travelling[], distrust: boolean): Buffer[] {
    const again: Buffer[] = [];
    const perDelete = this.#server.cluster === null ? 1 : 2;
    let at = 0;
    for (const { key, watcher, restored } of travelling) {
      at += restored ? 1 : perDelete;
      const reply = replies[at - 1];
      if (reply === undefined) break;
      if (reply.type === 'error') this.#fail(reply.text);
      else if (watcher.dirty && !this.#order.copy) again.push(key);
      else if (restored && !distrust && !this.#order.copy) this.#remove(key);
    }
    return again;
  }

  #remove(key: Buffer): void {
    if (!this.#db.delete(key, 0, key.length)) return;
    this.#server.keyspace.events.tell(EVENT_GENERIC, 'del', this.#db.index, key, 0, key.length);
    this.#moved.push(key);
  }

  #fail(text: string): void {
    this.#firstError ??= text;
  }

  /** A kept connection that turns out to be closed is no failure yet: it is tried once more, on a new one. */
  #broken(
    failure: NonNullable<Outcome['failure']>,
    { again, attempt }: { again: boolean; attempt: number },
    travelling: readonly Travelling[],
  ): void {
    if (again && !this.#retried) {
      this.#retried = true;
      return this.send(
        travelling.map(({ key }) => key),
        { attempt },
      );
    }
    if (failure === 'connecting') this.#finish('IOERR error or timeout connecting to the client');
    else this.#finish(`IOERR error or timeout ${failure === 'writing' ? 'writing to' : 'reading to'} target instance`);
  }

  #finish(error: string | null): void {
    const server = this.#server;
    // What left is one DEL for the log and the replicas.
    if (this.#moved.length > 0) server.propagation.add(this.#db.index, ['DEL', ...this.#moved]);
    server.keyspace.dirty += this.#moved.length;
    // The client may be gone, or was told already that this node changed its role.
    answerBlocked(server, this.#client, {
      wait: this.#wait,
      answer(reply) {
        if (error === null) reply.ok();
        else reply.error(error);
      },
    });
    server.wake();
  }
}
