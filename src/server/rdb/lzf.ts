/*
 * LZF, the compression of strings in RDB files. A stream is a row of two kinds of items:
 *
 *   000LLLLL                      L+1 literal bytes follow (1..32)
 *   LLLooooo oooooooo             copy L+2 bytes (L 1..6) from o+1 bytes back
 *   111ooooo LLLLLLLL oooooooo    copy L+9 bytes (L 0..255) from o+1 bytes back
 *
 * A copy may overlap what it writes: that is how runs are stored. The compressor looks three bytes up in a hash table
 * of their last place and takes the match it finds, longer or not: speed first, as everywhere LZF is used. Both loops
 * are in base/byte-kernel.wat.
 */
import { byteKernel, INPUT, OUTPUT, PIECE_BYTES } from '../../base/byte-kernel.ts';
import { copyBytes } from '../../base/copy.ts';

const DISTANCE_MAX = 8192;
/** Of the stream: literals with what says how many. */
const ITEM_BYTES_MAX = 33;

/** The most a stream can say: three bytes for 264. A claimed length beyond this is a lie. */
export const EXPANSION_MAX = 88;
/** The longest input that `lzfCompress` takes: as much as the kernel holds at once. */
export const COMPRESSED_LENGTH_MAX = PIECE_BYTES;

/**
 * Compresses into `out` from `at`; answers the compressed length, or 0 when it would take more than `room` bytes, which
 * are at most as many as the input has.
 */
export function lzfCompress(buf: Buffer, off: number, len: number, out: Buffer, at: number, room: number): number {
  const kernel = byteKernel();
  copyBytes(buf, off, len, kernel.bytes, INPUT);
  const compressed = kernel.compress(INPUT, len, OUTPUT, room);
  copyBytes(kernel.bytes, OUTPUT, compressed, out, at);
  return compressed;
}

/** Expands exactly `into.length` bytes; answers false when the stream is not a valid one of that length. */
export function lzfExpand(buf: Buffer, off: number, len: number, into: Buffer): boolean {
  const kernel = byteKernel();
  const { bytes } = kernel;
  const end = off + len;
  let at = off;
  let done = 0;
  /** Where output begins: behind what was put out before and copies may still reach back to. */
  let from = OUTPUT;
  while (at < end) {
    const piece = Math.min(PIECE_BYTES, end - at);
    const spare = at + piece === end ? 0 : ITEM_BYTES_MAX;
    copyBytes(buf, at, piece, bytes, INPUT);
    const outEnd = from + into.length - done;
    const to = kernel.expand(INPUT, INPUT + piece, spare, OUTPUT, from, OUTPUT + PIECE_BYTES, outEnd);
    if (to === 0) return false;
    copyBytes(bytes, from, to - from, into, done);
    done += to - from;
    at += kernel.consumed();
    from = OUTPUT + Math.min(DISTANCE_MAX, to - OUTPUT);
    if (at < end) bytes.copyWithin(OUTPUT, to - (from - OUTPUT), to);
  }
  return done === into.length;
}
