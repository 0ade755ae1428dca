/*
 * The link to our primary: connects, introduces us, takes over its data set, and then follows its stream. Whatever goes
 * wrong ends in a closed socket and a new attempt; what we have of the stream is kept, so that it can go on.
 *
 *   waiting -> connecting -> handshake -> sync -> connected
 *      ^_____________________________________________|     any failure
 */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Timer } from '../../base/clock.ts';
import { sourceOf } from '../../config/addresses.ts';
import { RdbFailure } from '../persistence/rdb-format.ts';
import { RdbReader } from '../persistence/rdb-reader.ts';
import { clientTlsOptions, TlsFailure } from '../security/tls-options.ts';
import { Handshake, type HandshakeAction, request } from './handshake.ts';
import type { Address, ReplicationHost } from './host.ts';
import { PrimaryStream } from './primary-stream.ts';
import { type RdbForm, RdbTransfer, TransferFailure } from './rdb-transfer.ts';

/** What the link tells about the stream; the state of both roles is kept by links.ts. */
export interface LinkEvents {
  /** What we have, to be asked for from there on; null when it is worth nothing. */
  history(): { id: string; offset: number } | null;
  /** Another data set will replace ours, from here on it is not complete. */
  replacing(): void;
  /** It is complete, and stands at this point of the stream; null from a primary that speaks of none. */
  replaced(point: { id: string; offset: number } | null): void;
  /** The rest of it will not come. */
  abandoned(): void;
  /** The stream goes on where ours ended, perhaps under another name. */
  continued(id: string | null): void;
  /** The primary cannot be understood: what we have of its stream is worth nothing. */
  confused(): void;
  up(): void;
  /** A link that was up is no more. */
  down(): void;
  /** So many bytes of the stream are applied, since the link is up. */
  applied(bytes: number): void;
  passed(bytes: Buffer): void;
}

type State = 'waiting' | 'connecting' | 'handshake' | 'sync' | 'connected';

/** As ROLE names them. */
const ROLE_STATES = {
  waiting: 'connect',
  connecting: 'connecting',
  handshake: 'handshake',
  sync: 'sync',
  connected: 'connected',
} as const;

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 1000;
const ACK_INTERVAL_MS = 1000;
const KEEPALIVE_INTERVAL_MS = 1000;
const LINE_END = Buffer.from('\n');

export class PrimaryLink {
  readonly address: Address;
  /** When the primary was heard last. */
  heard_ms = 0;
  readonly #host: ReplicationHost;
  readonly #events: LinkEvents;
  #state: State = 'waiting';
  #socket: Socket | null = null;
  #retry: Timer | null = null;
  #retry_ms = RETRY_FIRST_MS;
  #handshake: Handshake | null = null;
  #point: { id: string; offset: number } | null = null;
  #reader: RdbReader | null = null;
  #transfer: RdbTransfer | null = null;
  #length = 0;
  #stream: PrimaryStream | null = null;
  /** A primary that knows SYNC only is not told how far we are. */
  #acknowledges = true;
  #acknowledged_ms = 0;
  #closed = false;

  constructor(host: ReplicationHost, address: Address, events: LinkEvents) {
    this.#host = host;
    this.address = address;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.#state === 'connected';
  }

  get isLoading(): boolean {
    return this.#state === 'sync' && this.#transfer !== null;
  }

  get isSyncing(): boolean {
    return this.#state === 'sync';
  }

