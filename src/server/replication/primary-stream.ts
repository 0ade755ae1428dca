/*
 * The command stream of our primary: bytes to commands, and the count of bytes by which both sides know where we are.
 *
 * Invariants:
 * (1) `applied` counts bytes of commands that were carried out, and of whatever else the stream holds between them. Inside
 *     a transaction it stands still, so that a link that breaks there is resumed in front of MULTI.
 *     A command that is not carried out does not count, nor does anything behind it.
 * (2) `passed` gets exactly the applied bytes, in order: they are the stream of our own replicas.
 */

import { Request } from '../protocol/request.ts';
import { HEADROOM, RequestParser } from '../protocol/request-parser.ts';
import type { Refusal } from './host.ts';

export interface StreamEvents {
  /** Carries out one command, or says why not. `open`: a transaction goes on behind it. */
  apply(request: Request): 'done' | 'open' | Refusal;
  passed(bytes: Buffer): void;
}

/** Why the primary cannot be understood; or which of its commands was not carried out. */
export type StreamFailure = string | Refusal;

const WINDOW_BYTES = 64 * 1024;
/** A primary may do anything that its own clients could. */
const LIMITS = { bulkMax: Number.MAX_SAFE_INTEGER, heldMax: Number.MAX_SAFE_INTEGER };
const EMPTY = Buffer.alloc(0);

export class PrimaryStream {
  /** Bytes applied since the stream began. */
  applied = 0;
  readonly #events: StreamEvents;
  readonly #window = Buffer.allocUnsafeSlow(HEADROOM + WINDOW_BYTES);
  readonly #request = new Request(EMPTY);
  readonly #parser = new RequestParser(this.#request, LIMITS);
  #received = 0;
  #parsed = 0;
  #passed = 0;
  #inTransaction = false;
  /** What was received and not passed on. */
  #waiting: Buffer[] = [];

  constructor(events: StreamEvents) {
    this.#events = events;
  }

  /** Takes what was read; the bytes must not change any more. After a failure, answered once, nothing more is taken. */
  feed(chunk: Buffer): StreamFailure | null {
    this.#waiting.push(chunk);
    let failure: StreamFailure | null = null;
    for (let at = 0; at < chunk.length && failure === null; at += WINDOW_BYTES) {
      const length = Math.min(WINDOW_BYTES, chunk.length - at);
      chunk.copy(this.#window, HEADROOM, at, at + length);
      failure = this.#read(length);
    }
    this.#passOn();
    return failure;
  }

  #read(length: number): StreamFailure | null {
    const parser = this.#parser;
    this.#received += length;
    parser.open(this.#window, HEADROOM, HEADROOM + length);
    for (let request = parser.next(); request !== null; request = parser.next()) {
      // The parser makes a request of its own for a line of words only.
      if (request !== this.#request && !request.owned) return 'it sent an inline command';
      const outcome = this.#events.apply(request);
      if (typeof outcome === 'object') return outcome;
      this.#parsed += request.end - request.start;
      this.#inTransaction = outcome === 'open';
      if (!this.#inTransaction) this.applied = this.#parsed;
    }
    if (parser.error !== '') return parser.error;
    parser.close();
    // Lone line ends belong to no command, but to the stream.
    this.#parsed = this.#received - parser.held;
    if (!this.#inTransaction) this.applied = this.#parsed;
    return null;
  }

  #passOn(): void {
    let count = this.applied - this.#passed;
    this.#passed = this.applied;
    while (count > 0) {
      const first = this.#waiting[0]!;
      const whole = first.length <= count;
      if (whole) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(count);
      const bytes = whole ? first : first.subarray(0, count);
      count -= bytes.length;
      this.#events.passed(bytes);
    }
  }
}
