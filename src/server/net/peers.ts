/*
 * Conversations with other servers (MIGRATE): requests out, as many replies back, on connections that are kept for a
 * while because a slot is moved in many small steps.
 */

import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.ts';
import { destinationOf } from '../../config/addresses.ts';
import { type Reply, ReplyFailure, ReplyParser } from '../protocol/reply-parser.ts';

/** Redis' numbers: so many sockets are kept, and so long unused. */
const PEERS_MAX = 64;
const IDLE_MS = 10_000;
/** What is written in one step. */
const STEP_BYTES = 64 * 1024;

export interface Exchange {
  host: string;
  port: number;
  tls: ConnectionOptions | null;
  /** Where the connection comes from, as `connect` takes it. */
  source: { localAddress?: string };
  /** For each step: a connection, a part written, a part read. */
  timeout_ms: number;
  /** Makes the bytes, knowing what the connection remembers; and says how many replies they will bring. */
  request(peer: Peer): { bytes: Buffer[]; replies: number };
  done(outcome: Outcome): void;
}

export interface Outcome {
  /** Those that came before a failure are there too. */
  replies: Reply[];
  /** At which end it broke. */
  failure: null | 'connecting' | 'writing' | 'reading';
  /** The connection broke that had been kept from before: the other side may have closed it long ago. */
  stale: boolean;
  peer: Peer;
}

export class Peer {
  readonly key: string;
  /** What SELECT was last sent; -1 when it is not known. */
  selectedDb = -1;
  busy = false;
  used_ms: number;
  readonly socket: Socket;
  connected = false;
  /** A conversation has gone well on it before. */
  proven = false;

  constructor(key: string, socket: Socket, used_ms: number) {
    this.key = key;
    this.socket = socket;
    this.used_ms = used_ms;
  }
}

export class Peers {
  readonly #clock: Clock;
  readonly #peers = new Map<string, Peer>();

  /** Connections that are kept for the next conversation, or in one. */
  get size(): number {
    return this.#peers.size;
  }

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a request and calls `done` once: with all replies, or with what went wrong. */
  exchange(exchange: Exchange): void {
    const peer = this.#peerFor(exchange);
    const replies: Reply[] = [];
    const { bytes, replies: wanted } = exchange.request(peer);
    const parser = new ReplyParser();
    const { socket } = peer;
    let timer: Timer | null = null;
    let progress_ms = this.#clock.monotonic_ms();
    const finish = (failure: Outcome['failure'], timedOut = false): void => {
      if (timer === null) return;
      this.#clock.clear(timer);
      timer = null;
      for (const [event, listener] of listeners) socket.off(event, listener);
      peer.busy = false;
      peer.used_ms = this.#clock.monotonic_ms();
      const stale = failure !== null && !timedOut && peer.proven;
      peer.proven = failure === null;
      if (failure !== null || this.#peers.get(peer.key) !== peer) this.#drop(peer);
      exchange.done({ replies, failure, stale, peer });
    };
    /** The time is for every step and not for all of them: a big value may take its time as long as it moves. */
    const watch = (): void => {
      const left_ms = progress_ms + exchange.timeout_ms - this.#clock.monotonic_ms();
      if (left_ms > 0) timer = this.#clock.setTimeout(watch, Math.ceil(left_ms));
      else finish(peer.connected ? 'reading' : 'connecting', true);
    };
    const moved = (): void => {
      progress_ms = this.#clock.monotonic_ms();
    };
    const ended = (): void => finish(peer.connected ? 'reading' : 'connecting');
    const listeners: readonly [string, (chunk: Buffer) => void][] = [
      ['error', () => finish(peer.connected ? 'writing' : 'connecting')],
      ['end', ended],
      ['close', ended],
      [
        exchange.tls === null ? 'connect' : 'secureConnect',
        () => {
          peer.connected = true;
          moved();
        },
      ],
      [
        'data',
        (chunk: Buffer) => {
          moved();
          try {
            parser.feed(chunk, replies);
          } catch (error) {
            if (!(error instanceof ReplyFailure)) throw error;
            return finish('reading');
          }
          if (replies.length >= wanted) finish(null);
        },
      ],
    ];
    for (const [event, listener] of listeners) socket.on(event, listener);
    peer.busy = true;
    watch();
    write(socket, bytes, moved);
  }

  /** Closes what was not used for a while. */
  cron(): void {
    const oldest_ms = this.#clock.monotonic_ms() - IDLE_MS;
    for (const peer of this.#peers.values()) if (!peer.busy && peer.used_ms < oldest_ms) this.#drop(peer);
  }

  close(): void {
    for (const peer of [...this.#peers.values()]) this.#drop(peer);
  }

  #peerFor({ host, port, tls, source }: Exchange): Peer {
    const key = `${host}:${port}`;
    const known = this.#peers.get(key);
    if (known !== undefined && !known.busy && !known.socket.destroyed) return known;
    const where = { ...destinationOf(host), port, ...source };
    const socket = tls === null ? connect({ ...where, noDelay: true }) : connectTls({ ...tls, ...where });
    // An error nobody listens to would end the process.
    socket.on('error', () => {});
    const peer = new Peer(key, socket, this.#clock.monotonic_ms());
    // A second conversation with the same server gets a connection of its own, which is not kept.
    if (known === undefined || !known.busy) this.#keep(peer);
    return peer;
  }

  #keep(peer: Peer): void {
    if (this.#peers.size >= PEERS_MAX) {
      const idle = [...this.#peers.values()].find((candidate) => !candidate.busy);
      if (idle !== undefined) this.#drop(idle);
    }
    this.#peers.set(peer.key, peer);
  }

  #drop(peer: Peer): void {
    if (this.#peers.get(peer.key) === peer) this.#peers.delete(peer.key);
    peer.socket.destroy();
  }
}

/** In few system calls, however many parts there are, and in steps that show whether it moves. */
function write(socket: Socket, parts: readonly Buffer[], moved: () => void): void {
  socket.cork();
  for (const part of parts) {
    for (let at = 0; at < part.length; at += STEP_BYTES) socket.write(part.subarray(at, at + STEP_BYTES), moved);
  }
  socket.uncork();
}