  get roleState(): (typeof ROLE_STATES)[State] {
    return ROLE_STATES[this.#state];
  }

  /** Progress of the full copy: bytes in all (0 when it is not known), and bytes that came. */
  get progress(): { total: number; read: number } {
    return { total: this.#length, read: this.#transfer?.received ?? 0 };
  }

  /** Connects now. */
  open(): void {
    if (this.#closed) return;
    const { clock, log } = this.#host;
    this.#retry = null;
    this.#state = 'connecting';
    this.heard_ms = clock.monotonic_ms();
    log.notice(`Connecting to MASTER ${this.address.host}:${this.address.port}`);
    const socket = this.#connect();
    if (socket === null) return;
    this.#socket = socket;
    socket.setNoDelay(true);
    if (!this.#host.keepsAlive) socket.unref();
    socket.on('data', (chunk: Buffer) => {
      if (socket === this.#socket) this.#received(chunk);
    });
    socket.on('error', (error) => this.#lost(socket, error.message));
    socket.on('close', () => this.#lost(socket, 'Connection with master lost.'));
  }

  /** Ends the link for good, without an event. */
  close(): void {
    this.#closed = true;
    if (this.#retry !== null) this.#host.clock.clear(this.#retry);
    this.#retry = null;
    this.#dropSocket();
  }

  /** Tells the primary how far we are. */
  acknowledge(): void {
    if (this.#state !== 'connected' || !this.#acknowledges) return;
    this.#acknowledged_ms = this.#host.clock.monotonic_ms();
    this.#socket?.write(request('REPLCONF', 'ACK', String(this.#host.replication.offset)));
  }

  cron(): void {
    const { clock, config } = this.#host;
    const now_ms = clock.monotonic_ms();
    if (this.#state === 'connected' && now_ms - this.#acknowledged_ms >= ACK_INTERVAL_MS) this.acknowledge();
    if (this.#state === 'waiting' || now_ms - this.heard_ms <= config['repl-timeout'] * 1000) return;
    this.#fail(
      this.#state === 'connected'
        ? 'MASTER timeout: no data nor PING received...'
        : 'Timeout connecting to the MASTER...',
    );
  }

  #connect(): Socket | null {
    const { config } = this.#host;
    const { host, port } = this.address;
    const local = sourceOf(config['bind-source-addr'], host);
    if (!config['tls-replication']) return connect({ host, port, ...local }, () => this.#connected());
    try {
      return connectTls({ ...clientTlsOptions(config), host, port, ...local }, () => this.#connected());
    } catch (failure) {
      if (!(failure instanceof TlsFailure)) throw failure;
      this.#fail(failure.message);
      return null;
    }
  }

  #connected(): void {
    const { config, log } = this.#host;
    log.notice('MASTER <-> REPLICA sync started');
    this.#state = 'handshake';
    this.#handshake = new Handshake({
      password: config.masterauth,
      user: config.masteruser,
      port: this.#host.announcedPort(),
      announceIp: config['replica-announce-ip'],
      history: this.#events.history(),
    });
    this.#carryOut(this.#handshake.begin());
  }

  #received(chunk: Buffer): void {
    this.heard_ms = this.#host.clock.monotonic_ms();
    if (this.#state === 'connected') return this.#follow(chunk);
    if (this.#transfer !== null) return this.#load(chunk);
    if (this.#handshake === null) return;
    const handshake = this.#handshake;
    this.#carryOut(handshake.feed(chunk));
    if (!handshake.done || this.#handshake !== handshake) return;
    this.#handshake = null;
    const rest = handshake.rest();
    if (rest.length > 0) this.#received(rest);
  }

  #carryOut(actions: readonly HandshakeAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'send':
          this.#socket?.write(action.bytes);
          break;
        case 'log':
          this.#host.log[action.level](action.text);
          break;
        case 'continue':
          this.#events.continued(action.id);
          this.#host.log.notice('MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.');
          this.#goUp(true);
          break;
        case 'fullSync':
          this.#state = 'sync';
          this.#point = action.point;
          break;
        case 'rdb':
          this.#beginLoading(action.form);
          break;
        case 'giveUp':
          this.#fail(action.why);
          break;
      }
    }
  }

  #beginLoading(form: RdbForm): void {
    const { keyspace, log, clock, config } = this.#host;
    this.#length = 'length' in form ? form.length : 0;
    const size = 'length' in form ? `${form.length} bytes` : 'streamed replication with EOF';
    log.notice(`MASTER <-> REPLICA sync: receiving ${size} from master to parser`);
    this.#events.replacing();
    log.notice('MASTER <-> REPLICA sync: Loading DB in memory');
    const { host, port } = this.address;
    this.#reader = new RdbReader({
      source: `stream of ${host}:${port}`,
      keyspace,
      log,
      dropExpired: false,
      now_ms: clock.now_ms(),
      intsetMax: config['set-max-intset-entries'],
    });
    this.#transfer = new RdbTransfer(this.#reader, form);
    this.#acknowledged_ms = clock.monotonic_ms();
  }

  #load(chunk: Buffer): void {
    const { keyspace, clock } = this.#host;
    this.#keepAlive();
    keyspace.now_ms = clock.now_ms();
    keyspace.applying = true;
    let rest: Buffer | null;
    try {
      rest = this.#transfer!.feed(chunk);
    } catch (failure) {
      if (!(failure instanceof RdbFailure || failure instanceof TransferFailure)) throw failure;
      return this.#fail(`Failed trying to load the MASTER synchronization DB: ${failure.message}`);
    } finally {
      keyspace.applying = false;
    }
    if (rest === null) return;
    this.#loaded(this.#reader!);
    if (rest.length > 0) this.#follow(rest);
  }

  #loaded(reader: RdbReader): void {
    const { log } = this.#host;
    this.#transfer = null;
    this.#reader = null;
    this.#host.primaryDb = Number(reader.aux.get('repl-stream-db') ?? 0);
    this.#events.replaced(this.#point);
    this.#host.dataReplaced(reader.functions);
    log.notice(`MASTER <-> REPLICA sync: Finished with success, keys loaded: ${reader.keysLoaded}`);
    this.#goUp(this.#point !== null);
  }

  #goUp(acknowledges: boolean): void {
    this.#state = 'connected';
    this.#acknowledges = acknowledges;
    this.#retry_ms = RETRY_FIRST_MS;
    this.#stream = new PrimaryStream({
      apply: (command) => {
        // Where we are is told before the command counts: GETACK asks for what stands in front of it.
        this.#events.applied(this.#stream!.applied);
        return this.#host.apply(command);
      },
      passed: (bytes) => this.#events.passed(bytes),
    });
    this.#events.up();
    // At once: a primary that sent an RDB with a mark holds the stream back until it hears of us.
    this.acknowledge();
    this.#host.wake();
  }

