/** Builds a byte string of unknown length: one buffer that doubles. `be` and `le` name the byte order. */
export class ByteWriter {
  #buf: Buffer;
  #position = 0;
  readonly #capacity: number;

  constructor(capacity = 256) {
    this.#capacity = Math.max(16, capacity);
    this.#buf = Buffer.allocUnsafeSlow(this.#capacity);
  }

  /** How many bytes were written so far. */
  get position(): number {
    return this.#position;
  }

  u8(n: number): this {
    this.#reserve(1);
    this.#buf[this.#position++] = n;
    return this;
  }

  u16be(n: number): this {
    this.#reserve(2);
    this.#position = this.#buf.writeUInt16BE(n & 0xffff, this.#position);
    return this;
  }

  u16le(n: number): this {
    this.#reserve(2);
    this.#position = this.#buf.writeUInt16LE(n & 0xffff, this.#position);
    return this;
  }

  u32be(n: number): this {
    this.#reserve(4);
    this.#position = this.#buf.writeUInt32BE(n >>> 0, this.#position);
    return this;
  }

  u32le(n: number): this {
    this.#reserve(4);
    this.#position = this.#buf.writeUInt32LE(n >>> 0, this.#position);
    return this;
  }

  /** Negative values are written as two's complement. */
  i64le(n: number | bigint): this {
    return this.u64le(n);
  }

  u64be(n: number | bigint): this {
    this.#reserve(8);
    this.#position = this.#buf.writeBigUInt64BE(BigInt.asUintN(64, BigInt(n)), this.#position);
    return this;
  }

  /** Negative values are written as two's complement. */
  u64le(n: number | bigint): this {
    this.#reserve(8);
    this.#position = this.#buf.writeBigUInt64LE(BigInt.asUintN(64, BigInt(n)), this.#position);
    return this;
  }

  f64le(n: number): this {
    this.#reserve(8);
    this.#position = this.#buf.writeDoubleLE(n, this.#position);
    return this;
  }

  bytes(buf: Buffer, off = 0, len = buf.length - off): this {
    this.#reserve(len);
    buf.copy(this.#buf, this.#position, off, off + len);
    this.#position += len;
    return this;
  }

  /** A string in UTF-8. */
  text(s: string): this {
    // No UTF-16 unit becomes more than three bytes.
    this.#reserve(s.length * 3);
    this.#position += this.#buf.utf8Write(s, this.#position);
    return this;
  }

  /** A string whose characters are bytes. */
  latin1(s: string): this {
    this.#reserve(s.length);
    this.#position += this.#buf.latin1Write(s, this.#position);
    return this;
  }

  zeros(n: number): this {
    this.#reserve(n);
    this.#buf.fill(0, this.#position, this.#position + n);
    this.#position += n;
    return this;
  }

  /** What was written, given away for good; the writer starts anew. */
  take(): Buffer {
    const taken = this.view();
    this.#buf = Buffer.allocUnsafeSlow(this.#capacity);
    this.#position = 0;
    return taken;
  }

  /** What was written so far, valid until the next write: also the place to fill in a length that was not known. */
  view(): Buffer {
    return this.#buf.subarray(0, this.#position);
  }

  /** Forgets what was written and keeps the room. */
  reset(): void {
    this.#position = 0;
  }

  #reserve(more: number): void {
    const needed = this.#position + more;
    if (needed <= this.#buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buf.length * 2));
    this.#buf.copy(grown, 0, 0, this.#position);
    this.#buf = grown;
  }
}
