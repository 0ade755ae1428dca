/*
 * A client inside the process: requests and replies without a socket, through the same door and the same turn as any
 * other client. So a reply that arrives here is as good a promise as one that left by TCP.
 */

import { Duplex } from 'node:stream';
import { fromByteText } from '../base/byte-text.ts';
import { type Reply, ReplyParser } from './protocol/reply-parser.ts';
import { requestOf } from './protocol/request.ts';
import { type Argument, CommandFailure, type ReplyValue } from './reply-value.ts';

interface Waiting {
  resolve(value: ReplyValue): void;
  reject(error: Error): void;
}

export class InsideClient {
  /** The server's end. */
  readonly stream: Duplex;
  readonly #parser = new ReplyParser();
  readonly #waiting: Waiting[] = [];
  #ended: Error | null = null;

  constructor() {
    this.stream = new Duplex({
      read() {},
      write: (bytes: Buffer, _encoding, done) => {
        this.#receive(bytes);
        done();
      },
    });
  }

  /** Replies come in the order of the calls, as on any connection. */
  call(args: readonly Argument[]): Promise<ReplyValue> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.stream.push(requestOf(args.map(bytesOf)).buf);
    });
  }

  /** No reply will come any more: whoever waits for one is told why. */
  end(reason: Error): void {
    this.#ended = reason;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #receive(bytes: Buffer): void {
    const replies: Reply[] = [];
    this.#parser.feed(bytes, replies);
    for (const reply of replies) {
      // Pushes are nobody's reply.
      if (reply.type === 'push') continue;
      const waiting = this.#waiting.shift();
      const value = meaningOf(reply);
      if (value instanceof CommandFailure) waiting?.reject(value);
      else waiting?.resolve(value);
    }
  }
}

function bytesOf(argument: Argument): Buffer {
  if (argument instanceof Uint8Array) return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
  return Buffer.from(String(argument));
}

function meaningOf(reply: Reply): ReplyValue {
  switch (reply.type) {
    case 'simple':
      return fromByteText(reply.text);
    case 'verbatim':
      return reply.text;
    case 'error':
      return new CommandFailure(fromByteText(reply.text));
    case 'bulk':
      return reply.bytes.toString();
    case 'null':
      return null;
    case 'bignumber':
      return BigInt(reply.text);
    case 'map':
      return new Map(reply.entries.map(([key, value]) => [meaningOf(key), meaningOf(value)]));
    case 'array':
    case 'set':
    case 'push':
      return reply.items.map(meaningOf);
    default:
      return reply.value;
  }
}
