/*
 * Bytes to requests. One parser belongs to one connection, but in the common case it owns no bytes: a read delivers a
 * window of the shared input buffer, every complete command in it is handed out as a view, and nothing is left.
 *
 * What is left of an incomplete command is held in one of two ways:
 * - Small: its bytes are copied aside, and put *in front of* the next window (whoever opens a window leaves HEADROOM bytes
 *   free before it); the command is then parsed again from its start, which costs less than remembering where we were.
 * - Large (a bulk that would not fit the headroom): a buffer of the size the command will need is filled directly from
 *   the windows to come, so a big value is copied once; `large` remembers the arguments found so far.
 *
 * Usage: open a window; call next() until it answers null; close. Incomplete is not an error; `error` is, and it is final.
 * Every length has a ceiling (spec: resp.md, section 1).
 */

import { parseInt64, parseInteger } from '../../base/ascii.ts';
import { splitInline } from './inline.ts';
import type { KeysAhead } from './look-ahead.ts';
import { Request, requestOf } from './request.ts';

/** What the owner of a window must leave free in front of it. */
export const HEADROOM = 16 * 1024;
/** Redis' PROTO_INLINE_MAX_SIZE: the longest inline command, and the longest line that holds a length. */
const LINE_MAX = 64 * 1024;
const ARGUMENTS_MAX = 2 ** 31 - 1;
/** Before a client has authenticated it may not make the server hold much (resp.md, section 1). */
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_MAX = 16 * 1024;

export interface ParserLimits {
  /** Bytes; proto-max-bulk-len. */
  bulkMax: number;
  /** Bytes that an incomplete command may hold; client-query-buffer-limit. */
  heldMax: number;
}

/** So many windows pass after a look in vain, so that it costs next to nothing. */
const WINDOWS_UNSEEN = 15;

const ZERO = 0x30;
const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

export class RequestParser {
  /** Empty, or why this connection cannot go on: the text after "Protocol error: ". */
  error = '';
  /** Set when the held bytes grew above `heldMax`; such a connection is closed without a word. */
  overflow = false;
  authenticated = true;

  readonly #limits: ParserLimits;
  readonly #shared: Request;
  #request: Request;
  #window: Buffer = EMPTY;
  #windowStart = 0;
  #pos = 0;
  #end = 0;
  /** Keys of commands before this position were found by a look ahead. */
  #lookedUntil = 0;
  /** Windows to come that are not looked at. */
  #unseen = 0;
  /** What follows the large command in the window that completed it. */
  #rest: Buffer = EMPTY;
  #restPos = 0;
  #restEnd = 0;
  /** Arguments still missing of the command being read, and where its bytes end at the earliest. */
  #missing = 0;
  #wanted = 0;
  #commandStart = 0;
  #held: Buffer = EMPTY;
  #heldLength = 0;
  #large: Request | null = null;
  /** Where in the large command's buffer reading goes on. */
  #resumeAt = 0;

  /** `shared` is overwritten by every command of every parser that was given it. */
  constructor(shared: Request, limits: ParserLimits) {
    this.#shared = shared;
    this.#request = shared;
    this.#limits = limits;
  }

  /** Bytes kept of an incomplete command, as CLIENT LIST shows them. */
  get held(): number {
    return this.#heldLength;
  }

  /** Bytes of the open window behind the command that was handed out last. */
  get ahead(): number {
    return this.#end - this.#pos + (this.#restEnd - this.#restPos);
  }

