/*
 * Patterns of KEYS, SCAN, CONFIG GET and COMMAND LIST: * ? [a-z] [^a-z] and \ to take the next character literally.
 *
 * A pattern is read once and then asked about many texts. The stars cut it into segments. Every element of a segment
 * stands for exactly one byte, so the length of a segment is known, and with it the shortest text that can match: all
 * shorter ones are refused at once. The first segment lies at the beginning of the text and the last at its end; each
 * one between is taken at the first place where it fits, for what fits at a later one leaves less room to the rest. So
 * the work is at most pattern times text, whatever a client sends; trying each star recursively would be exponential.
 *
 * The segments are numbers in one array. Each begins with a head (HEAD_*), and then has a number for each element: a
 * byte is itself, from CLASS on it is a class, and a negative number so many bytes of any kind. A class is a bit for
 * each of the 256 bytes, so that its length in the pattern no longer matters.
 *
 * A pattern is read no further than the longest text so far needs: what is kept of it is bounded by the pattern and by
 * that text, and what of a long pattern no text can reach costs nothing.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const DASH = 0x2d;

/** Where the next segment begins. */
const HEAD_NEXT = 0;
/** How many bytes of any kind stand in front: the ? behind a star. */
const HEAD_LEAD = 1;
/** How many bytes the elements stand for, those in front not counted. */
const HEAD_LENGTH = 2;
const HEAD_SIZE = 3;

/** The first class; what it is above this is its place among the classes. */
const CLASS = 0x100;
const CLASS_WORDS = 256 / 32;

/** How many numbers there is room for at first; most patterns need no more. */
const ROOM = 32;

export class GlobPattern {
  readonly #pattern: Buffer;
  readonly #writer: SegmentWriter;
  /** How far the pattern has been read. */
  #read = 0;

  constructor(pattern: Buffer, nocase = false) {
    this.#pattern = pattern;
    this.#writer = new SegmentWriter(nocase);
  }

  /** Whether these bytes match, all of them. */
  matches(buf: Buffer, off: number, len: number): boolean {
    // As Redis has it: no pattern with anything in it matches an empty text, not even the star.
    if (len === 0) return this.#pattern.length === 0;
    const writer = this.#writer;
    if (this.#read < this.#pattern.length && writer.elements <= len) this.#readOn(len);
    if (writer.elements > len) return false;
    const { segments, bits, end: segmentsEnd } = writer;
    let at = off + (segments[HEAD_LEAD] as number);
    if (!fits(segments, 0, bits, buf, at)) return false;
    let segment = segments[HEAD_NEXT] as number;
    if (segment === segmentsEnd) return writer.elements === len;
    at += segments[HEAD_LENGTH] as number;
    const end = off + len;
    // What is still to come stands for so many bytes, and there is always room for them.
    let rest = writer.elements - (at - off);
    for (;;) {
      const next = segments[segment + HEAD_NEXT] as number;
      const length = segments[segment + HEAD_LENGTH] as number;
      if (next === segmentsEnd) return fits(segments, segment, bits, buf, end - length);
      const lead = segments[segment + HEAD_LEAD] as number;
      const lastPlace = end - rest + lead;
      at += lead;
      at = firstPlace(writer, segment, buf, at, lastPlace);
      if (at === -1) return false;
      at += length;
      rest -= lead + length;
      segment = next;
    }
  }

  /** Until there are more elements than a text of this length can match, or no more. */
  #readOn(len: number): void {
    const pattern = this.#pattern;
    const writer = this.#writer;
    let p = this.#read;
    while (p < pattern.length && writer.elements <= len) {
      const byte = pattern[p] as number;
      if (byte === STAR) {
        writer.nextSegment();
        while (p < pattern.length && pattern[p] === STAR) p++;
      } else if (byte === QUESTION) {
        writer.any();
        p++;
      } else if (byte === OPEN) {
        p = readClass(pattern, p + 1, writer.startClass());
      } else {
        // A backslash at the end is one.
        if (byte === BACKSLASH && p + 1 < pattern.length) p++;
        writer.byte(pattern[p] as number);
        p++;
      }
    }
    this.#read = p;
  }
}

