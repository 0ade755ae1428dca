/*
 * The contents of one database: records and the index of them, and the operations that change both together. Nothing
 * here knows of deadlines that have passed, of snapshots or of WATCH: that is Database's part, which lets nobody else
 * come here.
 *
 * All operations are on the key under way: the one that `find` or `locate` was called for last. Where they take
 * `ref`, it is that key's record, or 0 if there is none yet.
 */
import type { Aggregate } from '../data/aggregate.ts';
import { BigValue } from '../data/big-value.ts';
import type { Key } from '../data/key.ts';
import { BIG_VALUE_MIN, type Records } from '../data/record.ts';
import { BIG_FLAG, OBJECT_FLAG, RAW_STRING } from '../data/record-layout.ts';
import { KEEP_DEADLINE, NO_DEADLINE } from './database.ts';
import { KeyIndex, NOTED_MAX } from './key-index.ts';

/** A string that is kept in its record and grows gets a quarter more than it needs: n appends copy O(n) bytes. */
const GROWTH_SHIFT = 2;
/** A usual size of the last cache of a processor: with less, fetching ahead takes longer than the waiting it saves. */
const CACHE_BYTES = 32 * 1024 * 1024;
/** No lookup's answer. */
const NOTHING = -2;
/** Not the shortest ones, where the rounding to units is as good. */
const GROWTH_MIN = 64;

export class Store {
  readonly records: Records;
  readonly keys: KeyIndex;
  readonly #key: Key;
  /** What the last lookup answered; NOTHING once something has changed since. */
  #found = NOTHING;
  /** Says whether the key of that lookup is still the one under way. */
  #loads = 0;
  /** Made of the words that were read; without a use of them the compiler would leave the reading out. */
  fetched = 0;

  constructor(key: Key, records: Records, clusterMode: boolean) {
    this.#key = key;
    this.records = records;
    this.keys = new KeyIndex(records, clusterMode, records.memory.segments);
  }