  #follow(chunk: Buffer): void {
    const { keyspace, clock } = this.#host;
    const stream = this.#stream!;
    keyspace.now_ms = clock.now_ms();
    keyspace.applying = true;
    const error = stream.feed(chunk);
    keyspace.applying = false;
    this.#events.applied(stream.applied);
    this.#host.wake();
    if (error === null) return;
    this.#events.confused();
    this.#fail(`Protocol error from master: ${error}`);
  }

  /** While it waits for us to load, the primary hears a line end now and then. */
  #keepAlive(): void {
    const now_ms = this.#host.clock.monotonic_ms();
    if (now_ms - this.#acknowledged_ms < KEEPALIVE_INTERVAL_MS) return;
    this.#acknowledged_ms = now_ms;
    this.#socket?.write(LINE_END);
  }

  #fail(why: string): void {
    this.#lost(this.#socket, why);
  }

  #lost(socket: Socket | null, why: string): void {
    if (this.#closed || socket !== this.#socket) return;
    const { log, clock } = this.#host;
    const wasUp = this.#state === 'connected';
    log.warning(wasUp ? why : `MASTER <-> REPLICA: ${why}`);
    const wasLoading = this.isLoading;
    this.#dropSocket();
    this.#state = 'waiting';
    if (wasUp) this.#events.down();
    if (wasLoading) this.#events.abandoned();
    // A link that worked is likely to work again at once.
    const wait_ms = wasUp ? 0 : this.#retry_ms;
    if (!wasUp) this.#retry_ms = Math.min(this.#retry_ms * 2, RETRY_MAX_MS);
    this.#retry = clock.setTimeout(() => this.open(), wait_ms);
    if (!this.#host.keepsAlive && 'unref' in this.#retry) (this.#retry as { unref(): void }).unref();
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#handshake = null;
    this.#transfer = null;
    this.#reader = null;
    this.#stream = null;
    this.#host.abandonTransaction();
    socket?.destroy();
  }
}
