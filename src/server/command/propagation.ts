/*
 * What the AOF and the replicas are told. Effects, not requests: absolute deadlines, the member that was popped. They
 * are encoded once, into one buffer per turn, which both consumers take when the turn ends (turn.ts).
 *
 * Invariants:
 * (1) An effect stands behind a SELECT of its database, unless the last effect had the same.
 * (2) One command, script or EXEC is a unit: a unit with more than one effect is wrapped in MULTI and EXEC, so that a
 *     torn log or a lost link never shows half of it. A unit with one effect stays bare.
 * (3) What is only passing (PUBLISH) is a part of the stream to the replicas, and not of the log.
 * (4) Effects outside of any unit (the expire cycle) stay bare, and so do those of commands that meet dead keys by the way.
 */

import { writeInteger } from '../../base/ascii.ts';
import { assert } from '../../base/assert.ts';
import type { Request } from '../protocol/request.ts';

const INITIAL_SIZE = 64 * 1024;
/** A turn that needed more gives the memory back afterwards. */
const KEPT_SIZE_MAX = 4 * 1024 * 1024;
const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n');
const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n');
const NUMBER_MAX = 24;
const CR = 0x0d;
const LF = 0x0a;

export class Propagation {
  /** False while neither an AOF nor a replica wants to hear: then nothing is encoded. */
  active = false;
  bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  length = 0;
  #selected = -1;
  #depth = 0;
  /** Effects in the current unit, and where the first of them begins. */
  #effects = 0;
  #unitStart = 0;
  /** Effects of this unit do not belong together. */
  #bare = false;
  /** Where what is only passing begins and ends, in turn. */
  #passing: number[] = [];

  /** The database of the last effect, -1 when the next one will be preceded by a SELECT. */
  get selected(): number {
    return this.#selected;
  }

  /** A command is running. */
  get inUnit(): boolean {
    return this.#depth > 0;
  }

  /** A unit begins; units inside a unit belong to the outer one. */
  begin(): void {
    if (this.#depth++ === 0) this.#effects = 0;
  }

  end(): void {
    assert(this.#depth > 0, 'a propagation unit ends that never began');
    if (--this.#depth > 0) return;
    if (this.#effects > 1) this.#append(EXEC);
    this.#effects = 0;
    this.#bare = false;
  }

  /** The effects of this command are not one unit, unless it is a part of one. */
  stayBare(): void {
    this.#bare = this.#depth === 1;
  }

  /** The request as it came; the usual case, and a plain copy. */
  addRequest(db: number, request: Request): void {
    if (!this.active) return;
    this.#prepare(db);
    this.#request(request);
  }

  /** A request that the replicas are told of, and not the log. */
  addPassing(db: number, request: Request): void {
    if (!this.active) return;
    this.#prepare(db);
    this.#passing.push(this.length);
    this.#request(request);
    this.#passing.push(this.length);
  }

  /** Shows the parts that belong into the log, in order. */
  forLog(append: (bytes: Buffer, off: number, len: number) => void): void {
    let from = 0;
    for (let i = 0; i < this.#passing.length; i += 2) {
      const to = this.#passing[i] as number;
      if (to > from) append(this.bytes, from, to - from);
      from = this.#passing[i + 1] as number;
    }
    if (this.length > from) append(this.bytes, from, this.length - from);
  }

  /** Another command in place of the request. Text is latin1. */
  add(db: number, args: readonly (Buffer | string)[]): void {
    if (!this.active) return;
    this.#prepare(db);
    this.#head(0x2a, args.length);
    for (const arg of args) {
      const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
      this.#bulk(bytes, 0, bytes.length);
    }
  }

  /** DEL of a key, for keys that were deleted without a command asking for it. */
  addDelete(db: number, buf: Buffer, off: number, len: number): void {
    if (!this.active) return;
    this.#prepare(db);
    this.#head(0x2a, 2);
    this.#bulk(DEL, 0, DEL.length);
    this.#bulk(buf, off, len);
  }

  /** The next effect will be preceded by a SELECT: a new log file or a new replica knows of none. */
  forgetSelected(): void {
    this.#selected = -1;
  }

  /** Called when both consumers have taken the bytes so far. */
  clear(): void {
    assert(this.#effects === 0, 'a unit is taken whole');
    this.length = 0;
    if (this.#passing.length > 0) this.#passing = [];
    if (this.bytes.length > KEPT_SIZE_MAX) this.bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  }

  #request(request: Request): void {
    if (request.canonical) {
      this.#copy(request.buf, request.start, request.end - request.start);
      return;
    }
    this.#head(0x2a, request.argc);
    for (let i = 0; i < request.argc; i++) this.#bulk(request.buf, request.off[i]!, request.len[i]!);
  }

  #prepare(db: number): void {
    if (db !== this.#selected) {
      this.#selected = db;
      // Before the first effect of a unit, so that MULTI comes behind it.
      this.#select(db);
    }
    if (this.#depth === 0 || this.#bare) return;
    this.#effects++;
    if (this.#effects === 1) this.#unitStart = this.length;
    if (this.#effects === 2) this.#insertMulti();
  }

  #select(db: number): void {
    const text = Buffer.from(String(db));
    this.#head(0x2a, 2);
    this.#bulk(SELECT, 0, SELECT.length);
    this.#bulk(text, 0, text.length);
  }

  /** The unit turned out to have a second effect: what it has so far moves back by one MULTI. */
  #insertMulti(): void {
    this.#room(MULTI.length);
    this.bytes.copyWithin(this.#unitStart + MULTI.length, this.#unitStart, this.length);
    MULTI.copy(this.bytes, this.#unitStart);
    this.length += MULTI.length;
    // Behind the end of what is only passing and came before the unit.
    for (let i = 0; i < this.#passing.length; i++) {
      const moves = (this.#passing[i] as number) >= this.#unitStart + (i % 2);
      if (moves) this.#passing[i]! += MULTI.length;
    }
  }

  #head(type: number, n: number): void {
    this.#room(NUMBER_MAX);
    const bytes = this.bytes;
    bytes[this.length] = type;
    const end = writeInteger(n, bytes, this.length + 1);
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.length = end + 2;
  }

  #bulk(buf: Buffer, off: number, len: number): void {
    this.#head(0x24, len);
    this.#copy(buf, off, len);
    this.#room(2);
    this.bytes[this.length++] = CR;
    this.bytes[this.length++] = LF;
  }

  #append(bytes: Buffer): void {
    this.#copy(bytes, 0, bytes.length);
  }

  #copy(buf: Buffer, off: number, len: number): void {
    this.#room(len);
    buf.copy(this.bytes, this.length, off, off + len);
    this.length += len;
  }

  #room(need: number): void {
    if (this.length + need <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + need));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

const SELECT = Buffer.from('SELECT');
const DEL = Buffer.from('DEL');
