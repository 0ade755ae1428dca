/*
 * The only door to data. Keys and values pass as bytes, (buffer, offset, length); a found key is a Ref, the address of
 * its record, which answers questions and is void after the next change of any database.
 *
 * Every change passes the gate just before it happens, #change or, for all keys at once, #changeAll: there the snapshot
 * gets the record as it was, listeners are told, and the change is counted. There is no second way to write.
 *
 * A key whose deadline has passed does not exist: lookups remove it, report it through `hooks.expired`, and find
 * nothing. Where the keyspace is passive (a replica), they only find nothing, and the primary's DEL removes it.
 */
import { latin1 } from '../../base/ascii.ts';
import type { Aggregate } from '../data/aggregate.ts';
import { BigValue } from '../data/big-value.ts';
import { BIG_VALUE_MIN, type RecordReader, type Records } from '../data/record.ts';
import { kindOf, PLAIN_STRING } from '../data/record-layout.ts';
import { copyOfBytes } from './copy-value.ts';
import { EVENT_EXPIRED, EVENT_KEY_MISS } from './key-events.ts';
import type { Keyspace } from './keyspace.ts';
import { type Held, Listeners, type Watcher } from './listeners.ts';
import type { Store } from './store.ts';

export const NO_DEADLINE = -1;
/** The deadline of the key that is overwritten; none if there is no such key. */
export const KEEP_DEADLINE = -2;

const UNKNOWN = -1; // No lookup came before.

/** The address of a record; 0 is "no such key". Good until the next change of any database of the keyspace. */
export type Ref = number;

/** Called for one key; the bytes are only good during the call, and the call must not change the keyspace. */
export type KeyVisitor = (kbuf: Buffer, koff: number, klen: number, ref: Ref) => void;

/** A value without its key, between two places: RENAME, MOVE, RESTORE, COPY. */
export interface Entry {
  readonly type: number;
  readonly encoding: number;
  readonly deadline_ms: number;
  /** Bytes of a string or of a packed aggregate; null when `object` holds the value. */
  readonly bytes: Buffer | null;
  readonly object: Aggregate | null;
}

const NOBODY_LOOKS: KeyVisitor = () => {};
/** Dead keys met in a row before a random pick gives up. */
const RANDOM_ATTEMPTS_MAX = 100;

export class Database implements RecordReader {
  readonly keyspace: Keyspace;
  readonly index: number;
  /** For the cleaner, the snapshot and the expire cycle. */
  store: Store;
  records: Records; // Those of the store, one step nearer.
  /** Who wants to know of changes. */
  readonly listeners: Listeners;

  constructor(keyspace: Keyspace, index: number) {
    this.keyspace = keyspace;
    this.index = index;
    this.listeners = new Listeners(this, keyspace.ready);
    this.store = keyspace.newStore();
    this.records = this.store.records;
  }

  get size(): number {
    return this.store.keys.size;
  }

  get volatileSize(): number {
    return this.store.keys.volatile.size;
  }

  // Finding.

  /** For reads: counts a hit or a miss, and the key as used. */
  find(buf: Buffer, off: number, len: number): Ref {
    const ref = this.look(buf, off, len);
    if (ref !== 0) this.records.noteUse(ref);
    return ref;
  }

  /** For reads that are not a use of the key: counts a hit or a miss, and tells of a miss. */
  look(buf: Buffer, off: number, len: number): Ref {
    const ref = this.examine(buf, off, len);
    if (ref === 0) this.keyspace.events.tell(EVENT_KEY_MISS, 'keymiss', this.index, buf, off, len);
    return ref;
  }

  /** For questions about the key itself: counts a hit or a miss. */
  examine(buf: Buffer, off: number, len: number): Ref {
    const ref = this.#findLiving(buf, off, len);
    this.keyspace[ref === 0 ? 'misses' : 'hits']++;
    return ref;
  }