  /** What the buffer of an incomplete command could still take. */
  get roomLeft(): number {
    if (this.#large !== null) return this.#large.buf.length - this.#heldLength;
    return this.#held.length - this.#heldLength;
  }

  /** Begins to read `buf[from, to)`. The HEADROOM bytes before `from` may be overwritten. */
  open(buf: Buffer, from: number, to: number): void {
    if (this.#large !== null) return this.#fillLarge(this.#large, buf, from, to);
    let start = from;
    if (this.#heldLength > 0) {
      start = from - this.#heldLength;
      this.#held.copy(buf, start, 0, this.#heldLength);
      this.#heldLength = 0;
    }
    this.#window = buf;
    this.#windowStart = start;
    this.#pos = start;
    this.#end = to;
    this.#lookedUntil = start;
    if (this.#unseen === 0) return;
    this.#unseen--;
    this.#lookedUntil = to;
  }

  /**
   * Finds the keys of the commands that `next` is going to hand out; false when there are too few to be worth fetching
   * ahead of time, or when they were found already.
   */
  lookAhead(keys: KeysAhead): boolean {
    if (this.#pos < this.#lookedUntil || this.#missing > 0 || this.#pos >= this.#end) return false;
    // The last command or two of a window say nothing about the client.
    const isFirst = this.#lookedUntil === this.#windowStart;
    this.#lookedUntil = keys.look(this.#window, this.#pos, this.#end);
    if (keys.count > 1 || keys.memberCount > 1) return true;
    if (isFirst) this.lookLess();
    return false;
  }

  /** The last look won nothing, and who sends much of a kind goes on with it: looks again after some windows. */
  lookLess(): void {
    this.#lookedUntil = this.#end;
    this.#unseen = WINDOWS_UNSEEN;
  }

  /** The next complete command, or null when the window holds no more (then look at `error`). */
  next(): Request | null {
    for (;;) {
      const request = this.#read();
      if (request !== null || this.error !== '') return request;
      if (this.#restPos === this.#restEnd) return null;
      if (this.#missing !== 0) return null;
      this.#window = this.#rest;
      this.#pos = this.#restPos;
      this.#end = this.#restEnd;
      this.#restPos = this.#restEnd = 0;
    }
  }

  /** Ends the window: what was not consumed is kept, also when the reader stopped early. */
  close(): void {
    if (this.#restPos !== this.#restEnd) return this.#holdBoth();
    const start = this.#missing > 0 ? this.#commandStart : this.#pos;
    const length = this.#end - start;
    if (length === 0 && this.#missing === 0) {
      this.#window = EMPTY;
      this.#rest = EMPTY;
      this.#large = null;
      // A large one that was carried out shall not stay until the client sends the next.
      this.#request = this.#shared;
      this.#pos = this.#end = 0;
      return;
    }
    if (length > this.#limits.heldMax) this.overflow = true;
    const need = Math.max(length, this.#wanted - start);
    if (this.#large !== null && this.#missing > 0 && start === 0) this.#keepLarge(this.#large);
    else if (need <= HEADROOM) this.#holdSmall(start, length);
    else this.#holdLarge(start, length, need);
    this.#window = EMPTY;
    this.#pos = this.#end = 0;
  }

  #read(): Request | null {
    if (this.#missing > 0) return this.#readArguments();
    for (;;) {
      if (this.#pos >= this.#end) return null;
      const request = this.#shared;
      if (this.#request !== request) this.#request = request;
      this.#commandStart = this.#pos;
      if (this.#window[this.#pos] !== STAR) {
        const inline = this.#readInline();
        if (inline === null || inline.argc > 0) return inline;
        continue; // A blank line is no command.
      }
      let count = this.#shortLength(this.#pos + 1);
      if (count < 0) {
        count = this.#readLength(
          this.#pos + 1,
          'too big mbulk count string',
          'invalid multibulk length',
          ARGUMENTS_MAX,
        );
      } else {
        this.#pos += count < 10 ? 4 : 5;
      }
      if (Number.isNaN(count)) return null;
      if (count > UNAUTHENTICATED_ARGUMENTS_MAX && !this.authenticated)
        return this.#fail('unauthenticated multibulk length');
      if (count <= 0) continue;
      request.argc = 0;
      request.canonical = true;
      this.#missing = count;
      return this.#readArguments();
    }
  }

  #readArguments(): Request | null {
    const request = this.#request;
    const buf = this.#window;
    const end = this.#end;
    const bulkMax = this.#limits.bulkMax;
    let argc = request.argc;
    let missing = this.#missing;
    let at = this.#pos;
    for (; missing > 0; missing--) {
      if (at >= end) {
        // Nothing is known of the next argument, so nothing more is awaited than some bytes of it.
        this.#wanted = 0;
        break;
      }
      if (buf[at] !== DOLLAR) {
        if (!this.#isWholeLine(at)) break;
        return this.#fail(unexpected(buf[at]!));
      }
      let length = this.#shortLength(at + 1);
      let dataAt = length < 10 ? at + 4 : at + 5;
      if (length < 0) {
        length = this.#readLength(at + 1, 'too big bulk count string', 'invalid bulk length', bulkMax);
        if (Number.isNaN(length)) break;
        if (length < 0) return this.#fail('invalid bulk length');
        if (length > UNAUTHENTICATED_BULK_MAX && !this.authenticated) return this.#fail('unauthenticated bulk length');
        dataAt = this.#pos;
      }
      const next = dataAt + length + 2;
      if (next > end) {
        this.#wanted = next;
        break;
      }
      if (buf[next - 2] !== CR || buf[next - 1] !== LF) request.canonical = false;
      if (argc === request.off.length) request.reserve(argc + 1);
      request.off[argc] = dataAt;
      request.len[argc++] = length;
      at = next;
    }
    request.argc = argc;
    this.#pos = at;
    this.#missing = missing;
    if (missing > 0) return null;
    this.#wanted = 0;
    // What follows in its buffer, or in the window behind it, does not belong to the large command.
    if (this.#large !== null) this.#large = null;
    if (request.buf !== buf) request.buf = buf;
    request.start = this.#commandStart;
    request.end = at;
    return request;
  }

  /** The usual length: one digit or two, with its line end. Else -1, and only the general way, which is slow, can tell. */
  #shortLength(from: number): number {
    const buf = this.#window;
    if (from + 3 >= this.#end) return -1;
    const first = buf[from]! - ZERO;
    if (first < 0 || first > 9) return -1;
    if (buf[from + 1] === CR) return buf[from + 2] === LF ? first : -1;
    const second = buf[from + 1]! - ZERO;
    if (first === 0 || second < 0 || second > 9 || buf[from + 2] !== CR || buf[from + 3] !== LF) return -1;
    return first * 10 + second;
  }

  /** As in Redis, what a line begins with counts once it has come to its end. */
  #isWholeLine(from: number): boolean {
    const lineEnd = this.#window.indexOf(CR, from);
    if (lineEnd >= 0 && lineEnd + 1 < this.#end) return true;
    if (this.#end - from > LINE_MAX) this.#fail('too big bulk count string');
    this.#wanted = 0;
    return false;
  }

  /** Reads a decimal up to the line end and moves behind it. NaN: incomplete (nothing moves) or failed (`error` is set). */
  #readLength(from: number, tooLong: string, invalid: string, max: number): number {
    const buf = this.#window;
    const end = this.#end;
    let at = from;
    while (at < end && buf[at] !== CR) at++;
    if (at + 1 >= end) {
      if (at - from > LINE_MAX) this.#fail(tooLong);
      this.#wanted = 0;
      return Number.NaN;
    }
    const small = parseInteger(buf, from, at - from);
    // As Redis reads it: a count of 64 bits below zero is no arguments.
    const value = Number.isNaN(small) ? Number(parseInt64(buf, from, at - from) ?? Number.NaN) : small;
    if (Number.isNaN(value) || value > max) {
      this.#fail(invalid);
      return Number.NaN;
    }
    if (buf[at + 1] !== LF) this.#request.canonical = false;
    this.#pos = at + 2;
    return value;
  }

  #readInline(): Request | null {
    const newline = this.#window.indexOf(LF, this.#pos);
    if (newline < 0 || newline >= this.#end) {
      if (this.#end - this.#pos > LINE_MAX) return this.#fail('too big inline request');
      return null;
    }
    const lineEnd = newline > this.#pos && this.#window[newline - 1] === CR ? newline - 1 : newline;
    const words = splitInline(this.#window.latin1Slice(this.#pos, lineEnd));
    if (words === null) return this.#fail('unbalanced quotes in request');
    this.#pos = newline + 1;
    return requestOf(words);
  }

  #fail(error: string): null {
    this.error = error;
    return null;
  }

  #holdSmall(start: number, length: number): void {
    if (this.#held.length < length) this.#held = Buffer.allocUnsafeSlow(Math.max(length, 256));
    this.#window.copy(this.#held, 0, start, start + length);
    this.#heldLength = length;
    this.#missing = 0;
    this.#wanted = 0;
    this.#large = null;
  }

  #holdLarge(start: number, length: number, need: number): void {
    const found = this.#request;
    const large = new Request(EMPTY, Math.max(32, found.off.length));
    large.argc = this.#missing > 0 ? found.argc : 0;
    large.canonical = found.canonical;
    for (let i = 0; i < large.argc; i++) {
      large.off[i] = found.off[i]! - start;
      large.len[i] = found.len[i]!;
    }
    // A bulk of known size gets exactly its room; lines of unknown size get twice what they have.
    const capacity = need > length ? need : length * 2;
    const bytes = Buffer.allocUnsafeSlow(capacity);
    this.#window.copy(bytes, 0, start, start + length);
    large.buf = bytes;
    this.#large = large;
    this.#heldLength = length;
    this.#wanted = need > length ? need : 0;
    this.#commandStart = 0;
    large.owned = true;
    // With arguments missing, reading goes on behind the last one found; else the command is read from its start.
    this.#resumeAt = this.#missing > 0 ? this.#pos - start : 0;
  }

  /** The large command is still not complete: it stays where it is, with room for what it is known to need. */
  #keepLarge(large: Request): void {
    this.#heldLength = this.#end;
    this.#resumeAt = this.#pos;
    if (this.#wanted <= large.buf.length) return;
    const capacity = this.#missing === 1 ? this.#wanted : Math.max(this.#wanted, large.buf.length * 2);
    const grown = Buffer.allocUnsafeSlow(capacity);
    large.buf.copy(grown, 0, 0, this.#heldLength);
    large.buf = grown;
  }

  /** Adds a window to the large command: only what the awaited bulk needs, if that completes the command. */
  #fillLarge(large: Request, buf: Buffer, from: number, to: number): void {
    let take = to - from;
    if (this.#wanted > 0) take = Math.min(take, this.#wanted - this.#heldLength);
    this.#append(large, buf, from, from + take);
    let next = from + take;
    if (next < to && this.#missing !== 1) {
      // More arguments follow: they are read from the same buffer, with all that came.
      this.#append(large, buf, next, to);
      next = to;
    }
    this.#window = large.buf;
    this.#pos = this.#resumeAt;
    this.#end = this.#heldLength;
    this.#request = large;
    this.#rest = buf;
    this.#restPos = next;
    this.#restEnd = to;
    this.#heldLength = 0;
    if (this.#missing === 0) {
      this.#large = null;
      this.#commandStart = 0;
    }
  }

  #append(large: Request, buf: Buffer, from: number, to: number): void {
    const length = this.#heldLength + (to - from);
    if (length > large.buf.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, large.buf.length * 2));
      large.buf.copy(grown, 0, 0, this.#heldLength);
      large.buf = grown;
    }
    buf.copy(large.buf, this.#heldLength, from, to);
    this.#heldLength = length;
  }

  /** The reader stopped early (a client that blocks) with bytes in two windows: both become one. */
  #holdBoth(): void {
    const head = this.#end - this.#pos;
    const tail = this.#restEnd - this.#restPos;
    const joined = Buffer.allocUnsafeSlow(head + tail);
    this.#window.copy(joined, 0, this.#pos, this.#end);
    this.#rest.copy(joined, head, this.#restPos, this.#restEnd);
    this.#window = joined;
    this.#pos = 0;
    this.#end = joined.length;
    this.#restPos = this.#restEnd = 0;
    this.#rest = EMPTY;
    this.#large = null;
    this.close();
  }
}

/** As Redis says it: the byte as it is, but for line ends; a zero byte ends the text. */
function unexpected(byte: number): string {
  const got = byte === CR || byte === LF ? ' ' : String.fromCharCode(byte);
  return byte === 0 ? "expected '$', got '" : `expected '$', got '${got}'`;
}
