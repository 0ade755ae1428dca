/*
 * The key of the operation under way: its hash, and its bytes as 32-bit words, made in one pass. Records compare
 * against these words and new records are written from them, so a key is read byte by byte once per command.
 *
 * The hash is keyed by a secret: two secret odd multipliers, with a rotation between them. (One multiplication and a
 * shift, as in Murmur, would let a difference in the top bit through untouched whatever the multiplier is, and
 * strangers could prepare keys that all collide.) 16 bytes take about 10 ns.
 */
import { LastView, REMEMBERED_MAX } from '../../base/last-view.ts';
import { Prng } from '../../base/prng.ts';
import { wordAt } from '../../base/word.ts';

/** Longer keys are not kept as words: records say 255 and carry the length in a word of its own. */
export const SHORT_KEY_MAX = 254;

export class Key {
  /** The bytes, little end first, the last word filled up with zeros. Only of short keys. */
  readonly words = new Int32Array((SHORT_KEY_MAX + 3) >> 2);
  buf: Buffer = Buffer.alloc(0);
  off = 0;
  len = 0;
  hash = 0;
  /** Grows with every key: who remembers it can tell whether another one came since. Modulo 2^32. */
  loads = 0;
  /** Keys nearly always lie in the one buffer that all connections are read into. */
  readonly #views = new LastView();
  readonly #start: number;
  readonly #first: number;
  readonly #second: number;

  constructor(seed: number) {
    const prng = new Prng(seed);
    this.#start = prng.next() | 0;
    this.#first = multiplier(prng);
    this.#second = multiplier(prng);
  }

  /** Makes these bytes the key under way; answers its hash, a signed 32-bit number. */
  load(buf: Buffer, off: number, len: number): number {
    if (this.buf !== buf) this.buf = buf;
    this.off = off;
    this.len = len;
    this.loads = (this.loads + 1) | 0;
    const first = this.#first;
    const second = this.#second;
    const mixed = len <= SHORT_KEY_MAX ? this.#mixWords(this.#readWords(buf, off, len)) : this.#mixBytes(buf, off, len);
    // The table takes its directory from the top bits and places from the next ones: all bits must depend on all.
    let hash = Math.imul(mixed ^ (mixed >>> 16), first);
    hash = Math.imul(hash ^ (hash >>> 13), second);
    hash ^= hash >>> 16;
    this.hash = hash;
    return hash;
  }

  /** Reads a short key into `words`; answers how many there are. */
  #readWords(buf: Buffer, off: number, len: number): number {
    const words = this.words;
    const end = off + len;
    let at = off;
    let count = 0;
    if (buf.length <= REMEMBERED_MAX) {
      const view = this.#views.of(buf);
      for (; at + 4 <= end; at += 4) words[count++] = view.getInt32(at, true);
    } else {
      for (; at + 4 <= end; at += 4) words[count++] = wordAt(buf, at);
    }
    if (at < end) words[count++] = restAt(buf, at, end);
    return count;
  }

  #mixWords(count: number): number {
    const first = this.#first;
    const second = this.#second;
    const words = this.words;
    let hash = this.#start ^ this.len;
    for (let i = 0; i < count; i++) {
      hash = Math.imul(hash ^ (words[i] as number), first);
      hash = Math.imul((hash << 15) | (hash >>> 17), second);
    }
    return hash;
  }

  #mixBytes(buf: Buffer, off: number, len: number): number {
    const first = this.#first;
    const second = this.#second;
    const end = off + len;
    let hash = this.#start ^ len;
    for (let at = off; at < end; at += 4) {
      hash = Math.imul(hash ^ (at + 4 <= end ? wordAt(buf, at) : restAt(buf, at, end)), first);
      hash = Math.imul((hash << 15) | (hash >>> 17), second);
    }
    return hash;
  }

  /** Whether these bytes are those of the key under way; if so, it lies here from now on. */
  isAgain(buf: Buffer, off: number, len: number): boolean {
    if (len !== this.len || len > SHORT_KEY_MAX) return false;
    const words = this.words;
    const end = off + len;
    let at = off;
    let index = 0;
    for (; at + 4 <= end; at += 4) {
      const word = wordAt(buf, at);
      if (words[index++] !== word) return false;
    }
    for (let shift = 0; at < end; at++, shift += 8) {
      if ((((words[index] as number) >>> shift) & 255) !== buf[at]) return false;
    }
    if (this.buf !== buf) this.buf = buf;
    this.off = off;
    return true;
  }
}

/** The last one to three bytes of a key as a word, filled up with zeros. */
function restAt(buf: Buffer, at: number, end: number): number {
  let word = 0;
  for (let shift = 0; at < end; at++, shift += 8) word |= (buf[at] as number) << shift;
  return word;
}

/** Odd, and with about as many ones as zeros: a multiplier of few bits would mix little. */
function multiplier(prng: Prng): number {
  for (;;) {
    const candidate = prng.next() | 1;
    const ones = candidate.toString(2).replaceAll('0', '').length;
    if (ones >= 13 && ones <= 19) return candidate | 0;
  }
}
