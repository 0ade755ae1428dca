/*
 * The link to our primary: connects, introduces us, takes over its data set, and then follows its stream. Whatever goes
 * wrong ends in a closed socket and a new attempt (retry-pause.ts says when); what we have of the stream is kept, so that
 * it can go on.
 *
 *   waiting -> connecting -> handshake -> sync -> connected
 *      ^_____________________________________________|     any failure
 */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Timer } from '../../base/clock.ts';
import { destinationOf, sourceOf } from '../../config/addresses.ts';
import { RdbFailure } from '../rdb/format.ts';
import { clientTlsOptions, TlsFailure } from '../security/tls-options.ts';
import { FullCopy } from './full-copy.ts';
import { Handshake, type HandshakeAction, request } from './handshake.ts';
import type { Address, Refusal, ReplicationHost } from './host.ts';
import { PrimaryStream, type StreamFailure } from './primary-stream.ts';
import { type RdbForm, TransferFailure } from './rdb-transfer.ts';
import { type Loss, RetryPause } from './retry-pause.ts';

/** What the link tells about the stream; the state of both roles is kept by links.ts. */
export interface LinkEvents {
  /** What we have, to be asked for from there on; null when it is worth nothing. */
  history(): { id: string; offset: number } | null;
  /** A full copy begins to come in; or it is complete or given up: `isCopying`. */
  copying(): void;
  /** It has taken the place of our data, and stands at this point of the stream; null from a primary that speaks of none. */
  replaced(point: { id: string; offset: number } | null): void;
  /** The stream goes on where ours ended, perhaps under another name. */
  continued(id: string | null): void;
  /** The stream cannot be replicated: ours is worth nothing to go on from. With a refusal, the data differs too. */
  confused(refusal: Refusal | null): void;
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

const ACK_INTERVAL_MS = 1000;
/** Until the stream begins behind a full copy, we acknowledge after so long, twice as long, and so on. */
const ACK_REPEAT_FIRST_MS = 5;
const KEEPALIVE_INTERVAL_MS = 1000;
const LINE_END = Buffer.from('\n');

export class PrimaryLink {
  readonly address: Address;
  /** When the primary was heard last; monotonic. */
  heard_ms = 0;
  /** Why the last attempt or link ended; '' before that, and when the link is up. */
  whyDown = '';
  readonly #host: ReplicationHost;
  readonly #events: LinkEvents;
  #state: State = 'waiting';
  #socket: Socket | null = null;
  #retry: Timer | null = null;
  readonly #pause: RetryPause;
  #handshake: Handshake | null = null;
  #point: { id: string; offset: number } | null = null;
  #copy: FullCopy | null = null;
  /** The rest of what came waits until others have been served. */
  #nextPiece: Timer | null = null;
  #ackRepeat: Timer | null = null;
  /** Of sockets that are gone. */
  #bytesIn = 0;
  #stream: PrimaryStream | null = null;
  /** A primary that knows SYNC only is not told how far we are. */
  #acknowledges = true;
  #acknowledged_ms = 0;
  #closed = false;

  constructor(host: ReplicationHost, address: Address, events: LinkEvents) {
    this.#host = host;
    this.address = address;
    this.#events = events;
    this.#pause = new RetryPause(host.clock);
  }

  /** Bytes received since the link exists, or since they were last reset. */
  get bytesIn(): number {
    return this.#bytesIn + (this.#socket?.bytesRead ?? 0);
  }

  resetTraffic(): void {
    this.#bytesIn = -(this.#socket?.bytesRead ?? 0);
  }

  get isUp(): boolean {
    return this.#state === 'connected';
  }

  get isCopying(): boolean {
    return this.#copy !== null;
  }

  get isSyncing(): boolean {
    return this.#state === 'sync';
  }

