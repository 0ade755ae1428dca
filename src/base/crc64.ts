/*
 * CRC-64 "Jones", the checksum of snapshots, DUMP payloads and manifests: polynomial 0xad93d23594c935a9, reflected, start
 * 0. Eight bytes are taken at a time ("slicing by 8"), by the loop of the byte kernel.
 */
import { byteKernel, INPUT } from './byte-kernel.ts';
import { copyBytes } from './copy.ts';

/** Small enough that what was copied is still in the processor's cache when it is read. */
const PIECE_BYTES = 64 * 1024;

export class Crc64 {
  #crc = 0n;

  update(buf: Buffer, off = 0, len = buf.length - off): void {
    const kernel = byteKernel();
    const end = off + len;
    for (let at = off; at < end; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, end - at);
      copyBytes(buf, at, bytes, kernel.bytes, INPUT);
      this.#crc = kernel.crc64(this.#crc, INPUT, bytes);
    }
  }

  /** The 8 bytes as they stand in files: little endian. More may be added afterwards. */
  digest(): Buffer {
    const out = Buffer.allocUnsafe(8);
    out.writeBigUInt64LE(BigInt.asUintN(64, this.#crc), 0);
    return out;
  }

  reset(): void {
    this.#crc = 0n;
  }
}
