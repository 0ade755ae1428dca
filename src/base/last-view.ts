/** Who asks for views of longer buffers keeps large ones alive for the sake of their view. */
export const REMEMBERED_MAX = 128 * 1024;

/**
 * A DataView of the buffer that was asked for last. It reads and writes 4 or 8 bytes at any place in one instruction, but
 * making it costs as much as a dozen of these: it pays where the same buffer is asked for many times in a row.
 */
export class LastView {
  #buf: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#buf.buffer);

  of(buf: Buffer): DataView {
    if (buf !== this.#buf) {
      this.#buf = buf;
      this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    return this.#view;
  }
}
