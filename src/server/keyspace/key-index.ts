/*
 * Which record holds a key. A database has one table; in cluster mode one per slot, made when the slot gets its first
 * key, so that the keys of a slot can be counted and listed without a look at the others. One more table holds the
 * keys with a deadline, for those who look for keys to expire or evict; reads never come there.
 *
 * Positions for SCAN: the upper bits of a cursor are the slot (0 outside a cluster), the lower 32 the hash.
 */
import type { Prng } from '../../base/prng.ts';
import { SLOTS, slotOf } from '../../base/slot.ts';
import { FAR_WORDS_MAX, FarWords } from '../data/far-words.ts';
import type { Key } from '../data/key.ts';
import type { Records } from '../data/record.ts';
import type { SlabPool } from '../data/slabs.ts';
import { Table, type TableMemory } from '../data/table.ts';

/** Keys fetched together. */
export const NOTED_MAX = FAR_WORDS_MAX;
const BLOCK_SHIFT = 7;
const HASH_BITS = 32n;
const HASH_MASK = 0xffff_ffffn;

export class KeyIndex {
  size = 0;
  readonly memory: TableMemory;
  readonly volatile: Table;
  readonly #records: Records;
  /** The only table, or in cluster mode the one of the key under way. */
  #table: Table;
  /** Stands for the tables of empty slots. */
  readonly #nothing: Table;
  #slot = 0;
  readonly #slots: (Table | undefined)[] | null;
  /** Hashes, and in cluster mode slots, of keys to be looked up soon; then the records found for them. */
  readonly #noted = new Int32Array(NOTED_MAX);
  readonly #far = new FarWords();
  readonly #notedSlots = new Int32Array(NOTED_MAX);
  /** Keys in every 128 slots, to find the n-th key of all without adding up 16384 numbers. */
  readonly #blocks = new Int32Array(SLOTS >> BLOCK_SHIFT);

  constructor(records: Records, clusterMode: boolean, segments: SlabPool) {
    this.memory = { tableBytes: 0, segments };
    this.#records = records;
    this.#nothing = new Table(this.memory);
    this.#table = this.#nothing;
    this.volatile = new Table(this.memory);
    this.#slots = clusterMode ? new Array<Table | undefined>(SLOTS).fill(undefined) : null;
  }