  /** Removes a dead key also where that is the primary's part: its name has to be free for what is written. */
  findForWrite(buf: Buffer, off: number, len: number): Ref {
    const ref = this.store.find(buf, off, len);
    if (ref === 0) return 0;
    if (this.isDead(ref)) {
      this.#expire(ref);
      return 0;
    }
    this.records.noteUse(ref);
    return ref;
  }

  /** Leaves no trace: no statistics, no access time, no removal of a dead key. */
  peek(buf: Buffer, off: number, len: number): Ref {
    const ref = this.store.find(buf, off, len);
    return ref === 0 || this.isDead(ref) ? 0 : ref;
  }

  /** Lookups of these keys are going to follow; false when they need no help. Nothing but their speed depends on this. */
  fetchAhead(buf: Buffer, off: Int32Array, len: Int32Array, first: number, last: number, step: number): boolean {
    if (this.store.fitsCache) return false;
    this.store.fetchAhead(buf, off, len, first, last, step);
    return true;
  }

  /** Lookups of members of this key's value are going to follow; false when its value knows nothing of members. */
  fetchMembersAhead(buf: Buffer, koff: number, klen: number, off: Int32Array, len: Int32Array, count: number): boolean {
    const ref = this.store.find(buf, koff, klen);
    if (ref === 0 || !this.records.isObject(ref)) return false;
    const object = this.records.objectOf(ref);
    if (object.fetchAhead === undefined) return false;
    object.fetchAhead(buf, off, len, count);
    return true;
  }

  // Asking.

  typeOf(ref: Ref): number {
    return this.records.typeOf(ref);
  }

  encodingOf(ref: Ref): number {
    return this.records.encodingOf(ref);
  }

  deadlineOf(ref: Ref): number {
    return this.records.deadlineOf(ref);
  }

  idle_s(ref: Ref): number {
    return this.records.idle_s(ref);
  }

  frequency(ref: Ref): number {
    return this.records.frequency(ref);
  }

  setIdle(ref: Ref, idle_s: number): void {
    this.records.setAccess(ref, this.keyspace.access.fromIdle(idle_s));
  }

  setFrequency(ref: Ref, frequency: number): void {
    this.records.setAccess(ref, this.keyspace.access.fromFrequency(frequency));
  }

  keyBuf(ref: Ref): Buffer {
    return this.records.keyBuf(ref);
  }

  keyOff(ref: Ref): number {
    return this.records.keyOff(ref);
  }

  keyLen(ref: Ref): number {
    return this.records.keyLen(ref);
  }

  valueBuf(ref: Ref): Buffer {
    return this.records.valueBuf(ref);
  }

  valueOff(ref: Ref): number {
    return this.records.valueOff(ref);
  }

  valueLen(ref: Ref): number {
    return this.records.valueLen(ref);
  }

  /** The integer that a string says in decimal; NaN where it says none, or one beyond 2^53. */
  integerOf(ref: Ref): number {
    return this.records.integerOf(ref);
  }

  isBig(ref: Ref): boolean {
    return this.records.isBig(ref);
  }

  isObject(ref: Ref): boolean {
    return this.records.isObject(ref);
  }

  objectOf(ref: Ref): Aggregate {
    return this.records.objectOf(ref);
  }

  /** The bytes of a big value, to be given to a socket as they are: from now on a change works on a copy. */
  lend(ref: Ref): Buffer {
    const big = this.records.bigOf(ref);
    big.lent = true;
    return big.buffer.length === big.length ? big.buffer : big.buffer.subarray(0, big.length);
  }

  /** Estimated bytes of key, value and their place in the tables. */
  bytesOf(ref: Ref): number {
    const slot = this.store.keys.memory.tableBytes / Math.max(1, this.store.keys.size);
    return this.records.bytesOf(ref) + Math.min(64, Math.round(slot));
  }

  /** Past its deadline, and not just waiting for the primary's word because we are carrying out its commands. */
  isDead(ref: Ref): boolean {
    const deadline_ms = this.records.deadlineOf(ref);
    return deadline_ms >= 0 && deadline_ms < this.keyspace.now_ms && !this.keyspace.applying;
  }

