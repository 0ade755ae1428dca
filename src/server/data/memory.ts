/*
 * Memory that the databases of a server share, and that goes back to the system when it is not needed any more. What is
 * dropped within a turn may still be read until the turn is over (the reply to GETDEL is made of it), so it goes then.
 */
import { SlabPool } from './slabs.ts';

/** Of the arena, and of a full segment of a table. */
export const CHUNK_BLOCK_BYTES = 1024 * 1024;
export const SEGMENT_BLOCK_BYTES = 16 * 1024;

export class Memory {
  readonly chunks = new SlabPool(CHUNK_BLOCK_BYTES);
  readonly segments = new SlabPool(SEGMENT_BLOCK_BYTES);
  #dropped: ArrayBuffer[] = [];

  /** Of slabs, what no block takes. */
  get vacantBytes(): number {
    return this.chunks.vacantBytes + this.segments.vacantBytes;
  }

  /** Nobody will read these bytes when the turn is over. Those that share their memory with others stay. */
  drop(bytes: Buffer): void {
    const { buffer } = bytes;
    if (buffer instanceof ArrayBuffer && bytes.length * 2 >= buffer.byteLength) this.#dropped.push(buffer);
  }

  /** At the end of a turn; true when there is more to do, which may wait for the next. */
  release(): boolean {
    if (this.#dropped.length > 0) {
      // Detached, so that the memory goes now and not when the collector comes by.
      for (const buffer of this.#dropped) if (!buffer.detached) buffer.transfer(0);
      this.#dropped = [];
    }
    return this.chunks.release() || this.segments.release();
  }
}
