/*
 * The bytes of a packed value that is being changed. Every change builds them anew in another place, so the bytes that a
 * draft was started with stay as they are: those of the record, mostly.
 */

const ROOM_MIN = 1024;

export class PackedDraft {
  /** The current bytes: `len` from `off` on. */
  buf: Buffer;
  off = 0;
  len = 0;
  /** Two places to build in: one holds the current bytes, or the one that the draft was started with does. */
  #left = Buffer.allocUnsafeSlow(ROOM_MIN);
  #right = Buffer.allocUnsafeSlow(ROOM_MIN);

  constructor() {
    this.buf = this.#left;
  }

  start(buf: Buffer, off: number, len: number): void {
    this.buf = buf;
    this.off = off;
    this.len = len;
  }

  /** A place to build so many bytes in, from 0 on, that is not where the current ones are. */
  room(bytes: number): Buffer {
    const wide = bytes > ROOM_MIN ? 2 ** Math.ceil(Math.log2(bytes)) : 0;
    if (this.buf === this.#left) {
      if (this.#right.length < bytes) this.#right = Buffer.allocUnsafeSlow(wide);
      return this.#right;
    }
    if (this.#left.length < bytes) this.#left = Buffer.allocUnsafeSlow(wide);
    return this.#left;
  }

  /** The bytes built in `out` are the current ones. */
  take(out: Buffer, len: number): void {
    this.start(out, 0, len);
  }

  /** A copy of the current bytes. */
  copy(): Buffer {
    return Buffer.from(this.buf.subarray(this.off, this.off + this.len));
  }
}