  // Writing. Where a method takes `found`, it may be told what the lookup just before has answered: that saves another one.

  /** Inserts, or overwrites whatever is there. `kind`: what OBJECT ENCODING is to say (record-layout.ts). */
  setString(
    kbuf: Buffer,
    koff: number,
    klen: number,
    vbuf: Buffer,
    voff: number,
    vlen: number,
    deadline_ms: number,
    kind = PLAIN_STRING,
    found: Ref = UNKNOWN,
  ): void {
    const ref = this.#findAgain(found, kbuf, koff, klen);
    this.#change(ref, false);
    this.store.putBytes(ref, kind, vbuf, voff, vlen, deadline_ms);
  }

  /** Like setString, but keeps `buffer` itself, which nobody else may write from now on. */
  setStringAdopted(
    kbuf: Buffer,
    koff: number,
    klen: number,
    buffer: Buffer,
    off: number,
    len: number,
    deadline_ms: number,
  ): void {
    const ref = this.findForWrite(kbuf, koff, klen);
    this.#change(ref, false);
    if (len < BIG_VALUE_MIN) this.store.putBytes(ref, PLAIN_STRING, buffer, off, len, deadline_ms);
    else this.store.putBig(ref, PLAIN_STRING, new BigValue(buffer.subarray(off, off + len), len), deadline_ms);
  }

  /** Adds bytes at the end of a string, which is made when missing; answers the new length. */
  append(kbuf: Buffer, koff: number, klen: number, vbuf: Buffer, voff: number, vlen: number): number {
    const ref = this.findForWrite(kbuf, koff, klen);
    this.#change(ref, false);
    if (ref !== 0) return this.store.writeRange(ref, this.records.valueLen(ref), vbuf, voff, vlen);
    return this.store.putBytes(0, PLAIN_STRING, vbuf, voff, vlen, NO_DEADLINE);
  }

  /**
   * Overwrites part of a string, which is made when missing and filled up with zeros to byte `at` when shorter; answers
   * the new length.
   */
  overwriteRange(
    kbuf: Buffer,
    koff: number,
    klen: number,
    at: number,
    vbuf: Buffer,
    voff: number,
    vlen: number,
  ): number {
    const ref = this.findForWrite(kbuf, koff, klen);
    this.#change(ref, false);
    return this.store.writeRange(ref, at, vbuf, voff, vlen);
  }

  /** Inserts or replaces the bytes of a packed aggregate; an existing key keeps its deadline. */
  setPacked(
    kbuf: Buffer,
    koff: number,
    klen: number,
    type: number,
    encoding: number,
    vbuf: Buffer,
    voff: number,
    vlen: number,
    found: Ref = UNKNOWN,
  ): void {
    const ref = this.#findAgain(found, kbuf, koff, klen);
    this.#change(ref, false);
    this.store.putBytes(ref, kindOf(type, encoding), vbuf, voff, vlen, KEEP_DEADLINE);
  }

  /** Overwrites bytes of a packed aggregate, which stays as long as it is; its key is the one that was looked up last. */
  patchPacked(ref: Ref, at: number, vbuf: Buffer, voff: number, vlen: number): void {
    this.#change(ref, false);
    this.store.patchBytes(ref, at, vbuf, voff, vlen);
  }

  /** Inserts or replaces an aggregate that is an object; an existing key keeps its deadline. */
  setObject(kbuf: Buffer, koff: number, klen: number, type: number, encoding: number, object: Aggregate): void {
    const ref = this.findForWrite(kbuf, koff, klen);
    this.#change(ref, false);
    this.store.putObject(ref, kindOf(type, encoding), object, KEEP_DEADLINE);
  }

  /** Before the object of a key is changed in place. */
  willChange(ref: Ref): void {
    if (this.records.isOld(ref)) this.keyspace.preserve(this.records, ref);
  }