  get roleState(): (typeof ROLE_STATES)[State] {
    return ROLE_STATES[this.#state];
  }

  /** Progress of the full copy: bytes in all (0 when it is not known), and bytes that came. */
  get progress(): { total: number; read: number } {
    return { total: this.#copy?.total ?? 0, read: this.#copy?.received ?? 0 };
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
    socket.on('error', (error) => this.#lost(socket, this.#broken(error)));
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
    const where = destinationOf(this.address.host);
    const ends = { ...where, port: this.address.port, ...sourceOf(config['bind-source-addr'], where.host) };
    if (!config['tls-replication']) return connect(ends, () => this.#connected());
    try {
      return connectTls({ ...clientTlsOptions(config), ...ends }, () => this.#connected());
    } catch (failure) {
      if (!(failure instanceof TlsFailure)) throw failure;
      this.#fail(failure.message);
      return null;
    }
  }

  #connected(): void {
    const { config, log } = this.#host;
    this.#host.primaryConnected(this.#socket);
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
    if (this.#copy !== null) return this.#load(this.#copy, chunk);
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
          this.#beginCopy(action.form);
          break;
        case 'giveUp':
          this.#fail(action.why);
          break;
      }
    }
  }

  #beginCopy(form: RdbForm): void {
    const { log, clock } = this.#host;
    const size = 'length' in form ? `${form.length} bytes` : 'streamed replication with EOF';
    log.notice(`MASTER <-> REPLICA sync: receiving ${size} from master to parser`);
    log.notice('MASTER <-> REPLICA sync: Loading DB in memory');
    this.#copy = new FullCopy(this.#host, this.address, form);
    this.#acknowledged_ms = clock.monotonic_ms();
    this.#events.copying();
  }

  #load(copy: FullCopy, chunk: Buffer): void {
    const piece = copy.pieceOf(chunk);
    const left = chunk.subarray(piece.length);
    const rest = this.#feed(copy, piece);
    if (rest !== null) this.#loaded(copy, left.length === 0 ? rest : Buffer.concat([rest, left]));
    else if (this.#copy === copy && (left.length > 0 || copy.wait_ms > 0)) this.#loadLater(copy, left);
  }

  /** Others are served first; the primary has to wait meanwhile. */
  #loadLater(copy: FullCopy, left: Buffer): void {
    const socket = this.#socket;
    socket?.pause();
    this.#nextPiece = this.#setTimer(copy.wait_ms, () => {
      this.#nextPiece = null;
      this.heard_ms = this.#host.clock.monotonic_ms();
      this.#keepAlive();
      if (copy.wait_ms > 0) return this.#loadLater(copy, left);
      socket?.resume();
      if (left.length > 0) this.#load(copy, left);
    });
  }

