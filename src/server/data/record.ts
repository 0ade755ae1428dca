/*
 * Records: a key, its value and what is known about both, in the arena. This class knows how to read and write what
 * record-layout.ts describes; when a record may change, and who must hear of it, is decided in keyspace/database.ts.
 */
import { parseInt64, parseInteger } from '../../base/ascii.ts';
import type { AccessClock } from './access-clock.ts';
import type { Aggregate } from './aggregate.ts';
import { Arena, CHUNK_SHIFT, TYPE_SHIFT, UNIT_BYTES, UNIT_MASK, UNITS_MASK } from './arena.ts';
import type { BigValue } from './big-value.ts';
import { EMBSTR_MAX, ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW, TYPE_FREE } from './encoding.ts';
import { type Key, SHORT_KEY_MAX } from './key.ts';
import type { Memory } from './memory.ts';
import {
  BIG_FLAG,
  copyWords,
  DEADLINE_BYTES,
  DEADLINE_FLAG,
  ENCODING_MASK,
  ENCODING_SHIFT,
  EPOCH_SHIFT,
  HEADER_WORDS,
  headWords,
  INLINE_KEY_MAX,
  KIND_MASK,
  LONG_KEY,
  OBJECT_FLAG,
  OUTSIDE_FLAGS,
  TYPE_MASK,
  unitsFor,
} from './record-layout.ts';
import { Shelf } from './shelf.ts';

/** Values from this size on own a Buffer: it goes to sockets without a copy, and the cleaner need not move it. */
export const BIG_VALUE_MIN = 32 * 1024;

const LOW_24 = 0xffffff;

/** A usual record ends about here; a cache line is 16 words. */
const LATER_WORDS = 11;

/** Below this, assembling words beats the fixed price of Buffer.copy (40 to 55 ns against 22 ns for 32 bytes). */
const WORDWISE_MAX = 64;

const WORD_RANGE = 0x1_0000_0000;

/** What can be asked about a record: of the keyspace as it is, or of one that a snapshot keeps for itself. */
export interface RecordReader {
  typeOf(ref: number): number;
  encodingOf(ref: number): number;
  /** In milliseconds; -1 when the key lives on. */
  deadlineOf(ref: number): number;
  idle_s(ref: number): number;
  frequency(ref: number): number;
  keyBuf(ref: number): Buffer;
  keyOff(ref: number): number;
  keyLen(ref: number): number;
  /** Where the bytes of a string or of a packed aggregate are. */
  valueBuf(ref: number): Buffer;
  valueOff(ref: number): number;
  valueLen(ref: number): number;
  /** Whether the value owns its Buffer. */
  isBig(ref: number): boolean;
  /** Whether the value is an object rather than bytes. */
  isObject(ref: number): boolean;
  objectOf(ref: number): Aggregate;
}

export class Records implements RecordReader {
  readonly arena: Arena;
  readonly memory: Memory;
  readonly access: AccessClock;
  readonly bigs = new Shelf<BigValue>();
  readonly objects = new Shelf<Aggregate>();
  readonly longKeys = new Shelf<Buffer>();
  /** Counts snapshots, modulo 256; every record carries the epoch in which it was written. */
  epoch: number;

  constructor(options: { firstChunkBytes: number; access: AccessClock; epoch: number; memory: Memory }) {
    const { firstChunkBytes, access, epoch, memory } = options;
    this.memory = memory;
    this.arena = new Arena(firstChunkBytes, memory);
    this.access = access;
    this.epoch = epoch;
  }

  /** What the keys of these records take, without tables. */
  usedBytes(): number {
    return this.arena.liveUnits * UNIT_BYTES + this.bigs.bytes + this.objects.bytes + this.longKeys.bytes;
  }

  // Reading.

  unitsOf(address: number): number {
    return this.#word(address, 0) & UNITS_MASK;
  }

