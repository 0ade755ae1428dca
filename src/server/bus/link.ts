/*
 * One TCP or TLS connection between two nodes: bytes to whole messages, messages to bytes. What they mean is not known
 * here. A peer that sends something else than the protocol is cut off.
 */

import type { Socket } from 'node:net';
import { decodeMessage, frameLength, PREFIX_BYTES, SENDER_BYTES, senderAt } from '../gossip/codec.ts';
import type { Message } from '../gossip/message.ts';

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
  #held: Buffer = EMPTY;
  #length = 0;
  #closed = false;

  constructor(socket: Socket, events: LinkEvents) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk, events));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      events.closed();
    });
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

  #receive(chunk: Buffer, events: LinkEvents): void {
    this.#append(chunk);
    let at = 0;
    while (!this.#closed && this.#length - at >= PREFIX_BYTES) {
      const length = frameLength(this.#held, at);
      if (length < 0) {
        this.socket.destroy();
        return;
      }
      if (this.#length - at < length) {
        if (this.#isTooLong(at, length, events)) this.socket.destroy();
        break;
      }
      // The message keeps views on its bytes, so it gets its own.
      const frame = Buffer.from(this.#held.subarray(at, at + length));
      at += length;
      const message = decodeMessage(frame, 0, length);
      if (message !== null) events.message(message);
    }
    this.#held.copyWithin(0, at, this.#length);
    this.#length -= at;
    if (this.#length === 0) this.#held = EMPTY;
  }

  /** Only publications are long, and nobody publishes here whom we do not know. */
  #isTooLong(at: number, length: number, events: LinkEvents): boolean {
    if (length <= STRANGER_BYTES_MAX || this.#length - at < SENDER_BYTES) return false;
    return !events.isKnown(senderAt(this.#held, at));
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#length);
    this.#length = length;
  }
}

/** Textual, without the ::ffff: of mapped IPv4. */
function plainIp(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}
