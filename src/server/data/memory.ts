/*
 * Memory that the databases of a server share, and that goes back to the system when it is not needed any more. What is
 * dropped within a turn may still be read until the turn is over (the reply to GETDEL is made of it), so it goes then.
 */
import type { Aggregate } from './aggregate.ts';
import { SlabPool } from './slabs.ts';

/** Of the arena, and of a full segment of a table. */
export const CHUNK_BLOCK_BYTES = 1024 * 1024;
export const SEGMENT_BLOCK_BYTES = 16 * 1024;

export class Memory {
  readonly chunks = new SlabPool(CHUNK_BLOCK_BYTES);
  readonly segments = new SlabPool(SEGMENT_BLOCK_BYTES);
  #dropped: ArrayBuffer[] = [];
  #droppedObjects: Aggregate[] = [];

  /** Of slabs, what no block takes. */
  get vacantBytes(): number {
    return this.chunks.vacantBytes + this.segments.vacantBytes;
  }

  /** Nobody will read these bytes when the turn is over. Those that share their memory with others stay. */
  drop(bytes: Buffer): void {
    const { buffer } = bytes;
    if (buffer instanceof ArrayBuffer && bytes.length * 2 >= buffer.byteLength) this.#dropped.push(buffer);
  }

  /** A record that held this object is gone. If no other takes it in this turn (RENAME does), its memory goes too. */
  dropObject(object: Aggregate): void {
    object.holders--;
    if (object.hasSlabs) this.#droppedObjects.push(object);
  }

  /** At the end of a turn; true when there is more to do, which may wait for the next. */
  release(): boolean {
    if (this.#dropped.length > 0) {
      // Detached, so that the memory goes now and not when the collector comes by.
      for (const buffer of this.#dropped) if (!buffer.detached) buffer.transfer(0);
      this.#dropped = [];
    }
    if (this.#droppedObjects.length > 0) {
      for (const object of this.#droppedObjects) if (object.holders === 0) object.dispose();
      this.#droppedObjects = [];
    }
    return this.chunks.release() || this.segments.release();
  }
}