  find(buf: Buffer, off: number, len: number): number {
    const key = this.#key;
    // Commands of a pipeline are often about one key, like a queue or a counter.
    if (this.#found > 0 && key.loads === this.#loads && key.isAgain(buf, off, len)) return this.#found;
    key.load(buf, off, len);
    this.#found = this.keys.find(key);
    this.#loads = key.loads;
    return this.#found;
  }

  /** Whether the last lookup was that of this key and answered `ref`, and nothing was changed since. */
  wasFound(ref: number, buf: Buffer, off: number, len: number): boolean {
    const key = this.#key;
    return ref === this.#found && key.off === off && key.len === len && key.buf === buf && key.loads === this.#loads;
  }

  /** Whether the processor probably has all that lookups read in a cache of its own, and waits for nothing. */
  get fitsCache(): boolean {
    return this.records.arena.chunkBytes + this.keys.memory.tableBytes < CACHE_BYTES;
  }

  /**
   * Reads what lookups of these keys will read, without waiting in between: a processor that has to wait for memory
   * waits for all of them at once. At 1 M keys that takes a fifth off the price of a pipelined command.
   */
  fetchAhead(buf: Buffer, off: Int32Array, len: Int32Array, first: number, last: number, step: number): void {
    this.#found = NOTHING;
    for (let from = first; from < last; ) {
      let count = 0;
      for (; from < last && count < NOTED_MAX; from += step) {
        this.#key.load(buf, off[from] as number, len[from] as number);
        this.keys.note(count++, this.#key);
      }
      this.fetched = this.keys.readNoted(count);
    }
  }

  /** Makes the key of a record the one under way. */
  locate(ref: number): void {
    const { records } = this;
    this.#found = NOTHING;
    this.#key.load(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref));
    this.keys.locate(this.#key, ref);
  }

  /** Bytes of a string or of a packed aggregate; answers how many. */
  putBytes(ref: number, kind: number, vbuf: Buffer, voff: number, vlen: number, deadline_ms: number): number {
    const { records } = this;
    if (vlen >= BIG_VALUE_MIN) {
      this.#copyBig(ref, kind, vbuf, voff, vlen, deadline_ms);
      return vlen;
    }
    const deadline = this.#deadlineFor(ref, deadline_ms);
    if (ref !== 0 && records.overwrite(ref, kind, vbuf, voff, vlen, deadline)) return vlen;
    const successor = records.create(this.#key, kind, vlen, vlen, deadline);
    records.write(successor, vbuf, voff, vlen);
    this.#install(ref, successor);
    return vlen;
  }

  /** A value that brings its own Buffer. */
  putBig(ref: number, kind: number, big: BigValue, deadline_ms: number): void {
    const { records } = this;
    const deadline = this.#deadlineFor(ref, deadline_ms);
    const id = records.bigs.add(big, big.buffer.length);
    this.#install(ref, records.create(this.#key, kind | BIG_FLAG, 0, id, deadline));
  }

  putObject(ref: number, kind: number, object: Aggregate, deadline_ms: number): void {
    const { records } = this;
    const deadline = this.#deadlineFor(ref, deadline_ms);
    object.holders++;
    const id = records.objects.add(object, object.usedBytes());
    this.#install(ref, records.create(this.#key, kind | OBJECT_FLAG, 0, id, deadline));
  }

  /** Writes into a string from byte `at` on, with zeros before it where the string ends earlier; the new length. */
  writeRange(ref: number, at: number, vbuf: Buffer, voff: number, vlen: number): number {
    const { records } = this;
    const length = Math.max(ref === 0 ? 0 : records.valueLen(ref), at + vlen);
    const target = this.#stretch(ref, length);
    if (records.isBig(target)) vbuf.copy(records.bigOf(target).buffer, at, voff, voff + vlen);
    else records.patch(target, at, vbuf, voff, vlen);
    return length;
  }

  /** Overwrites bytes from byte `at` on; there are as many. */
  patchBytes(ref: number, at: number, vbuf: Buffer, voff: number, vlen: number): void {
    const { records } = this;
    if (!records.isBig(ref)) return records.patch(ref, at, vbuf, voff, vlen);
    const big = records.bigOf(ref);
    big.prepare(big.length);
    records.noteBigSize(ref);
    vbuf.copy(big.buffer, at, voff, voff + vlen);
  }

  putDeadline(ref: number, deadline_ms: number): void {
    const { records } = this;
    const had = records.hasDeadline(ref);
    if (records.setDeadline(ref, deadline_ms)) {
      if (had !== deadline_ms >= 0) this.keys.deadlineChanged(this.#key, ref, !had);
      return;
    }
    const inside = records.insideLength(ref);
    const successor = records.create(this.#key, records.kindOf(ref), inside, records.valueWordOf(ref), deadline_ms);
    if (inside > 0) records.write(successor, records.valueBuf(ref), records.valueOff(ref), inside);
    records.setAccess(successor, records.accessOf(ref));
    this.keys.replace(this.#key, ref, successor);
    records.dropLongKey(ref);
    records.release(ref);
    this.#found = NOTHING;
  }

  remove(ref: number): void {
    const { records } = this;
    this.#found = NOTHING;
    this.keys.remove(this.#key, ref);
    records.dropOutside(ref);
    records.dropLongKey(ref);
    records.release(ref);
  }

  /** Copies a record to the place where the arena is being filled. */
  move(ref: number): void {
    const moved = this.records.move(ref);
    this.#found = NOTHING;
    this.keys.replace(this.#key, ref, moved);
    this.records.release(ref);
  }

  /** Gives all memory back; nobody may use the store any more. */
  dispose(): void {
    this.keys.dispose();
    this.records.dispose();
  }

  #deadlineFor(ref: number, deadline_ms: number): number {
    if (deadline_ms !== KEEP_DEADLINE) return deadline_ms;
    return ref === 0 ? NO_DEADLINE : this.records.deadlineOf(ref);
  }

  /** Puts a new record into the place of the old one, whose value is gone. */
  #install(ref: number, successor: number): void {
    const { records } = this;
    this.#found = NOTHING;
    records.setAccess(successor, ref === 0 ? records.access.fresh() : records.accessOf(ref));
    if (ref === 0) {
      this.keys.add(this.#key, successor);
      return;
    }
    this.keys.replace(this.#key, ref, successor);
    records.dropOutside(ref);
    records.dropLongKey(ref);
    records.release(ref);
  }

  #copyBig(ref: number, kind: number, vbuf: Buffer, voff: number, vlen: number, deadline_ms: number): void {
    const { records } = this;
    if (ref === 0 || !records.isBig(ref)) {
      this.putBig(ref, kind, BigValue.copyOf(vbuf, voff, vlen), deadline_ms);
      return;
    }
    records.bigOf(ref).assign(vbuf, voff, vlen);
    records.noteBigSize(ref);
    records.setKind(ref, kind);
    if (deadline_ms !== KEEP_DEADLINE) this.putDeadline(ref, deadline_ms);
  }

  /** Makes a string `length` bytes long, not shorter than it was, with zeros where it had none; its record. */
  #stretch(ref: number, length: number): number {
    const { records } = this;
    if (ref !== 0 && records.isBig(ref)) {
      records.bigOf(ref).prepare(length);
      records.noteBigSize(ref);
      records.setKind(ref, RAW_STRING);
      return ref;
    }
    const old = ref === 0 ? 0 : records.valueLen(ref);
    if (ref !== 0 && length <= records.roomOf(ref)) {
      records.zero(ref, old, length);
      records.setValueWord(ref, length);
      records.setKind(ref, RAW_STRING);
      return ref;
    }
    return length < BIG_VALUE_MIN ? this.#stretchInside(ref, old, length) : this.#stretchOut(ref, old, length);
  }

  #stretchInside(ref: number, old: number, length: number): number {
    const { records } = this;
    const room = ref === 0 || length < GROWTH_MIN ? length : length + (length >> GROWTH_SHIFT);
    const deadline = this.#deadlineFor(ref, KEEP_DEADLINE);
    const successor = records.create(this.#key, RAW_STRING, room, length, deadline);
    if (old > 0) records.patch(successor, 0, records.valueBuf(ref), records.valueOff(ref), old);
    records.zero(successor, old, length);
    this.#install(ref, successor);
    return successor;
  }

  #stretchOut(ref: number, old: number, length: number): number {
    const { records } = this;
    const big = BigValue.empty();
    if (old > 0) big.assign(records.valueBuf(ref), records.valueOff(ref), old);
    big.prepare(length);
    const id = records.bigs.add(big, big.buffer.length);
    const deadline = this.#deadlineFor(ref, KEEP_DEADLINE);
    const successor = records.create(this.#key, RAW_STRING | BIG_FLAG, 0, id, deadline);
    this.#install(ref, successor);
    return successor;
  }
}