  /** After the object of a key was changed in place, which `willChange` has announced. Not `resized`: it takes as much. */
  changed(kbuf: Buffer, koff: number, klen: number, found: Ref = UNKNOWN, resized = true): void {
    const ref = this.store.wasFound(found, kbuf, koff, klen) ? found : this.store.find(kbuf, koff, klen);
    this.#countChange(false);
    if (resized && ref !== 0 && this.records.isObject(ref)) this.records.noteObjectSize(ref);
  }

  /** True when the key existed; one that was past its deadline did not. */
  delete(kbuf: Buffer, koff: number, klen: number): boolean {
    const ref = this.store.find(kbuf, koff, klen);
    if (ref === 0) return false;
    if (this.isDead(ref) && !this.keyspace.passive) {
      this.#expire(ref);
      return false;
    }
    this.#change(ref, true);
    this.store.remove(ref);
    return true;
  }

  /** NO_DEADLINE takes it away. False when there is no such key. */
  setDeadline(kbuf: Buffer, koff: number, klen: number, deadline_ms: number): boolean {
    const ref = this.#findLiving(kbuf, koff, klen);
    if (ref === 0) return false;
    this.#change(ref, false);
    this.store.putDeadline(ref, deadline_ms);
    return true;
  }

  /** Removes a key and answers what it held. */
  take(ref: Ref): Entry {
    const { records } = this;
    this.store.locate(ref);
    const entry: Entry = {
      type: records.typeOf(ref),
      encoding: records.encodingOf(ref),
      deadline_ms: records.deadlineOf(ref),
      bytes: records.isObject(ref)
        ? null
        : records.isBig(ref)
          ? this.lend(ref)
          : copyOfBytes(records.valueBuf(ref), records.valueOff(ref), records.valueLen(ref)),
      object: records.isObject(ref) ? records.objectOf(ref) : null,
    };
    this.#change(ref, true);
    this.store.remove(ref);
    return entry;
  }

  /** Inserts or replaces; in either case the key counts as new. Bytes of BIG_VALUE_MIN and more are kept, not copied. */
  put(kbuf: Buffer, koff: number, klen: number, entry: Entry): void {
    const ref = this.findForWrite(kbuf, koff, klen);
    this.#change(ref, false);
    if (ref !== 0) this.listeners.added(this.keyspace.key);
    const { bytes, object, deadline_ms } = entry;
    const kind = kindOf(entry.type, entry.encoding);
    if (bytes === null) this.store.putObject(ref, kind, object as Aggregate, deadline_ms);
    else if (bytes.length < BIG_VALUE_MIN) this.store.putBytes(ref, kind, bytes, 0, bytes.length, deadline_ms);
    else this.store.putBig(ref, kind, BigValue.lent(bytes), deadline_ms);
  }

  /** Drops everything at once; a snapshot that is under way keeps what it still needs. */
  clear(): void {
    this.#changeAll(null);
    this.keyspace.abandon(this.store);
    this.store = this.keyspace.newStore();
    this.records = this.store.records;
  }

  /** Removes a record whose time is over, wherever it was found. */
  expire(ref: Ref): void {
    this.store.locate(ref);
    this.#expire(ref);
  }

  /** Moves a record to another place in the arena: the cleaner's doing, of which nobody else takes notice. */
  relocate(ref: Ref): void {
    // The snapshot may have passed the new place already.
    if (this.records.isOld(ref)) this.keyspace.preserve(this.records, ref);
    this.store.locate(ref);
    this.store.move(ref);
  }

  /** Exchanges the contents of two databases: SWAPDB. */
  swap(other: Database): void {
    const { store } = this;
    this.#changeAll(other);
    other.#changeAll(this);
    this.store = other.store;
    this.records = this.store.records;
    other.store = store;
    other.records = store.records;
  }

  // Walking.