  /** The record of a key, or 0. The operations below are on this key. */
  find(key: Key): number {
    if (this.#slots !== null) this.#chooseTable(key);
    const table = this.#table;
    let ref = table.seek(key.hash);
    while (ref !== 0 && !this.#records.isKey(ref, key)) ref = table.seekNext();
    return ref;
  }

  /** Notes a key as the `i`th that `readNoted` is going to look for. */
  note(i: number, key: Key): void {
    this.#noted[i] = key.hash;
    if (this.#slots !== null) this.#notedSlots[i] = slotOf(key.buf, key.off, key.len);
  }

  /** Reads from all memory that `find` needs for the keys noted: first from the tables, then from the records. */
  readNoted(count: number): number {
    const noted = this.#noted;
    const far = this.#far;
    const records = this.#records;
    for (let i = 0; i < count; i++) {
      const table = this.#tableNoted(i);
      far.note(i, table.slotsFor(noted[i] as number), table.placeFor(noted[i] as number));
    }
    let sum = far.read(count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      const ref = this.#tableNoted(i).seek(noted[i] as number);
      if (ref === 0) continue;
      far.note(found, records.wordsOf(ref), records.firstOf(ref));
      noted[found++] = ref;
    }
    sum ^= far.read(found);
    for (let i = 0; i < found; i++) {
      const ref = noted[i] as number;
      far.note(i, records.wordsOf(ref), records.laterOf(ref));
    }
    sum ^= far.read(found);
    far.forget();
    return sum;
  }

  /** Finds the place of exactly this record, whose key is the one under way. */
  locate(key: Key, ref: number): boolean {
    if (this.#slots !== null) this.#chooseTable(key);
    return this.#table.locate(key.hash, ref);
  }

  /** Adds the key that `find` did not find. */
  add(key: Key, ref: number): void {
    if (this.#slots !== null) this.#openTable();
    this.#table.insert(key.hash, ref);
    this.#count(1);
    if (this.#records.hasDeadline(ref)) this.volatile.insert(key.hash, ref);
  }

  /** The key that was found has another record now. */
  replace(key: Key, old: number, ref: number): void {
    this.#table.replace(ref);
    const was = this.#records.hasDeadline(old);
    const is = this.#records.hasDeadline(ref);
    if (was && is) {
      if (this.volatile.locate(key.hash, old)) this.volatile.replace(ref);
    } else if (was !== is) {
      this.deadlineChanged(key, was ? old : ref, is);
    }
  }

  /** Removes the key that was found. */
  remove(key: Key, ref: number): void {
    if (this.#records.hasDeadline(ref)) this.deadlineChanged(key, ref, false);
    this.#table.remove();
    this.#count(-1);
    if (this.#slots !== null && this.#table.size === 0) this.#dropTable();
  }

  /** The key that was found got its first deadline, or lost its only one. */
  deadlineChanged(key: Key, ref: number, hasDeadline: boolean): void {
    if (hasDeadline) this.volatile.insert(key.hash, ref);
    else if (this.volatile.locate(key.hash, ref)) this.volatile.remove();
  }

  /** Moves what it has out of the slabs, in which little is left. */
  leaveSlabs(): void {
    this.volatile.leaveSlabs();
    if (this.#slots === null) this.#table.leaveSlabs();
    else for (const table of this.#slots) table?.leaveSlabs();
  }

  /** Gives all memory back; nobody may use the index any more. */
  dispose(): void {
    this.volatile.dispose();
    if (this.#slots === null) this.#table.dispose();
    else for (const table of this.#slots) table?.dispose();
  }

  random(prng: Prng): number {
    if (this.#slots === null || this.size === 0) return this.#table.random(prng);
    let nth = prng.below(this.size);
    let block = 0;
    while (nth >= (this.#blocks[block] as number)) nth -= this.#blocks[block++] as number;
    let slot = block << BLOCK_SHIFT;
    while (nth >= this.countInSlot(slot)) nth -= this.countInSlot(slot++);
    return (this.#slots[slot] as Table).random(prng);
  }

  /** Calls for about `wanted` records from a position on; answers the next position, 0 at the end. */
  scan(cursor: bigint, wanted: number, visit: (ref: number) => void): bigint {
    let slot = Number(cursor >> HASH_BITS);
    let from = Number(cursor & HASH_MASK);
    const end = this.#slots === null ? 1 : SLOTS;
    for (let met = 0; slot < end; slot++, from = 0) {
      const table = this.#slots === null ? this.#table : this.#slots[slot];
      if (table === undefined) continue;
      from = table.collect(from, wanted - met);
      for (let i = 0; i < table.batchSize; i++) visit(table.batch[i] as number);
      met += table.batchSize;
      if (from !== 0) return (BigInt(slot) << HASH_BITS) | BigInt(from);
      if (met >= wanted && slot + 1 < end) return BigInt(slot + 1) << HASH_BITS;
    }
    return 0n;
  }

  countInSlot(slot: number): number {
    return this.#slots?.[slot]?.size ?? 0;
  }

  /** Up to `max` records of a slot. */
  listSlot(slot: number, max: number): number[] {
    const table = this.#slots?.[slot];
    const refs: number[] = [];
    if (table === undefined) return refs;
    let from = 0;
    do {
      from = table.collect(from, max - refs.length);
      for (let i = 0; i < table.batchSize && refs.length < max; i++) refs.push(table.batch[i] as number);
    } while (from !== 0 && refs.length < max);
    return refs;
  }

  #tableNoted(i: number): Table {
    if (this.#slots === null) return this.#table;
    return this.#slots[this.#notedSlots[i] as number] ?? this.#nothing;
  }

  #chooseTable(key: Key): void {
    this.#slot = slotOf(key.buf, key.off, key.len);
    this.#table = this.#slots?.[this.#slot] ?? this.#nothing;
  }

  /** Lookups in an empty slot leave it without a table; the first key brings one. */
  #openTable(): void {
    if (this.#table !== this.#nothing) return;
    this.#table = new Table(this.memory);
    (this.#slots as (Table | undefined)[])[this.#slot] = this.#table;
  }

  #count(difference: number): void {
    this.size += difference;
    const block = this.#slot >> BLOCK_SHIFT;
    this.#blocks[block] = (this.#blocks[block] as number) + difference;
  }

  #dropTable(): void {
    this.#table.dispose();
    this.#table = this.#nothing;
    (this.#slots as (Table | undefined)[])[this.#slot] = undefined;
  }
}
