/** The bytes end before the value that was asked for: a torn file, or a message that lies about its length. */
export class ShortRead extends Error {
  override readonly name = 'ShortRead';
  /** Where the value that is not all there begins. */
  readonly offset: number;

  constructor(offset: number, wanted: number, left: number) {
    super(`wanted ${wanted} bytes at offset ${offset}, and only ${left} are left`);
    this.offset = offset;
  }
}

/** Reads values from a part of a buffer, one behind the other, and never behind its end. */
export class ByteReader {
  readonly #buf: Buffer;
  readonly #end: number;
  #position: number;

  constructor(buf: Buffer, off = 0, end: number = buf.length) {
    this.#buf = buf;
    this.#position = off;
    this.#end = Math.min(end, buf.length);
  }

  /** The offset in the buffer of what is read next. */
  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  u8(): number {
    return this.#buf[this.#advance(1)] as number;
  }

  i8(): number {
    return this.#buf.readInt8(this.#advance(1));
  }

  u16be(): number {
    return this.#buf.readUInt16BE(this.#advance(2));
  }

  u16le(): number {
    return this.#buf.readUInt16LE(this.#advance(2));
  }

  i16le(): number {
    return this.#buf.readInt16LE(this.#advance(2));
  }

  u32be(): number {
    return this.#buf.readUInt32BE(this.#advance(4));
  }

  u32le(): number {
    return this.#buf.readUInt32LE(this.#advance(4));
  }

  i32le(): number {
    return this.#buf.readInt32LE(this.#advance(4));
  }

  u64be(): bigint {
    return this.#buf.readBigUInt64BE(this.#advance(8));
  }

  u64le(): bigint {
    return this.#buf.readBigUInt64LE(this.#advance(8));
  }

  i64le(): bigint {
    return this.#buf.readBigInt64LE(this.#advance(8));
  }

  f64le(): number {
    return this.#buf.readDoubleLE(this.#advance(8));
  }

  /** A view on the next bytes, which lives as long as the buffer does. */
  bytes(n: number): Buffer {
    const start = this.#advance(n);
    return this.#buf.subarray(start, start + n);
  }

  /** The next n bytes as UTF-8. */
  text(n: number): string {
    const start = this.#advance(n);
    return this.#buf.toString('utf8', start, start + n);
  }

  /** The next n bytes as characters of one byte each. */
  latin1(n: number): string {
    const start = this.#advance(n);
    return this.#buf.toString('latin1', start, start + n);
  }

  skip(n: number): void {
    this.#advance(n);
  }

  #advance(n: number): number {
    const at = this.#position;
    // A negative or absurd length comes from a field of the input: it is short, not a mistake of ours.
    if (!(n >= 0 && n <= this.#end - at)) throw new ShortRead(at, n, this.#end - at);
    this.#position = at + n;
    return at;
  }
}
