/** Room to spare after a value grew: as much again, but not more than this. */
const SPARE_BYTES_MAX = 1024 * 1024;

/**
 * The bytes of a large string. Once lent to a socket they must stay as they are for as long as the socket may read
 * them, which nobody tells us: so from then on a change works on a copy, and the garbage collector does the rest.
 */
export class BigValue {
  buffer: Buffer;
  length: number;
  lent = false;

  constructor(buffer: Buffer, length: number) {
    this.buffer = buffer;
    this.length = length;
  }

  static empty(): BigValue {
    return new BigValue(Buffer.alloc(0), 0);
  }

  /** Of bytes that somebody may be reading. */
  static lent(buffer: Buffer): BigValue {
    const big = new BigValue(buffer, buffer.length);
    big.lent = true;
    return big;
  }

  static copyOf(source: Buffer, off: number, length: number): BigValue {
    const buffer = Buffer.allocUnsafeSlow(length);
    source.copy(buffer, 0, off, off + length);
    return new BigValue(buffer, length);
  }

  /** Takes over the bytes of another value, in place if that neither disturbs a socket nor wastes much. */
  assign(source: Buffer, off: number, length: number): void {
    const fits = length <= this.buffer.length && length >= this.buffer.length >> 1;
    if (this.lent || !fits) {
      this.buffer = Buffer.allocUnsafeSlow(length);
      this.lent = false;
    }
    source.copy(this.buffer, 0, off, off + length);
    this.length = length;
  }

  /** Makes the bytes fit to be written, `length` of them; new ones are zeros. */
  prepare(length: number): void {
    if (this.lent || length > this.buffer.length) {
      const spare = length > this.length ? Math.min(length, SPARE_BYTES_MAX) : 0;
      const buffer = Buffer.allocUnsafeSlow(length + spare);
      this.buffer.copy(buffer, 0, 0, this.length);
      this.buffer = buffer;
      this.lent = false;
    }
    if (length > this.length) this.buffer.fill(0, this.length, length);
    this.length = length;
  }
}
