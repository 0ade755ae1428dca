/*
 * One command being run: who asked, what was asked, and where the answer goes. The record is used again for the next
 * command, so a handler keeps nothing of it. Arguments are read through it: as a view on the request's bytes on the hot
 * path, as text, numbers or a copy where that is what the command means.
 */

import { parseInt64, parseInteger } from '../../base/ascii.ts';
import type { Database } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/key-events.ts';
import type { Request } from '../protocol/request.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { NOT_FLOAT, NOT_INT32, NOT_INTEGER, type ReplyError } from './errors.ts';
import type { Command } from './registry.ts';
import type { Refusal } from './run.ts';

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

export class Call {
  server!: Server;
  client!: Client;
  command!: Command;
  request!: Request;
  reply!: RespWriter;
  db!: Database;
  /** The bytes that `off` and `len` refer to. */
  buf!: Buffer;
  argc = 0;
  /** For the digits of a number on its way into a record: long enough for any 64-bit integer. */
  readonly scratch = Buffer.allocUnsafeSlow(32);
  /** 0 for what a client asked, 1 inside of EXEC: how deep this command stands inside of others. */
  readonly depth: number;
  /** The handler has said itself what AOF and replicas are told. */
  rewritten = false;
  /**
   * How many changes this is for save points and INFO, if it changes anything at all: as Redis counts, each element that
   * was added, and one for most commands.
   */
  changes = 1;
  /** What run.ts answers. */
  refusal: Refusal | null = null;
  #inner: Call | null = null;

  constructor(depth = 0) {
    this.depth = depth;
  }

  /** The call of a command inside this one; one record for all of them. */
  get inner(): Call {
    this.#inner ??= new Call(this.depth + 1);
    return this.#inner;
  }

  /** The command is over: lets go of its request, which may be large. */
  forget(nothing: Request): void {
    this.request = nothing;
    this.buf = nothing.buf;
    this.argc = 0;
  }

  set(server: Server, client: Client, request: Request, reply: RespWriter): void {
    // The garbage collector is told of every reference that is stored: a look costs less, and they seldom change.
    if (this.server !== server) this.server = server;
    if (this.client !== client) this.client = client;
    if (this.request !== request) this.request = request;
    if (this.reply !== reply) this.reply = reply;
    if (this.db !== client.db) this.db = client.db;
    if (this.buf !== request.buf) this.buf = request.buf;
    this.argc = request.argc;
    this.rewritten = false;
    this.changes = 1;
    if (this.refusal !== null) this.refusal = null;
  }

  /** Turns the answer elsewhere. */
  answerTo(reply: RespWriter): void {
    this.reply = reply;
    reply.resp = this.client.resp;
  }

  off(i: number): number {
    return this.request.off[i]!;
  }

  len(i: number): number {
    return this.request.len[i]!;
  }

  /** A copy, which may be kept. */
  bytes(i: number): Buffer {
    return Buffer.from(this.view(i));
  }

  /** The argument in place: valid during the call only. */
  view(i: number): Buffer {
    const off = this.off(i);
    return this.buf.subarray(off, off + this.len(i));
  }

  /** One character a byte. */
  text(i: number): string {
    const off = this.off(i);
    return this.buf.latin1Slice(off, off + this.len(i));
  }

  /** True when the argument is `word` (upper case here, any case there). */
  is(i: number, word: string): boolean {
    if (this.len(i) !== word.length) return false;
    const off = this.off(i);
    for (let at = 0; at < word.length; at++) {
      const byte = this.buf[off + at]!;
      const folded = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
      if (folded !== word.charCodeAt(at)) return false;
    }
    return true;
  }

  /** A decimal integer of 64 bits, or throws. Beyond ±2^53, where no length, count or index is, only about right. */
  integer(i: number, refusal: ReplyError = NOT_INTEGER): number {
    const value = parseInteger(this.buf, this.off(i), this.len(i));
    return Number.isNaN(value) ? Number(this.int64(i, refusal)) : value;
  }

  /** A decimal integer of 32 bits, or throws; `refusal` is for both, other numbers and no number. */
  int32(i: number, refusal?: ReplyError): number {
    const value = this.integer(i, refusal);
    if (value < INT32_MIN || value > INT32_MAX) throw refusal ?? NOT_INT32;
    return value;
  }

  /** A decimal integer of 64 bits, or throws. */
  int64(i: number, refusal: ReplyError = NOT_INTEGER): bigint {
    const value = parseInt64(this.buf, this.off(i), this.len(i));
    if (value === null) throw refusal;
    return value;
  }

  /** A finite or infinite double, or throws. */
  double(i: number, refusal: ReplyError = NOT_FLOAT): number {
    const text = this.text(i);
    const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
    if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw refusal;
    return value;
  }

  /** What AOF and replicas are told in place of the request. Several calls make several effects, in this order. */
  propagate(...args: (Buffer | string)[]): void {
    this.rewritten = true;
    this.server.propagation.add(this.db.index, args);
  }

  /** The request, as it came, is an effect: for handlers that add others around it. */
  propagateRequest(): void {
    this.rewritten = true;
    this.server.propagation.addRequest(this.db.index, this.request);
  }

  /** An event of the key that is argument `i`, once what it tells of has been done (keyspace/key-events.ts). */
  event(eventClass: number, name: string, i: number, db = this.db): void {
    const { events } = this.server.keyspace;
    if (events.mask !== 0) events.tell(eventClass, name, db.index, this.buf, this.off(i), this.len(i));
  }

  /** The event `del`, where the last element of the value under argument `i` has gone, and the key with it. */
  eventIfGone(i: number): void {
    if ((this.server.keyspace.events.mask & EVENT_GENERIC) === 0) return;
    if (this.db.peek(this.buf, this.off(i), this.len(i)) === 0) this.event(EVENT_GENERIC, 'del', i);
  }

  /** The request goes to the replicas of a primary alone: it changes no data, so the log need not have it. */
  propagateToReplicas(): void {
    const { links, replication, propagation } = this.server;
    if (replication.role === 'primary' && links.wantsStream) propagation.addPassing(this.db.index, this.request);
  }

  propagateNothing(): void {
    this.rewritten = true;
  }
}

/** May its client be made to wait? Not as a part of EXEC or of a script, and not without a connection to answer on. */
export function mayBlock({ client, depth }: Call): boolean {
  return depth === 0 && client.connection !== null;
}
