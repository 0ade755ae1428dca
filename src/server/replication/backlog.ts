/*
 * The last part of the stream, kept so that a replica that was away for a moment needs no full copy: a ring of bytes,
 * addressed by stream offset. Its memory is taken in full when it is made, and costs nothing until it is written to.
 */

import { assert } from '../../base/assert.ts';

export class Backlog {
  #ring: Buffer;
  /** Bytes held, and the offset of the byte that will come next. */
  #length = 0;
  #next: number;

  /** `next`: the offset that the first byte to come will have. */
  constructor(size: number, next: number) {
    this.#ring = Buffer.allocUnsafeSlow(size);
    this.#next = next;
  }

  get size(): number {
    return this.#ring.length;
  }

  get length(): number {
    return this.#length;
  }

  /** The offset of the first byte held; without any, that of the next to come. */
  get first(): number {
    return this.#next - this.#length;
  }

  /** Can a replica that asks for the stream from `offset` on be served from here? */
  has(offset: number): boolean {
    return offset >= this.first && offset <= this.#next;
  }

  push(bytes: Buffer): void {
    const ring = this.#ring;
    const taken = Math.min(bytes.length, ring.length);
    let from = bytes.length - taken;
    let at = (this.#next + from) % ring.length;
    while (from < bytes.length) {
      const part = Math.min(bytes.length - from, ring.length - at);
      bytes.copy(ring, at, from, from + part);
      from += part;
      at = 0;
    }
    this.#next += bytes.length;
    this.#length = Math.min(this.#length + bytes.length, ring.length);
  }

  /** A copy of everything from `offset` on. */
  from(offset: number): Buffer {
    assert(this.has(offset), 'the backlog does not reach that far');
    const copy = Buffer.allocUnsafeSlow(this.#next - offset);
    const at = offset % this.#ring.length;
    const part = Math.min(copy.length, this.#ring.length - at);
    this.#ring.copy(copy, 0, at, at + part);
    this.#ring.copy(copy, part, 0, copy.length - part);
    return copy;
  }

  /** Keeps as much of what is held as fits. */
  resize(size: number): void {
    const kept = this.from(this.#next - Math.min(this.#length, size));
    this.#ring = Buffer.allocUnsafeSlow(size);
    this.#next -= kept.length;
    this.#length = 0;
    this.push(kept);
  }
}
