/*
 * A look at the commands that follow in a window, before they are parsed: where is the first argument of each, which is
 * nearly always a key? A lookup in a large keyspace waits for memory twice, for the table and for the record; who knows
 * the next keys can have all of them fetched at once (Store.fetchAhead). Where all commands are about the same key, it
 * is what they say of its value that has to be looked for: then the arguments behind it are fetched.
 *
 * What is found here is a guess that changes nothing but the speed, so anything unusual just ends the look.
 */

/** About as many accesses as a processor keeps under way. */
const KEYS_MAX = 16;
/** Less than this is one command or two, and nothing to be won. */
const WINDOW_MIN = 96;
/** A longer argument ends the look: what follows it is far away. */
const LENGTH_MAX = 16 * 1024;

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const ZERO = 0x30;

export class KeysAhead {
  /** Where the keys lie in `buf`. */
  readonly off = new Int32Array(KEYS_MAX);
  readonly len = new Int32Array(KEYS_MAX);
  /** Where the arguments behind the keys lie: maybe members of sets, or fields. */
  readonly memberOff = new Int32Array(KEYS_MAX);
  readonly memberLen = new Int32Array(KEYS_MAX);
  buf: Buffer = Buffer.alloc(0);
  /** Keys found; one that is followed by itself counts once. */
  count = 0;
  memberCount = 0;
  /** What `#length` read ends here, line end included. */
  #lineEnd = 0;

  /** Looks at the commands in `buf[from, to)`; answers the position up to which no other look is worth it. */
  look(buf: Buffer, from: number, to: number): number {
    this.buf = buf;
    this.count = 0;
    this.memberCount = 0;
    if (to - from < WINDOW_MIN) return to;
    let at = from;
    for (let commands = 0; commands < KEYS_MAX && at < to; commands++) {
      const argc = buf[at] === STAR ? this.#length(at + 1) : 0;
      if (argc < 1) return to;
      at = this.#lineEnd;
      for (let i = 0; i < argc; i++) {
        const length = at < to && buf[at] === DOLLAR ? this.#length(at + 1) : -1;
        const start = this.#lineEnd;
        at = start + length + 2;
        if (length < 0 || at > to) return to;
        if (i === 1 && !this.#isLast(start, length)) this.#noteKey(start, length);
        else if (i === 2) this.#noteMember(start, length);
      }
    }
    return at;
  }

  /** Whether the key found last is the same: a counter or a queue that many commands in a row are about. */
  #isLast(off: number, len: number): boolean {
    const last = this.count - 1;
    if (last < 0 || this.len[last] !== len) return false;
    const { buf } = this;
    const lastOff = this.off[last]!;
    // From the end, where keys differ.
    for (let i = len - 1; i >= 0; i--) {
      if (buf[lastOff + i] !== buf[off + i]) return false;
    }
    return true;
  }

  #noteKey(off: number, len: number): void {
    this.off[this.count] = off;
    this.len[this.count++] = len;
  }

  #noteMember(off: number, len: number): void {
    this.memberOff[this.memberCount] = off;
    this.memberLen[this.memberCount++] = len;
  }

  /** The number that ends with its line, or -1. */
  #length(from: number): number {
    const { buf } = this;
    let length = 0;
    let at = from;
    for (; buf[at] !== CR; at++) {
      const digit = buf[at]! - ZERO;
      // Not a digit, also where the buffer ends.
      if (!(digit >= 0 && digit <= 9) || length > LENGTH_MAX) return -1;
      length = length * 10 + digit;
    }
    this.#lineEnd = at + 2;
    return length;
  }
}