/**
 * The first place from `at` to `lastPlace` where the elements of this segment match, or -1. What did not match at one place
 * is asked first at the next: of a segment that fails only at its end, no more than that is compared at most places.
 */
function firstPlace(
  { segments, bits }: SegmentWriter,
  segment: number,
  buf: Buffer,
  from: number,
  lastPlace: number,
): number {
  const first = segment + HEAD_SIZE;
  const next = segments[segment + HEAD_NEXT] as number;
  // An element that failed, and how far behind the place its byte lies; none yet.
  let failed = -1;
  let distance = 0;
  for (let at = from; at <= lastPlace; at++) {
    if (failed >= 0 && !stands(failed, bits, buf[at + distance] as number)) continue;
    let place = at;
    let i = first;
    for (; i < next; i++) {
      const code = segments[i] as number;
      if (code < 0) place -= code;
      else if (stands(code, bits, buf[place] as number)) place++;
      else break;
    }
    if (i === next) return at;
    failed = segments[i] as number;
    distance = place - at;
  }
  return -1;
}

/** Whether the element, a byte or a class, stands for this byte. */
function stands(code: number, bits: Int32Array, byte: number): boolean {
  if (code < CLASS) return code === byte;
  return (((bits[(code - CLASS) * CLASS_WORDS + (byte >> 5)] as number) >> (byte & 31)) & 1) !== 0;
}

/** Whether the elements of this segment match at `at`, where there is room for them. */
function fits(segments: Int32Array, segment: number, bits: Int32Array, buf: Buffer, at: number): boolean {
  const next = segments[segment + HEAD_NEXT] as number;
  let place = at;
  for (let i = segment + HEAD_SIZE; i < next; i++) {
    const code = segments[i] as number;
    if (code < 0) {
      place -= code;
      continue;
    }
    if (!stands(code, bits, buf[place++] as number)) return false;
  }
  return true;
}

class SegmentWriter {
  readonly #nocase: boolean;
  segments: Int32Array = new Int32Array(ROOM);
  bits: Int32Array = new Int32Array(0);
  /** How many bytes a text must have at least. */
  elements = 0;
  /** Where the last segment ends. */
  end = HEAD_SIZE;
  #segment = 0;
  #classes = 0;

  constructor(nocase: boolean) {
    this.#nocase = nocase;
    this.segments[HEAD_NEXT] = this.end;
  }

  nextSegment(): void {
    this.segments = withRoom(this.segments, this.end + HEAD_SIZE);
    this.#segment = this.end;
    this.#endAt(this.end + HEAD_SIZE);
  }

