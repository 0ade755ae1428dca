/*
 * A text file whose lines change often, and that would be written again, or learnt again, after a crash of the system, which
 * may leave the old content; a crash of the process alone loses nothing.
 *
 * Where the text fits in a page it is written over the old one, which costs a hundredth of a new file. (A rename over a file
 * that was just written makes ext4 write it out at once; other file systems do not, and leave an empty file behind a
 * crash.) The file stays open until `rest`, so that the next change is one system call; until then, and behind a crash of
 * the process, empty lines may follow the text.
 */
import { OpenFile, replaceFile, sizeOf } from './disk.ts';

/** The kernel writes a page back as a whole: a crash of the system leaves the old one or the new one. */
const PAGE_BYTES = 4096;
const NEWLINE = 0x0a;

export class OverwrittenText {
  readonly #path: string;
  #file: OpenFile | null = null;
  /** While it is open: its content, and how much of that is text. */
  #held: Buffer = Buffer.allocUnsafeSlow(PAGE_BYTES);
  #size = 0;
  #textLength = 0;
  /** Where the next content is made. */
  #spare: Buffer = Buffer.allocUnsafeSlow(PAGE_BYTES);

  constructor(path: string) {
    this.#path = path;
  }

  /** A character is a byte. */
  write(text: string): void {
    if (text.length <= PAGE_BYTES && (this.#file !== null || this.#open())) return this.#overwrite(text);
    this.rest();
    replaceFile(this.#path, Buffer.from(text, 'latin1'));
  }

  /** Whatever has the name of the file at the next change is what will be written. */
  rest(): void {
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    try {
      if (this.#size > this.#textLength) file.truncate(this.#textLength);
    } finally {
      file.close();
    }
  }

  /** False where there is nothing that could be written over in one piece. */
  #open(): boolean {
    const size = sizeOf(this.#path);
    if (size <= 0 || size > PAGE_BYTES) return false;
    this.#file = new OpenFile(this.#path, 'r+');
    this.#size = this.#file.readStart(this.#held, size);
    this.#textLength = this.#size;
    return true;
  }

  /** In one call, so that the end of the process finds the old text or the new one. */
  #overwrite(text: string): void {
    const file = this.#file as OpenFile;
    const next = this.#spare;
    const size = Math.max(text.length, this.#size);
    next.latin1Write(text, 0);
    next.fill(NEWLINE, text.length, size);
    try {
      file.overwriteStart(next, size);
    } catch (failure) {
      file.restore(this.#held, this.#size);
      throw failure;
    }
    this.#spare = this.#held;
    this.#held = next;
    this.#size = size;
    this.#textLength = text.length;
  }
}
