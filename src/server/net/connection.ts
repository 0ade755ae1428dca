/*
 * One client's socket: bytes to requests, replies to one write per turn. Plain, TLS and Unix sockets are the same here.
 * A connection knows nothing about commands: it delivers each request to its owner, in order, and stops delivering while
 * the owner is suspended (a client that waits); what arrives meanwhile is held, within the query buffer's limit.
 */

import type { Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import type { KeysAhead } from '../protocol/look-ahead.ts';
import type { Request } from '../protocol/request.ts';
import { HEADROOM, type ParserLimits, RequestParser } from '../protocol/request-parser.ts';
import { adopt, readByEvents } from './input.ts';
import type { Output } from './output.ts';
import { sendNow } from './send.ts';

/** What a connection tells the server. Given once, by the composition root. */
export interface Delivery<Owner> {
  command(owner: Owner, request: Request): void;
  /** These keys are probably those of the next commands. False when there was nothing to be won by knowing that. */
  keysAhead(owner: Owner, keys: KeysAhead): boolean;
  protocolError(owner: Owner, text: string): void;
  closed(owner: Owner): void;
  /** There is more for the peer than it took, or may be given at once. */
  backedUp(owner: Owner): void;
  /** What `woken` announced has been delivered, as far as it can be now. */
  drained(): void;
  /** Something was read, so there will be something to write: the turn has to end. */
  woken(owner: Owner): void;
}

export interface ConnectionOptions<Owner> {
  socket: Socket;
  /** False for sockets that cannot be adopted (TLS). */
  adoptable: boolean;
  output: Output;
  request: Request;
  ahead: KeysAhead;
  limits: ConnectionLimits;
  delivery: Delivery<Owner>;
}

export interface ConnectionLimits extends ParserLimits {
  /** Bytes that no turn may have for one client; the smallest hard limit of client-output-buffer-limit. */
  outputMax: number;
}

const EMPTY = Buffer.alloc(0);
/** A client that waits and still sends more than this is not read any further, so that TCP slows it down. */
const HELD_WHILE_SUSPENDED_MAX = 1024 * 1024;
/**
 * So much of one client is read in a row; then the others have their turn. The event loop would read 2 MB before it looks
 * at another socket, and a pipeline of that size keeps everybody waiting for tens of milliseconds.
 */
const READ_IN_A_ROW_MAX = 256 * 1024;
/** Many short parts become one before they are written: up to here a copy costs less than a write for each. */
const JOINED_MAX = 64 * 1024;

// biome-ignore lint/suspicious/noExplicitAny: the output of a turn writes to connections of any owner.
export class Connection<Owner = any> {
  owner!: Owner;
  readonly socket: Socket;
  readonly parser: RequestParser;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** No request is delivered while this is set. */
  suspended = false;
  /** Once set, nothing more is read, and the socket ends when its replies have left. */
  closing = false;
  closed = false;
  bytesIn = 0;
  bytesOut = 0;
  /** How often something was read, and written. */
  reads = 0;
  writes = 0;
  #readInARow = 0;
  /** The socket's descriptor; -1 where it is written to in Node's own way only. */
  readonly #fd: number;
  readonly #output: Output;
  readonly #delivery: Delivery<Owner>;
  readonly #ahead: KeysAhead;
  readonly #limits: ConnectionLimits;
  /** The part of the turn's output that is ours; more than one part, or big values, go to the queue. */
  #part: Buffer = EMPTY;
  #partStart = 0;
  #partEnd = 0;
  #queue: Buffer[] = [];
  #waiting = false;
  #draining = false;
  #rawReader: ((bytes: Buffer) => void) | null = null;

  constructor(options: ConnectionOptions<Owner>) {
    this.#output = options.output;
    this.#delivery = options.delivery;
    this.#ahead = options.ahead;
    this.#limits = options.limits;
    this.parser = new RequestParser(options.request, options.limits);
    const accepted = options.socket;
    this.remoteAddress = accepted.remoteAddress ?? '';
    this.remotePort = accepted.remotePort ?? 0;
    this.localAddress = accepted.localAddress ?? '';
    this.localPort = accepted.localPort ?? 0;
    const read = (buf: Buffer, from: number, to: number): void => this.#receive(buf, from, to);
    const adopted = options.adoptable ? adopt(accepted, read) : null;
    this.socket = adopted?.socket ?? accepted;
    this.#fd = adopted?.fd ?? -1;
    if (adopted === null) readByEvents(accepted, read);
    this.socket.on('error', () => this.destroy());
    this.socket.on('close', () => this.#ended());
  }

  /** Begins to read. Separate from construction, because the owner is set in between. */
  start(): void {
    this.socket.resume();
  }

  /** Bytes that the socket was not given, or has not taken yet: what output buffer limits count. */
  get pendingOutput(): number {
    return this.socket.writableLength + this.#queued;
  }

  /** Something waits for the end of the turn, or for the socket. */
  get hasQueued(): boolean {
    return this.#waiting || this.socket.writableLength > 0;
  }

  /** The descriptor's number; -1 where Node does not tell it. */
  get fd(): number {
    return this.#fd;
  }

  resetTraffic(): void {
    this.bytesIn = this.bytesOut = this.reads = this.writes = 0;
  }

  /** Stops the delivery of requests; what arrives is held. */
  suspend(): void {
    this.suspended = true;
  }

  /** Ends the suspension: `first` writes or runs what the owner waited for, then what was held meanwhile is delivered. */
  resume(first: () => void): void {
    assert(!this.#draining, 'a connection is resumed while it delivers requests');
    this.suspended = false;
    if (this.closed || this.closing) return;
    this.#delivery.woken(this.owner);
    this.parser.open(RESUME_WINDOW, HEADROOM, HEADROOM);
    this.#drain(first);
    this.socket.resume();
  }

  /** From now on bytes go to `reader`, unparsed: the link became a stream (a replica's primary). */
  readRaw(reader: (bytes: Buffer) => void): void {
    this.#rawReader = reader;
  }

  /** Ends the connection after the replies of this turn have left. */
  closeAfterReply(): void {
    this.closing = true;
    // While requests are being read, their replies are still on the way here: #drain ends the connection.
    if (!this.#waiting && !this.#draining) this.#finish();
  }

  destroy(): void {
    this.closing = true;
    this.socket.destroy();
  }

  /** Adds a part of the turn's output. True when the connection had none before: then it has to be written. */
  queuePart(out: Buffer, start: number, end: number): boolean {
    if (this.#part === out && this.#partEnd === start && this.#partEnd > this.#partStart) {
      this.#partEnd = end;
      return false;
    }
    this.#pushPart();
    this.#part = out;
    this.#partStart = start;
    this.#partEnd = end;
    return this.#wait();
  }

  /** Adds bytes that will not change. */
  queuePassed(bytes: Buffer): boolean {
    this.#pushPart();
    this.#queue.push(bytes);
    return this.#wait();
  }

  /** Writes what is queued. True when the socket took all of it at once. */
  write(): boolean {
    this.#waiting = false;
    this.#readInARow = 0;
    const socket = this.socket;
    // Whoever asked for too much at once gets nothing of it, however quick it reads.
    if (this.#queued > this.#limits.outputMax) this.#delivery.backedUp(this.owner);
    if (this.closed || socket.destroyed) {
      this.#forgetOutput();
      return true;
    }
    this.writes++;
    if (this.#queue.length === 0) this.#writePart(socket);
    else this.#writeQueue();
    this.#forgetOutput();
    if (this.closing) this.#finish();
    if (socket.writableLength === 0) return true;
    this.#delivery.backedUp(this.owner);
    return false;
  }

  /** The usual case: one part, and nothing before it that the socket still has to take. */
  #writePart(socket: Socket): void {
    let from = this.#partStart;
    this.bytesOut += this.#partEnd - from;
    if (this.#fd >= 0 && socket.writable && socket.writableLength === 0) {
      from += sendNow(this.#fd, this.#part, from, this.#partEnd);
      if (from === this.#partEnd) return;
    }
    socket.write(this.#part.subarray(from, this.#partEnd));
  }

  #writeQueue(): void {
    this.#pushPart();
    const bytes = this.#queued;
    if (bytes <= JOINED_MAX) {
      this.#part = Buffer.concat(this.#queue, bytes);
      this.#partEnd = bytes;
      return this.#writePart(this.socket);
    }
    this.socket.cork();
    for (const bytes of this.#queue) {
      this.bytesOut += bytes.length;
      this.socket.write(bytes);
    }
    this.socket.uncork();
  }

  #receive(buf: Buffer, from: number, to: number): void {
    this.bytesIn += to - from;
    this.reads++;
    if (this.closing) return;
    if (this.#rawReader !== null) return this.#rawReader(buf.subarray(from, to));
    this.#delivery.woken(this.owner);
    this.parser.open(buf, from, to);
    this.#drain(null);
    this.#readInARow += to - from;
    if (this.#holdsEnough) this.socket.pause();
    else if (this.#readInARow >= READ_IN_A_ROW_MAX) this.#stepBack();
  }

  get #holdsEnough(): boolean {
    return this.suspended && this.parser.held > HELD_WHILE_SUSPENDED_MAX;
  }

  /** Reads on when the turn has ended and the other sockets were looked at. */
  #stepBack(): void {
    this.#readInARow = 0;
    this.socket.pause();
    setImmediate(() => {
      if (!this.closed && !this.#holdsEnough) this.socket.resume();
    });
  }

  #drain(first: (() => void) | null): void {
    const parser = this.parser;
    this.#output.begin(this);
    this.#draining = true;
    if (first !== null) first();
    while (!this.suspended && !this.closing) {
      if (parser.lookAhead(this.#ahead) && !this.#delivery.keysAhead(this.owner, this.#ahead)) parser.lookLess();
      const request = parser.next();
      if (request === null) break;
      this.#delivery.command(this.owner, request);
    }
    if (parser.error !== '' && !this.closing) {
      this.#delivery.protocolError(this.owner, parser.error);
      this.closing = true;
    }
    this.#draining = false;
    this.#delivery.drained();
    this.#output.end();
    parser.close();
    if (parser.overflow) this.destroy();
    if (this.closing && !this.#waiting) this.#finish();
  }

  /** Bytes of this turn. */
  get #queued(): number {
    let bytes = this.#partEnd - this.#partStart;
    for (let i = 0; i < this.#queue.length; i++) bytes += this.#queue[i]!.length;
    return bytes;
  }

  #wait(): boolean {
    if (this.#waiting) return false;
    this.#waiting = true;
    return true;
  }

  #pushPart(): void {
    if (this.#partEnd > this.#partStart) this.#queue.push(this.#part.subarray(this.#partStart, this.#partEnd));
    this.#partStart = this.#partEnd = 0;
  }

  #forgetOutput(): void {
    this.#part = EMPTY;
    this.#partStart = this.#partEnd = 0;
    if (this.#queue.length > 0) this.#queue = [];
  }

  #finish(): void {
    if (!this.socket.destroyed) this.socket.end(() => this.socket.destroy());
  }

  #ended(): void {
    if (this.closed) return;
    this.closed = true;
    this.closing = true;
    this.#forgetOutput();
    this.#delivery.closed(this.owner);
  }
}

/** The window in which held bytes are read again when nothing new came. */
const RESUME_WINDOW = Buffer.allocUnsafeSlow(HEADROOM);