  /** Null while there is more to come, also when there will not be. */
  #feed(copy: FullCopy, piece: Buffer): Buffer | null {
    const { keyspace, clock } = this.#host;
    this.#keepAlive();
    keyspace.now_ms = clock.now_ms();
    try {
      return copy.feed(piece);
    } catch (failure) {
      if (!(failure instanceof RdbFailure || failure instanceof TransferFailure)) throw failure;
      this.#fail(`Failed trying to load the MASTER synchronization DB: ${failure.message}`);
      return null;
    }
  }

  #loaded(copy: FullCopy, rest: Buffer): void {
    this.#copy = null;
    copy.adopt();
    this.#events.replaced(this.#point);
    this.#events.copying();
    this.#host.log.notice(`MASTER <-> REPLICA sync: Finished with success, keys loaded: ${copy.keys}`);
    this.#goUp(this.#point !== null);
    if (rest.length > 0) this.#follow(rest);
    else this.#repeatAcknowledgement(ACK_REPEAT_FIRST_MS);
  }

  #goUp(acknowledges: boolean): void {
    this.#state = 'connected';
    this.whyDown = '';
    this.#acknowledges = acknowledges;
    this.#pause.up();
    this.#stream = new PrimaryStream({
      apply: (command) => {
        // Where we are is told before the command counts: GETACK asks for what stands in front of it.
        this.#events.applied(this.#stream!.applied);
        return this.#host.apply(command);
      },
      passed: (bytes) => this.#events.passed(bytes),
    });
    this.#events.up();
    this.acknowledge();
    this.#host.wake();
  }

  /**
   * A primary that sends an RDB with a mark holds the stream back until it hears of us, and hears nothing while it is
   * still busy with the end of the RDB: what we say just then is lost.
   */
  #repeatAcknowledgement(delay_ms: number): void {
    this.#ackRepeat = this.#setTimer(delay_ms, () => {
      this.#ackRepeat = null;
      this.acknowledge();
      if (delay_ms < ACK_INTERVAL_MS) this.#repeatAcknowledgement(delay_ms * 2);
    });
  }

  #follow(chunk: Buffer): void {
    const { keyspace, clock } = this.#host;
    const stream = this.#stream!;
    if (this.#ackRepeat !== null) clock.clear(this.#ackRepeat);
    this.#ackRepeat = null;
    keyspace.now_ms = clock.now_ms();
    this.#host.beginApplying();
    keyspace.applying = true;
    const failure = stream.feed(chunk);
    keyspace.applying = false;
    this.#host.endApplying();
    this.#events.applied(stream.applied);
    this.#host.wake();
    if (failure !== null) this.#stop(failure);
  }

  #stop(failure: StreamFailure): void {
    if (typeof failure === 'string') {
      this.#events.confused(null);
      return this.#fail(`Protocol error from master: ${failure}`, 'divergence');
    }
    const { command, error, unknown } = failure;
    this.#events.confused(failure);
    this.#fail(
      `The command '${command}' of the master cannot be carried out here (${error}): this replica stops following`,
      unknown ? 'unknownCommand' : 'divergence',
    );
  }

  /** While it waits for us to load, the primary hears a line end now and then. */
  #keepAlive(): void {
    const now_ms = this.#host.clock.monotonic_ms();
    if (now_ms - this.#acknowledged_ms < KEEPALIVE_INTERVAL_MS) return;
    this.#acknowledged_ms = now_ms;
    this.#socket?.write(LINE_END);
  }

  #fail(why: string, loss?: Loss): void {
    this.#lost(this.#socket, why, loss);
  }

  #broken({ message }: Error): string {
    if (this.#state === 'connected') return `Connection with master lost. (${message})`;
    return `Error condition on socket for SYNC: ${message}`;
  }

  #lost(socket: Socket | null, why: string, loss?: Loss): void {
    if (this.#closed || socket !== this.#socket) return;
    const { log } = this.#host;
    const wasUp = this.#state === 'connected';
    const wait_ms = this.#pause.after(loss ?? (wasUp ? 'link' : this.#state === 'sync' ? 'copy' : 'attempt'));
    log.warning(wasUp ? why : `MASTER <-> REPLICA: ${why}`);
    this.whyDown = why;
    this.#dropSocket();
    this.#state = 'waiting';
    if (wasUp) this.#events.down();
    this.#retry = this.#setTimer(wait_ms, () => this.open());
  }

  #setTimer(delay_ms: number, task: () => void): Timer {
    const timer = this.#host.clock.setTimeout(task, delay_ms);
    if (!this.#host.keepsAlive && 'unref' in timer) (timer as { unref(): void }).unref();
    return timer;
  }

  #dropSocket(): void {
    const socket = this.#socket;
    const copy = this.#copy;
    this.#bytesIn += socket?.bytesRead ?? 0;
    this.#socket = null;
    this.#handshake = null;
    this.#copy = null;
    this.#stream = null;
    if (this.#nextPiece !== null) this.#host.clock.clear(this.#nextPiece);
    this.#nextPiece = null;
    if (this.#ackRepeat !== null) this.#host.clock.clear(this.#ackRepeat);
    this.#ackRepeat = null;
    this.#host.abandonTransaction();
    this.#host.primaryConnected(null);
    socket?.destroy();
    if (copy === null) return;
    copy.abandon();
    this.#events.copying();
  }
}
