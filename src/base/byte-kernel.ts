/*
 * The loops of byte-kernel.wat, which the engine compiles when one of them is first called. They see a memory of their
 * own: what they are to read is copied to INPUT, which costs a twentieth of what they do with it, and what they write
 * stands at OUTPUT. Nothing stays there from one call to the next, so all servers of a process share it.
 */
import { MODULE_BASE64 } from './byte-kernel-module.ts';

/** What fits in at once, and out. */
export const PIECE_BYTES = 1024 * 1024;
export const INPUT = 81936;
/** Behind the input lie bytes that may be read, but say nothing. */
export const OUTPUT = INPUT + PIECE_BYTES + 16;
const CONSUMED = 81924;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  prepare(): void;
  crc64(crc: bigint, at: number, len: number): bigint;
  compress(at: number, len: number, out: number, room: number): number;
  expand(at: number, end: number, spare: number, start: number, to: number, full: number, outEnd: number): number;
}

export interface ByteKernel extends Exports {
  readonly bytes: Buffer;
  /** Bytes of input that the last `expand` has taken. */
  consumed(): number;
}

let made: ByteKernel | null = null;

export function byteKernel(): ByteKernel {
  made ??= make();
  return made;
}

function make(): ByteKernel {
  const module = new WebAssembly.Module(Buffer.from(MODULE_BASE64, 'base64'));
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  exports.prepare();
  const bytes = Buffer.from(exports.memory.buffer);
  return { ...exports, bytes, consumed: () => bytes.readInt32LE(CONSUMED) };
}
