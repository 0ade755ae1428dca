/*
 * The primitives of RDB output: bytes, lengths, strings, gathered in one buffer that goes to a sink when it is full. The
 * checksum is taken over whole chunks on their way out, so what a chunk costs is one pass over it and one call.
 */
import { parseInteger } from '../../base/ascii.ts';
import { Crc64 } from '../../base/crc64.ts';
import * as format from './format.ts';
import { COMPRESSED_LENGTH_MAX, lzfCompress } from './lzf.ts';

/** Takes bytes that are valid during the call only. May throw: then the output is of no use any more. */
export type Sink = (buf: Buffer, off: number, len: number) => void;

export interface OutputOptions {
  readonly sink: Sink;
  /** rdbcompression: try LZF on longer strings. */
  readonly compression: boolean;
  /** rdbchecksum: without it eight zeros stand at the end. */
  readonly checksum: boolean;
  /** List elements of so many bytes are nodes of their own; none without it. */
  readonly plainFrom?: number;
  /** Of the RDB: which types its reader knows. */
  readonly version?: number;
  readonly chunk?: number;
}

/** No element is longer than what a listpack holds, so none has to be plain. */
export const NEVER_PLAIN = Number.POSITIVE_INFINITY;
/** What one call of the sink gets at most, strings longer than that aside: they go out in one piece, uncopied. */
const CHUNK_BYTES = 1024 * 1024;
/** Opcode or type, 64-bit length, both lengths of LZF: no primitive but bytes needs more room at once. */
const PRIMITIVE_BYTES_MAX = 24;
const INTEGER_TEXT_MAX = 11;

export class RdbOutput {
  /** Bytes written since the start, buffered ones included. */
  total = 0;
  readonly #sink: Sink;
  readonly compression: boolean;
  readonly plainFrom: number;
  readonly version: number;
  readonly #crc: Crc64 | null;
  readonly #buf: Buffer;
  #at = 0;
  #scratch: Buffer;

  constructor(options: OutputOptions) {
    this.#sink = options.sink;
    this.compression = options.compression;
    this.plainFrom = options.plainFrom ?? NEVER_PLAIN;
    this.version = options.version ?? format.RDB_VERSION;
    this.#crc = options.checksum ? new Crc64() : null;
    this.#buf = Buffer.allocUnsafeSlow(Math.max(PRIMITIVE_BYTES_MAX, options.chunk ?? CHUNK_BYTES));
    this.#scratch = Buffer.allocUnsafeSlow(4096);
  }

  u8(byte: number): void {
    this.#reserve(1);
    this.#buf[this.#at++] = byte;
    this.total++;
  }

  u64le(value: number | bigint): void {
    this.#reserve(8);
    this.#buf.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), this.#at);
    this.#at += 8;
    this.total += 8;
  }

  f64le(value: number): void {
    this.#reserve(8);
    this.#buf.writeDoubleLE(value, this.#at);
    this.#at += 8;
    this.total += 8;
  }

  /** A length in the shortest of its forms. A bigint is for stream ids, which use all 64 bits. */
  length(n: number | bigint): void {
    this.#reserve(9);
    const buf = this.#buf;
    const start = this.#at;
    if (n < 64) {
      buf[this.#at++] = Number(n);
    } else if (n < 16384) {
      buf[this.#at++] = (format.LENGTH_14_BIT << 6) | (Number(n) >> 8);
      buf[this.#at++] = Number(n) & 0xff;
    } else if (n <= 0xffffffff) {
      buf[this.#at++] = format.LENGTH_32_BIT;
      this.#at = buf.writeUInt32BE(Number(n), this.#at);
    } else {
      buf[this.#at++] = format.LENGTH_64_BIT;
      this.#at = buf.writeBigUInt64BE(BigInt(n), this.#at);
    }
    this.total += this.#at - start;
  }

  /** A string in the shortest of its forms: a small integer, compressed, or as it is. */
  string(buf: Buffer, off = 0, len = buf.length - off): void {
    if (len <= INTEGER_TEXT_MAX && this.#integerString(buf, off, len)) return;
    const worthIt = this.compression && len > format.COMPRESSION_LENGTH_MIN && len <= COMPRESSED_LENGTH_MAX;
    if (worthIt && this.#compressedString(buf, off, len)) return;
    this.length(len);
    this.bytes(buf, off, len);
  }

  text(text: string): void {
    this.string(Buffer.from(text, 'latin1'));
  }

  /** Bytes without a length before them. */
  bytes(buf: Buffer, off = 0, len = buf.length - off): void {
    this.total += len;
    if (len > this.#buf.length) {
      this.#flush();
      this.#emit(buf, off, len);
      return;
    }
    this.#reserve(len);
    buf.copy(this.#buf, this.#at, off, off + len);
    this.#at += len;
  }

  /** Sends what is still buffered. */
  finish(): void {
    this.#flush();
  }

  /** The trailing checksum over all that came before it, and `finish`: in one call of the sink if there is room. */
  finishWithChecksum(): void {
    this.#reserve(format.CHECKSUM_LENGTH);
    this.#crc?.update(this.#buf, 0, this.#at);
    const digest = this.#crc === null ? Buffer.alloc(format.CHECKSUM_LENGTH) : this.#crc.digest();
    this.#at += digest.copy(this.#buf, this.#at);
    this.total += digest.length;
    this.#sink(this.#buf, 0, this.#at);
  }

  #integerString(buf: Buffer, off: number, len: number): boolean {
    const value = parseInteger(buf, off, len);
    if (Number.isNaN(value) || value < -2147483648 || value > 2147483647) return false;
    this.#reserve(5);
    const out = this.#buf;
    const start = this.#at;
    if (value >= -128 && value <= 127) {
      out[this.#at++] = 0xc0 | format.STRING_INT8;
      this.#at = out.writeInt8(value, this.#at);
    } else if (value >= -32768 && value <= 32767) {
      out[this.#at++] = 0xc0 | format.STRING_INT16;
      this.#at = out.writeInt16LE(value, this.#at);
    } else {
      out[this.#at++] = 0xc0 | format.STRING_INT32;
      this.#at = out.writeInt32LE(value, this.#at);
    }
    this.total += this.#at - start;
    return true;
  }

  #compressedString(buf: Buffer, off: number, len: number): boolean {
    const room = len - format.COMPRESSION_SAVING_MIN;
    if (this.#scratch.length < room) this.#scratch = Buffer.allocUnsafeSlow(room);
    const compressed = lzfCompress(buf, off, len, this.#scratch, 0, room);
    if (compressed === 0) return false;
    this.u8(0xc0 | format.STRING_LZF);
    this.length(compressed);
    this.length(len);
    this.bytes(this.#scratch, 0, compressed);
    return true;
  }

  #reserve(len: number): void {
    if (this.#at + len > this.#buf.length) this.#flush();
  }

  #flush(): void {
    if (this.#at === 0) return;
    const len = this.#at;
    this.#at = 0;
    this.#emit(this.#buf, 0, len);
  }

  #emit(buf: Buffer, off: number, len: number): void {
    this.#crc?.update(buf, off, len);
    this.#sink(buf, off, len);
  }
}
