/*
 * Conversations with other servers (MIGRATE): requests out, as many replies back, on connections that are kept for a
 * while because a slot is moved in many small steps.
 */

import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.ts';
import { type Reply, ReplyFailure, ReplyParser } from '../protocol/reply-parser.ts';

/** Redis' numbers: so many sockets are kept, and so long unused. */
const PEERS_MAX = 64;
const IDLE_MS = 10_000;

export interface Exchange {
  host: string;
  port: number;
  tls: ConnectionOptions | null;
  timeout_ms: number;
  /** Makes the bytes, knowing what the connection remembers; and says how many replies they will bring. */
  request(peer: Peer): { bytes: Buffer[]; replies: number };
  done(outcome: Outcome): void;
}

/** `failure` says at which end it broke; replies that came before it are there too. */
export type Outcome = { replies: Reply[]; failure: null | 'connecting' | 'writing' | 'reading'; peer: Peer };

export class Peer {
  readonly key: string;
  /** What SELECT was last sent; -1 when it is not known. */
  selectedDb = -1;
  busy = false;
  used_ms: number;
  readonly socket: Socket;
  connected = false;
  /** True when a conversation has gone well on it before: then a failure may mean that it had grown stale. */
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

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a request and calls `done` once: with all replies, or with what went wrong. */
  exchange(exchange: Exchange): void {
    const peer = this.#peerFor(exchange);
    const replies: Reply[] = [];
    const { bytes, replies: wanted } = exchange.request(peer);
    const parser = new ReplyParser();
    let timer: Timer | null = null;
    const finish = (failure: Outcome['failure']): void => {
      if (timer === null) return;
      this.#clock.clear(timer);
      timer = null;
      peer.socket.removeAllListeners();
      // An error nobody listens to would end the process.
      peer.socket.on('error', () => {});
      peer.busy = false;
      peer.used_ms = this.#clock.monotonic_ms();
      peer.proven = failure === null;
      if (failure !== null || this.#peers.get(peer.key) !== peer) this.#drop(peer);
      exchange.done({ replies, failure, peer });
    };
    timer = this.#clock.setTimeout(() => finish(peer.connected ? 'reading' : 'connecting'), exchange.timeout_ms);
    peer.busy = true;
    peer.socket.on('error', () => finish(peer.connected ? 'writing' : 'connecting'));
    peer.socket.on('close', () => finish(peer.connected ? 'reading' : 'connecting'));
    peer.socket.on('data', (chunk: Buffer) => {
      try {
        parser.feed(chunk, replies);
      } catch (error) {
        if (!(error instanceof ReplyFailure)) throw error;
        return finish('reading');
      }
      if (replies.length >= wanted) finish(null);
    });
    peer.socket.once(exchange.tls === null ? 'connect' : 'secureConnect', () => {
      peer.connected = true;
    });
    for (const part of bytes) peer.socket.write(part);
  }

  /** Closes what was not used for a while. */
  cron(): void {
    const oldest_ms = this.#clock.monotonic_ms() - IDLE_MS;
    for (const peer of this.#peers.values()) if (!peer.busy && peer.used_ms < oldest_ms) this.#drop(peer);
  }

  close(): void {
    for (const peer of [...this.#peers.values()]) this.#drop(peer);
  }

  #peerFor({ host, port, tls }: Exchange): Peer {
    const key = `${host}:${port}`;
    const known = this.#peers.get(key);
    if (known !== undefined && !known.busy && !known.socket.destroyed) return known;
    const socket = tls === null ? connect({ host, port, noDelay: true }) : connectTls({ ...tls, host, port });
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