  any(): void {
    this.elements++;
    const { segments } = this;
    if (this.end === this.#segment + HEAD_SIZE) {
      segments[this.#segment + HEAD_LEAD]!++;
    } else if (segments[this.end - 1]! < 0) {
      segments[this.#segment + HEAD_LENGTH]!++;
      segments[this.end - 1]!--;
    } else {
      this.#append(-1);
    }
  }

  byte(byte: number): void {
    this.elements++;
    if (this.#nocase && isLetter(byte)) this.#appendClass().addOne(byte).end(false);
    else this.#append(byte);
  }

  startClass(): ClassWriter {
    this.elements++;
    return this.#appendClass();
  }

  #appendClass(): ClassWriter {
    this.#append(CLASS + this.#classes);
    const first = this.#classes++ * CLASS_WORDS;
    this.bits = withRoom(this.bits, first + CLASS_WORDS);
    return new ClassWriter(this.bits.subarray(first, first + CLASS_WORDS), this.#nocase);
  }

  #append(code: number): void {
    this.segments = withRoom(this.segments, this.end + 1);
    this.segments[this.end] = code;
    this.segments[this.#segment + HEAD_LENGTH]!++;
    this.#endAt(this.end + 1);
  }

  #endAt(end: number): void {
    this.end = end;
    this.segments[this.#segment + HEAD_NEXT] = end;
  }
}

function withRoom(array: Int32Array, size: number): Int32Array {
  if (size <= array.length) return array;
  const larger = new Int32Array(Math.max(size, array.length * 2));
  larger.set(array);
  return larger;
}

/** Reads a class from behind its bracket on, and answers where it ends: without a closing bracket, with the pattern. */
function readClass(pattern: Buffer, from: number, into: ClassWriter): number {
  const end = pattern.length;
  let p = from;
  const negated = p < end && pattern[p] === CARET;
  if (negated) p++;
  while (p < end && pattern[p] !== CLOSE) {
    const byte = pattern[p] as number;
    if (byte === BACKSLASH && p + 1 < end) {
      into.addExact(pattern[p + 1] as number);
      p += 2;
    } else if (p + 2 < end && pattern[p + 1] === DASH) {
      into.addRange(byte, pattern[p + 2] as number);
      p += 3;
    } else {
      into.addOne(byte);
      p++;
    }
  }
  into.end(negated);
  return Math.min(p + 1, end);
}

class ClassWriter {
  readonly #bits: Int32Array;
  readonly #nocase: boolean;
  readonly #exact: Int32Array;

  constructor(bits: Int32Array, nocase: boolean) {
    this.#bits = bits;
    this.#nocase = nocase;
    this.#exact = nocase ? new Int32Array(CLASS_WORDS) : bits;
  }

  /** What a backslash stands before has its case, as in Redis, even where case is ignored. */
  addExact(byte: number): void {
    this.#exact[byte >> 5]! |= 1 << (byte & 31);
  }

  addOne(byte: number): this {
    const folded = this.#nocase ? lower(byte) : byte;
    this.#bits[folded >> 5]! |= 1 << (folded & 31);
    return this;
  }

  /** All from one to the other, in either order. */
  addRange(first: number, last: number): void {
    // The ends are ordered before their case is folded, as Redis does: [Z-a] means something else than [a-Z] only there.
    let low = Math.min(signed(first), signed(last));
    let high = Math.max(signed(first), signed(last));
    if (this.#nocase) {
      low = lower(low);
      high = lower(high);
    }
    if (low > high) return;
    // As signed characters: those below zero are the bytes from 0x80 on.
    if (low < 0) this.#addBytes(low & 0xff, Math.min(high, -1) & 0xff);
    if (high >= 0) this.#addBytes(Math.max(low, 0), high);
  }

  end(negated: boolean): void {
    const bits = this.#bits;
    if (this.#nocase) {
      // So far upper case letters are there for what lies between others: they are there when lower case ones are.
      for (let letter = 0x41; letter <= 0x5a; letter++) {
        const small = letter | 0x20;
        const has = (bits[small >> 5]! >> (small & 31)) & 1;
        bits[letter >> 5] = (bits[letter >> 5]! & ~(1 << (letter & 31))) | (has << (letter & 31));
      }
      for (let i = 0; i < CLASS_WORDS; i++) bits[i]! |= this.#exact[i]!;
    }
    if (negated) for (let i = 0; i < CLASS_WORDS; i++) bits[i] = ~bits[i]!;
  }

  /** A word of bits at a time: a pattern may have many ranges. */
  #addBytes(low: number, high: number): void {
    for (let word = low >> 5; word <= high >> 5; word++) {
      const from = Math.max(low - word * 32, 0);
      const to = Math.min(high - word * 32, 31);
      this.#bits[word]! |= (-1 >>> (31 - to + from)) << from;
    }
  }
}

/** Redis compares characters, which are signed where it runs: bytes from 0x80 on lie before all others. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function isLetter(byte: number): boolean {
  const folded = lower(byte);
  return folded >= 0x61 && folded <= 0x7a;
}