  typeOf(address: number): number {
    return (this.#word(address, 0) >>> TYPE_SHIFT) & TYPE_MASK;
  }

  encodingOf(address: number): number {
    const stored = (this.#word(address, 0) >>> ENCODING_SHIFT) & ENCODING_MASK;
    return stored === ENCODING_INT ? this.#stringEncodingOf(address) : stored;
  }

  /** Type, encoding and where the value is, as `create` takes them. */
  kindOf(address: number): number {
    return this.#word(address, 0) & (KIND_MASK | OUTSIDE_FLAGS);
  }

  /** Whether the record was last written before the present epoch began: a snapshot may still have to see it. */
  isOld(address: number): boolean {
    return this.#word(address, 0) >>> EPOCH_SHIFT !== this.epoch;
  }

  /** When or how often the key was used, 24 bits: see access-clock.ts. */
  accessOf(address: number): number {
    return this.#word(address, 1) >>> 8;
  }

  idle_s(address: number): number {
    return this.access.idle_s(this.accessOf(address));
  }

  frequency(address: number): number {
    return this.access.frequency(this.accessOf(address));
  }

  hasDeadline(address: number): boolean {
    return (this.#word(address, 0) & DEADLINE_FLAG) !== 0;
  }

  isBig(address: number): boolean {
    return (this.#word(address, 0) & BIG_FLAG) !== 0;
  }

  isObject(address: number): boolean {
    return (this.#word(address, 0) & OBJECT_FLAG) !== 0;
  }

  deadlineOf(address: number): number {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const header = words[base] as number;
    if ((header & DEADLINE_FLAG) === 0) return -1;
    const at = base + ((header & UNITS_MASK) << 1) - 2;
    return (words[at + 1] as number) * WORD_RANGE + ((words[at] as number) >>> 0);
  }

  keyLen(address: number): number {
    const length = this.#word(address, 1) & 255;
    return length === LONG_KEY ? this.#word(address, 3) : length;
  }

  keyBuf(address: number): Buffer {
    if (this.#hasKeyOutside(address)) return this.longKeys.at(this.#word(address, HEADER_WORDS + 1));
    return this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer;
  }

  keyOff(address: number): number {
    if (this.#hasKeyOutside(address)) return 0;
    const words = (this.#word(address, 1) & 255) === LONG_KEY ? HEADER_WORDS + 1 : HEADER_WORDS;
    return ((address & UNIT_MASK) << 3) + (words << 2);
  }

  isKey(address: number, key: Key): boolean {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const length = (words[base + 1] as number) & 255;
    if (length === LONG_KEY) return key.len > SHORT_KEY_MAX && this.#isLongKey(address, key);
    if (length !== key.len) return false;
    const wanted = key.words;
    const count = (length + 3) >> 2;
    const first = base + HEADER_WORDS;
    for (let i = 0; i < count; i++) {
      if (words[first + i] !== wanted[i]) return false;
    }
    return true;
  }

  valueBuf(address: number): Buffer {
    if ((this.#word(address, 0) & BIG_FLAG) !== 0) return this.bigs.at(this.#word(address, 2)).buffer;
    return this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer;
  }

  valueOff(address: number): number {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    if (((words[base] as number) & BIG_FLAG) !== 0) return 0;
    return (base + headWords(words, base)) << 2;
  }

  valueLen(address: number): number {
    const last = this.#word(address, 2);
    return (this.#word(address, 0) & BIG_FLAG) === 0 ? last : this.bigs.at(last).length;
  }

  /** The integer that a string says in decimal; NaN where it says none, or one beyond 2^53. */
  integerOf(address: number): number {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    if (((words[base] as number) & BIG_FLAG) !== 0) return Number.NaN;
    const bytes = this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer;
    return parseInteger(bytes, (base + headWords(words, base)) << 2, words[base + 2] as number);
  }

  bigOf(address: number): BigValue {
    return this.bigs.at(this.#word(address, 2));
  }

  /** Word 2: the length of a value inside, or the number of one outside. */
  valueWordOf(address: number): number {
    return this.#word(address, 2);
  }

  objectOf(address: number): Aggregate {
    return this.objects.at(this.#word(address, 2));
  }

  /** Bytes that belong to this key alone, its place in the table not counted. */
  bytesOf(address: number): number {
    const header = this.#word(address, 0);
    let bytes = (header & UNITS_MASK) << 3;
    if ((header & BIG_FLAG) !== 0) bytes += this.bigOf(address).buffer.length;
    if ((header & OBJECT_FLAG) !== 0) bytes += this.objectOf(address).usedBytes();
    if (this.#hasKeyOutside(address)) bytes += this.keyLen(address);
    return bytes;
  }

  /** Calls for every record; the visitor may mark records as dead but must not make any. */
  forEach(visit: (address: number) => void): void {
    for (let chunk = 0; chunk < this.arena.chunkCount; chunk++) {
      let unit = 1;
      while (unit < this.arena.usedOf(chunk)) {
        const address = (chunk << CHUNK_SHIFT) | unit;
        const header = this.#word(address, 0);
        unit += header & UNITS_MASK;
        if (((header >>> TYPE_SHIFT) & TYPE_MASK) !== TYPE_FREE) visit(address);
      }
    }
  }

  /** Where a record lies: in these words … */
  wordsOf(address: number): Int32Array {
    return this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
  }

  /** … here its first one, … */
  firstOf(address: number): number {
    return (address & UNIT_MASK) << 1;
  }

  /** … and here one further on, of which usual keys and values are not far, in the same cache line or the next. */
  laterOf(address: number): number {
    const at = ((address & UNIT_MASK) << 1) + LATER_WORDS;
    return at < this.wordsOf(address).length ? at : at - LATER_WORDS;
  }

  // Writing.

  /**
   * A new record for the key under way, with room for `valueBytes` inside. Word 2 gets `valueWord`: a length, or the
   * number of a value kept outside. The value itself is still to be written.
   */
  create(key: Key, kind: number, valueBytes: number, valueWord: number, deadline_ms: number): number {
    const units = unitsFor(key.len, valueBytes, deadline_ms >= 0);
    const address = this.arena.allocate(units);
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    words[base] = units | kind | (this.epoch << EPOCH_SHIFT);
    words[base + 2] = valueWord;
    if (key.len <= SHORT_KEY_MAX) {
      words[base + 1] = key.len;
      const source = key.words;
      const count = (key.len + 3) >> 2;
      const first = base + HEADER_WORDS;
      for (let i = 0; i < count; i++) words[first + i] = source[i] as number;
    } else {
      this.#writeLongKey(address, key);
    }
    if (deadline_ms >= 0) this.#writeDeadline(words, base, deadline_ms);
    return address;
  }

  /** Writes the whole value inside a record. */
  write(address: number, source: Buffer, off: number, length: number): void {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const target = base + headWords(words, base);
    if (length <= WORDWISE_MAX) copyWords(source, off, length, words, target);
    else source.copy(this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer, target << 2, off, off + length);
  }

  /** Overwrites part of the value inside a record, from its byte `at` on. */
  patch(address: number, at: number, source: Buffer, off: number, length: number): void {
    const start = this.valueOff(address) + at;
    source.copy(this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer, start, off, off + length);
  }

  /**
   * Gives a record another value inside, without moving it; false when that cannot be: the value was outside, the
   * rounded size is another one, or a deadline comes or goes.
   */
  overwrite(address: number, kind: number, source: Buffer, off: number, length: number, deadline_ms: number): boolean {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const header = words[base] as number;
    if ((header & OUTSIDE_FLAGS) !== 0 || ((header & DEADLINE_FLAG) !== 0) !== deadline_ms >= 0) return false;
    const head = headWords(words, base);
    const bytes = (head << 2) + length + (deadline_ms >= 0 ? DEADLINE_BYTES : 0);
    const unused = (header & UNITS_MASK) - ((bytes + 7) >> 3);
    // A unit too many is what a deadline leaves behind when it is taken away: not worth a move.
    if (unused !== 0 && unused !== 1) return false;
    const successor = (header & ~KIND_MASK) | kind;
    if (successor !== header) words[base] = successor;
    words[base + 2] = length;
    if (length <= WORDWISE_MAX) copyWords(source, off, length, words, base + head);
    else source.copy(this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer, (base + head) << 2, off, off + length);
    if (deadline_ms >= 0) this.#writeDeadline(words, base, deadline_ms);
    return true;
  }

  /** Overwrites part of the value inside a record with zeros. */
  zero(address: number, from: number, to: number): void {
    const start = this.valueOff(address);
    (this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer).fill(0, start + from, start + to);
  }

  setKind(address: number, kind: number): void {
    const header = this.#word(address, 0);
    this.#setWord(address, 0, (header & ~KIND_MASK) | kind);
  }

  makeCurrent(address: number): void {
    this.#setWord(address, 0, (this.#word(address, 0) & LOW_24) | (this.epoch << EPOCH_SHIFT));
  }

  setAccess(address: number, access: number): void {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const at = ((address & UNIT_MASK) << 1) + 1;
    const old = words[at] as number;
    words[at] = (access << 8) | (old & 255);
  }

  /** Notes a use of the key. */
  noteUse(address: number): void {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const at = ((address & UNIT_MASK) << 1) + 1;
    const old = words[at] as number;
    const access = this.access.used(old >>> 8);
    // Most uses come within the second of the last one: leave the cache line clean.
    if (old >>> 8 !== access) words[at] = (access << 8) | (old & 255);
  }

  setValueWord(address: number, value: number): void {
    this.#setWord(address, 2, value);
  }

  /** Sets the deadline where it fits into the record; false when a larger one is needed. Negative takes it away. */
  setDeadline(address: number, deadline_ms: number): boolean {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const header = words[base] as number;
    if (deadline_ms < 0) {
      words[base] = header & ~DEADLINE_FLAG;
      return true;
    }
    if ((header & DEADLINE_FLAG) === 0 && this.roomOf(address) - this.insideLength(address) < DEADLINE_BYTES)
      return false;
    this.#writeDeadline(words, base, deadline_ms);
    return true;
  }

  /** Bytes the value inside may have without moving the record. */
  roomOf(address: number): number {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const base = (address & UNIT_MASK) << 1;
    const header = words[base] as number;
    const deadline = (header & DEADLINE_FLAG) === 0 ? 0 : DEADLINE_BYTES;
    return ((header & UNITS_MASK) << 3) - (headWords(words, base) << 2) - deadline;
  }

  /** Bytes of the value that are inside the record. */
  insideLength(address: number): number {
    return (this.#word(address, 0) & OUTSIDE_FLAGS) === 0 ? this.#word(address, 2) : 0;
  }

  /** Copies a record to a new place; the old one stays to be freed with `release`. */
  move(address: number): number {
    const units = this.unitsOf(address);
    const target = this.arena.allocate(units);
    const from = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    const to = this.arena.words[target >>> CHUNK_SHIFT] as Int32Array;
    const source = (address & UNIT_MASK) << 1;
    const first = (target & UNIT_MASK) << 1;
    const count = units << 1;
    if (count > WORDWISE_MAX) to.set(from.subarray(source, source + count), first);
    else for (let i = 0; i < count; i++) to[first + i] = from[source + i] as number;
    return target;
  }

  /** Gives the room of a record back, but neither its key nor its value when they are kept outside. */
  release(address: number): void {
    this.arena.free(address, this.unitsOf(address));
  }

  /** After an object was changed in place. */
  noteObjectSize(address: number): void {
    const id = this.#word(address, 2);
    this.objects.resize(id, this.objects.at(id).usedBytes());
  }

  noteBigSize(address: number): void {
    const id = this.#word(address, 2);
    this.bigs.resize(id, this.bigs.at(id).buffer.length);
  }

  /** Drops a value kept outside. */
  dropOutside(address: number): void {
    const header = this.#word(address, 0);
    if ((header & BIG_FLAG) !== 0) this.#dropBig(this.#word(address, 2));
    else if ((header & OBJECT_FLAG) !== 0) this.#dropObject(this.#word(address, 2));
  }

  dropLongKey(address: number): void {
    if (this.#hasKeyOutside(address)) this.longKeys.drop(this.#word(address, HEADER_WORDS + 1));
  }

  #dropObject(id: number): void {
    const object = this.objects.at(id);
    this.objects.drop(id);
    this.memory.dropObject(object);
  }

  #dropBig(id: number): void {
    const big = this.bigs.at(id);
    this.bigs.drop(id);
    // A socket, or a snapshot, may be reading what was lent.
    if (!big.lent) this.memory.drop(big.buffer);
  }

  /** Gives all memory back; nobody may use the records any more. */
  dispose(): void {
    this.bigs.forEach((big) => {
      if (!big.lent) this.memory.drop(big.buffer);
    });
    this.objects.forEach((object) => this.memory.dropObject(object));
    this.arena.dispose();
  }

  #word(address: number, index: number): number {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    return words[((address & UNIT_MASK) << 1) + index] as number;
  }

  #setWord(address: number, index: number, value: number): void {
    const words = this.arena.words[address >>> CHUNK_SHIFT] as Int32Array;
    words[((address & UNIT_MASK) << 1) + index] = value;
  }

  #stringEncodingOf(address: number): number {
    const length = this.valueLen(address);
    if (length > EMBSTR_MAX) return ENCODING_RAW;
    const isInteger = parseInt64(this.valueBuf(address), this.valueOff(address), length) !== null;
    return isInteger ? ENCODING_INT : ENCODING_EMBSTR;
  }

  #hasKeyOutside(address: number): boolean {
    return (this.#word(address, 1) & 255) === LONG_KEY && this.#word(address, HEADER_WORDS) > INLINE_KEY_MAX;
  }

  #isLongKey(address: number, key: Key): boolean {
    const length = this.#word(address, HEADER_WORDS);
    if (length !== key.len) return false;
    const start = this.keyOff(address);
    return key.buf.compare(this.keyBuf(address), start, start + length, key.off, key.off + key.len) === 0;
  }

  #writeLongKey(address: number, key: Key): void {
    this.#setWord(address, 1, LONG_KEY);
    this.#setWord(address, HEADER_WORDS, key.len);
    if (key.len > INLINE_KEY_MAX) {
      const copy = Buffer.allocUnsafeSlow(key.len);
      key.buf.copy(copy, 0, key.off, key.off + key.len);
      this.#setWord(address, HEADER_WORDS + 1, this.longKeys.add(copy, key.len));
    } else {
      const bytes = this.arena.bytes[address >>> CHUNK_SHIFT] as Buffer;
      key.buf.copy(bytes, this.keyOff(address), key.off, key.off + key.len);
    }
  }

  #writeDeadline(words: Int32Array, base: number, deadline_ms: number): void {
    const header = (words[base] as number) | DEADLINE_FLAG;
    words[base] = header;
    const at = base + ((header & UNITS_MASK) << 1) - 2;
    words[at] = deadline_ms | 0;
    words[at + 1] = Math.floor(deadline_ms / WORD_RANGE);
  }
}
