/*
 * One TCP or TLS connection between two nodes: bytes to whole messages, messages to bytes. What they mean is not known
 * here. A peer that sends something else than the protocol is cut off.
 */

import type { Socket } from 'node:net';
import { decodeMessage, frameLength, PREFIX_BYTES, SENDER_BYTES, senderAt } from '../gossip/codec.ts';
import type { Message } from '../gossip/message.ts';

/** Gets what was read, `buf[from, to)`, and is done with it when it returns. */
export type Read = (buf: Buffer, from: number, to: number) => void;

/** Another socket around the same connection, which reads in a way that costs less; null where there is none. */
export type Adopt = (socket: Socket, read: Read) => Socket | null;

export interface LinkEvents {
  /** Asked before a long message is collected. */
  isKnown(sender: string): boolean;
  message(message: Message): void;
  closed(): void;
}

const EMPTY = Buffer.alloc(0);
/** What a stranger may have us keep for it: a MEET that names a thousand others is not longer. */
const STRANGER_BYTES_MAX = 128 * 1024;

export class Link {
  readonly socket: Socket;
  readonly #events: LinkEvents;
  #held: Buffer = EMPTY;
  #length = 0;
  #closed = false;

  constructor(socket: Socket, events: LinkEvents, adopt: Adopt | null = null) {
    const adopted = adopt?.(socket, (buf, from, to) => this.#receive(buf, from, to)) ?? null;
    this.#events = events;
    this.socket = adopted ?? socket;
    this.socket.setNoDelay(true);
    if (adopted === null) socket.on('data', (chunk: Buffer) => this.#receive(chunk, 0, chunk.length));
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      events.closed();
    });
    if (adopted !== null) adopted.resume();
  }

  get remoteIp(): string {
    return plainIp(this.socket.remoteAddress);
  }

  get localIp(): string {
    return plainIp(this.socket.localAddress);
  }

  /** Bytes that the peer has not taken yet. */
  get pending(): number {
    return this.socket.writableLength;
  }

  /** Bytes of a message that is not complete. */
  get heldBytes(): number {
    return this.#length;
  }

  send(bytes: Buffer): void {
    if (!this.#closed) this.socket.write(bytes);
  }

  /** Ends the link without an event. */
  destroy(): void {
    this.#closed = true;
    this.socket.destroy();
  }

  /** Nearly always one message, which came as a whole. */
  #receive(buf: Buffer, from: number, to: number): void {
    if (this.#length === 0) {
      const at = this.#deliver(buf, from, to);
      if (at < to) this.#append(buf, at, to);
      return;
    }
    this.#append(buf, from, to);
    const at = this.#deliver(this.#held, 0, this.#length);
    this.#held.copyWithin(0, at, this.#length);
    this.#length -= at;
    if (this.#length === 0) this.#held = EMPTY;
  }

  /** Delivers the messages that are complete; where the first one begins that is not. */
  #deliver(buf: Buffer, from: number, to: number): number {
    let at = from;
    while (!this.#closed && to - at >= PREFIX_BYTES) {
      const length = frameLength(buf, at);
      if (length < 0) {
        this.socket.destroy();
        return to;
      }
      if (to - at < length) {
        if (this.#isTooLong(length, buf, at, to)) this.socket.destroy();
        return at;
      }
      // The message keeps views on its bytes, so it gets its own.
      const frame = Buffer.from(buf.subarray(at, at + length));
      at += length;
      const message = decodeMessage(frame, 0, length);
      if (message !== null) this.#events.message(message);
    }
    return at;
  }

  /** Only publications are long, and nobody publishes here whom we do not know. */
  #isTooLong(length: number, buf: Buffer, at: number, to: number): boolean {
    if (length <= STRANGER_BYTES_MAX || to - at < SENDER_BYTES) return false;
    return !this.#events.isKnown(senderAt(buf, at));
  }

  #append(buf: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    buf.copy(this.#held, this.#length, from, to);
    this.#length = length;
  }
}

/** Textual, without the ::ffff: of mapped IPv4. */
function plainIp(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}
