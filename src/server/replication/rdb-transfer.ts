/*
 * The data set on its way from the primary: bytes go into the reader as they come, nothing is kept. Its end is known by
 * its announced length, or by a mark of random bytes that follows it.
 */

import type { RdbReader } from '../persistence/rdb-reader.ts';

export type RdbForm = { readonly length: number } | { readonly mark: Buffer };

/** What came is not what was announced. */
export class TransferFailure extends Error {
  override name = 'TransferFailure';
}

const EMPTY = Buffer.alloc(0);

export class RdbTransfer {
  /** Bytes of the RDB so far. */
  received = 0;
  readonly #reader: RdbReader;
  readonly #form: RdbForm;
  readonly #passed: (bytes: Buffer) => void;
  /** What came behind the RDB, while the mark is not complete. */
  #tail: Buffer = EMPTY;

  /** `passed` gets the bytes of the RDB, and nothing of what follows. */
  constructor(reader: RdbReader, form: RdbForm, passed: (bytes: Buffer) => void = () => {}) {
    this.#reader = reader;
    this.#form = form;
    this.#passed = passed;
  }

  /** Null while there is more to come; then what followed the RDB. Throws RdbFailure and TransferFailure. */
  feed(chunk: Buffer): Buffer | null {
    return 'length' in this.#form
      ? this.#feedCounted(chunk, this.#form.length)
      : this.#feedMarked(chunk, this.#form.mark);
  }

  #feedCounted(chunk: Buffer, length: number): Buffer | null {
    const part = chunk.subarray(0, length - this.received);
    this.received += part.length;
    this.#passed(part);
    if (!this.#reader.done) this.#reader.feed(part);
    if (this.received < length) return null;
    this.#reader.finish();
    return chunk.subarray(part.length);
  }

  #feedMarked(chunk: Buffer, mark: Buffer): Buffer | null {
    const reader = this.#reader;
    if (reader.done) {
      this.#tail = Buffer.concat([this.#tail, chunk]);
    } else {
      this.received += chunk.length;
      const done = reader.feed(chunk);
      if (done) this.#tail = reader.rest();
      this.received -= this.#tail.length;
      this.#passed(chunk.subarray(0, chunk.length - this.#tail.length));
      if (!done) return null;
    }
    if (this.#tail.length < mark.length) return null;
    if (!this.#tail.subarray(0, mark.length).equals(mark))
      throw new TransferFailure('the RDB does not end where its primary said');
    return this.#tail.subarray(mark.length);
  }
}
