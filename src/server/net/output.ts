/*
 * Replies of one turn. All connections append to one buffer, and each gets exactly one write when the turn ends: after
 * the AOF is flushed, because a reply is a promise.
 *
 * Invariants:
 * (1) Between begin and end, bytes from `#start` to the writer's position belong to `#current`. There is one at a time:
 *     whose reply is being written also says in which protocol.
 * (2) The part of the buffer that a connection was given is not overwritten until its socket has taken it: if any socket
 *     could not take all at once, the turn ends with a new buffer instead of the old one.
 */

import { assert } from '../../base/assert.ts';
import { RespWriter, type Sink } from '../protocol/resp-writer.ts';
import type { Connection } from './connection.ts';

const BUFFER_SIZE = 256 * 1024;

export class Output implements Sink {
  readonly writer: RespWriter;
  #current: Connection | null = null;
  #start = 0;
  /** For the connection that is being answered, behind the answer that is under way. */
  #kept: Buffer[] = [];
  /** Connections with something to write, in the order they first had it. */
  #waiting: Connection[] = [];
  #spare: Connection[] = [];

  constructor() {
    this.writer = new RespWriter(Buffer.allocUnsafeSlow(BUFFER_SIZE), this);
  }

  /** What is written up to `end` goes to `connection`. */
  begin(connection: Connection): void {
    assert(this.#current === null, 'replies to one connection begin inside of those to another');
    this.#current = connection;
    this.#start = this.writer.pos;
  }

  end(): void {
    if (this.#current !== null) this.#give(this.#current);
    this.#current = null;
  }

  /** Has it replies that its socket has not taken yet? */
  owes(connection: Connection): boolean {
    return (this.#current === connection && this.writer.pos > this.#start) || connection.hasQueued;
  }

  isAnswering(connection: Connection): boolean {
    return this.#current === connection;
  }

  /** Bytes that several connections may share and nobody changes any more: the replication stream, messages of channels. */
  sendBytes(connection: Connection, bytes: Buffer): void {
    // What was written before stands before it.
    if (connection === this.#current) this.#give(connection);
    if (connection.queuePassed(bytes)) this.#waiting.push(connection);
  }

  /** Such bytes for the connection that is being answered: they leave with `sendKept`, when the answer is complete. */
  keep(bytes: Buffer): void {
    this.#kept.push(bytes);
  }

  sendKept(): void {
    if (this.#kept.length === 0 || this.#current === null) return;
    for (const bytes of this.#kept) this.sendBytes(this.#current, bytes);
    this.#kept = [];
  }

  makeRoom(writer: RespWriter, need: number): void {
    if (this.#current !== null) this.#give(this.#current);
    this.#renew(Math.max(BUFFER_SIZE, need));
    this.#start = writer.pos;
  }

  passThrough(_writer: RespWriter, bytes: Buffer): void {
    if (this.#current !== null) this.sendBytes(this.#current, bytes);
  }

  /** The last act of a turn: one write for each connection. */
  writeAll(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = this.#spare;
    this.#spare = waiting;
    let taken = true;
    for (let i = 0; i < waiting.length; i++) taken = waiting[i]!.write() && taken;
    waiting.length = 0;
    if (!taken) this.#renew(BUFFER_SIZE);
    else if (this.#waiting.length === 0) this.writer.pos = 0;
    this.#start = this.writer.pos;
  }

  #give(connection: Connection): void {
    const end = this.writer.pos;
    if (end === this.#start) return;
    if (connection.queuePart(this.writer.out, this.#start, end)) this.#waiting.push(connection);
    this.#start = end;
  }

  #renew(size: number): void {
    this.writer.out = Buffer.allocUnsafeSlow(size);
    this.writer.pos = 0;
  }
}