  /** A living key, each with the same chance; 0 when there is none. */
  randomRef(): Ref {
    for (let attempt = 0; attempt < RANDOM_ATTEMPTS_MAX; attempt++) {
      const ref = this.store.keys.random(this.keyspace.prng);
      if (ref === 0 || !this.isDead(ref)) return ref;
      if (!this.keyspace.passive) this.expire(ref);
    }
    return 0;
  }

  /** SCAN: meets every key that stays in the database while calls go from cursor 0n back to 0n. */
  scan(cursor: bigint, count: number, visit: KeyVisitor, visitDead: KeyVisitor = NOBODY_LOOKS): bigint {
    return this.store.keys.scan(cursor, count, (ref) => this.#visit(ref, this.isDead(ref) ? visitDead : visit));
  }

  /** All that is stored, dead keys included, in no order. */
  forEach(visit: KeyVisitor): void {
    this.records.forEach((ref) => this.#visit(ref, visit));
  }

  // Watching.

  watch(kbuf: Buffer, koff: number, klen: number, watcher: Watcher): void {
    const ref = this.store.find(kbuf, koff, klen);
    this.listeners.watch(latin1(kbuf, koff, klen), watcher, ref !== 0 && this.isDead(ref));
  }

  /** Whether a watched key has passed its deadline since, though nobody has removed it yet: EXEC must know. */
  hasExpiredSinceWatch(kbuf: Buffer, koff: number, klen: number, watcher: Watcher): boolean {
    const ref = this.store.find(kbuf, koff, klen);
    return ref !== 0 && this.isDead(ref) && !this.listeners.wasExpired(latin1(kbuf, koff, klen), watcher);
  }

  /** The living record of a key; a dead one goes now, unless only the primary may say so. */
  #findLiving(buf: Buffer, off: number, len: number): Ref {
    const ref = this.store.find(buf, off, len);
    if (ref === 0 || !this.isDead(ref)) return ref;
    if (!this.keyspace.passive) this.#expire(ref);
    return 0;
  }

  /** For writes: without another lookup when the last one was that of this key and answered `found`. */
  #findAgain(found: Ref, buf: Buffer, off: number, len: number): Ref {
    return this.store.wasFound(found, buf, off, len) ? found : this.findForWrite(buf, off, len);
  }

  /** The one gate of all changes, just before they happen. The key is the one under way. */
  #change(ref: Ref, gone: boolean): void {
    if (ref !== 0 && this.records.isOld(ref)) this.keyspace.preserve(this.records, ref);
    this.#countChange(gone);
    if (ref === 0 && this.listeners.count !== 0) this.listeners.added(this.keyspace.key);
  }

  #countChange(gone: boolean): void {
    if (this.listeners.count !== 0) this.listeners.changed(this.keyspace.key, gone);
    this.keyspace.version++;
  }

  /** The same for all keys at once: the contents of another database, or none, are about to take the place of these. */
  #changeAll(by: Database | null): void {
    const after = (key: string): Held => (by === null ? 'nothing' : by.#held(key));
    if (this.listeners.count !== 0) this.listeners.replaced((key) => this.#held(key), after);
    this.keyspace.version++;
  }

  /** Not counted as a change of the data: what is past its deadline was gone already. */
  #expire(ref: Ref): void {
    const { keyspace, listeners } = this;
    const { key } = keyspace;
    if (this.records.isOld(ref)) keyspace.preserve(this.records, ref);
    if (listeners.count !== 0) listeners.changed(key, true);
    keyspace.expired++;
    keyspace.hooks.expired(this, key.buf, key.off, key.len);
    keyspace.events.tell(EVENT_EXPIRED, 'expired', this.index, key.buf, key.off, key.len);
    this.store.remove(ref);
  }

  #visit(ref: Ref, visit: KeyVisitor): void {
    const { records } = this;
    visit(records.keyBuf(ref), records.keyOff(ref), records.keyLen(ref), ref);
  }

  #held(key: string): Held {
    const ref = this.store.find(Buffer.from(key, 'latin1'), 0, key.length);
    return ref === 0 ? 'nothing' : this.isDead(ref) ? 'dead' : 'alive';
  }
}
