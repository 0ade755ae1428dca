/*
 * Commands as they stand in an append only file, over bytes that arrive in pieces: arrays of bulk strings, and between
 * them lines that start with # and say the time. Strict, because a log that was damaged in its middle must not be
 * replayed from some place where it happens to look right again.
 */

/** The text is what redis-server says; who has to repair the file finds it on the web. */
export class AofFormatFailure extends Error {
  readonly offset: number;
  readonly problem: string;

  constructor(offset: number, problem: string) {
    super(`${problem} at byte ${offset}`);
    this.name = 'AofFormatFailure';
    this.offset = offset;
    this.problem = problem;
  }
}

const STAR = 0x2a;
const DOLLAR = 0x24;
const HASH = 0x23;
const CR = 0x0d;
const LF = 0x0a;

const WINDOW_BYTES = 64 * 1024;
const ARGUMENTS_MAX = 1024 * 1024;
const ARGUMENT_BYTES_MAX = 512 * 1024 * 1024;
const NUMBER_DIGITS_MAX = 10;
const ANNOTATION_BYTES_MAX = 1024;

const MORE = -1;

export class AofParser {
  /** The command that `next` found: views, valid until the next `push`. */
  args: Buffer[] = [];
  /** How many unconsumed bytes there must be before it is worth calling `next` again. */
  needed = 1;
  #buf: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #at = 0;
  #end = 0;
  #base: number;
  #number = 0;

  /** `offset` is where in the file the first byte stands. */
  constructor(offset = 0) {
    this.#base = offset;
  }

  /** Where in the file the next command begins. */
  get offset(): number {
    return this.#base + this.#at;
  }

  get available(): number {
    return this.#end - this.#at;
  }

  push(chunk: Buffer): void {
    this.#makeRoom(chunk.length);
    chunk.copy(this.#buf, this.#end);
    this.#end += chunk.length;
  }

  /** Whether there is a whole command, which is then in `args` and consumed. */
  next(): boolean {
    while (this.#at < this.#end && this.#buf[this.#at] === HASH) if (!this.#skipAnnotation()) return this.#more(0);
    if (this.#at === this.#end) return this.#more(1);
    const args: Buffer[] = [];
    let at = this.#numberLine(this.#at, STAR);
    if (at === MORE) return this.#more(0);
    const argc = this.#number;
    if (argc < 1 || argc > ARGUMENTS_MAX) this.#fail(this.#at, `A command of ${argc} arguments`);
    for (let i = 0; i < argc; i++) {
      const start = this.#numberLine(at, DOLLAR);
      if (start === MORE) return this.#more(0);
      const end = start + this.#number;
      if (end + 2 > this.#end) return this.#more(end + 2 - this.#at);
      if (this.#buf[end] !== CR || this.#buf[end + 1] !== LF) this.#fail(end, 'An argument does not end here');
      args.push(this.#buf.subarray(start, end));
      at = end + 2;
    }
    this.args = args;
    this.#at = at;
    return true;
  }

  #skipAnnotation(): boolean {
    const limit = Math.min(this.#end, this.#at + ANNOTATION_BYTES_MAX);
    for (let i = this.#at; i < limit; i++) {
      if (this.#buf[i] !== LF) continue;
      this.#at = i + 1;
      return true;
    }
    if (limit < this.#end) this.#fail(this.#at, 'An annotation without end');
    return false;
  }

  /** `*12\r\n` or `$3\r\n`: answers the position behind it and leaves the number in `#number`. */
  #numberLine(at: number, mark: number): number {
    const buf = this.#buf;
    if (at >= this.#end) return MORE;
    if (buf[at] !== mark) this.#fail(at, `'${String.fromCharCode(mark)}' expected`);
    let number = 0;
    let i = at + 1;
    for (; i < this.#end; i++) {
      const digit = (buf[i] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
      if (i - at > NUMBER_DIGITS_MAX) this.#fail(at, 'A number too long');
    }
    if (i < this.#end && (i === at + 1 || buf[i] !== CR)) this.#fail(i, 'A digit expected');
    if (i + 1 < this.#end && buf[i + 1] !== LF) this.#fail(i + 1, 'End of line expected');
    if (i + 2 > this.#end) return MORE;
    if (mark === DOLLAR && number > ARGUMENT_BYTES_MAX) this.#fail(at, `An argument of ${number} bytes`);
    this.#number = number;
    return i + 2;
  }

  /** A command of many arguments is looked at from its start again: only when there is twice as much of it. */
  #more(needed: number): false {
    const available = this.#end - this.#at;
    this.needed = Math.max(needed, available > WINDOW_BYTES ? available * 2 : available + 1);
    return false;
  }

  #fail(at: number, problem: string): never {
    throw new AofFormatFailure(this.#base + at, problem);
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#buf.length) return;
    const live = this.#end - this.#at;
    const wanted = live + bytes;
    // Views of the last command may be read until now, not longer.
    let target = this.#buf;
    if (wanted > target.length) target = Buffer.allocUnsafeSlow(Math.max(wanted + (wanted >> 2), live * 2));
    this.#buf.copy(target, 0, this.#at, this.#end);
    this.#buf = target;
    this.#base += this.#at;
    this.#at = 0;
    this.#end = live;
  }
}
