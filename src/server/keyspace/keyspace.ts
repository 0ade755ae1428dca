/*
 * All databases of one server: what they share (time, chance, the hash, statistics) and what is done to all of them
 * from outside commands: cleaning, expiring, snapshots.
 */
import { assert } from '../../base/assert.ts';
import { entropySeed, Prng } from '../../base/prng.ts';
import { AccessClock } from '../data/access-clock.ts';
import { ARENA_SLABS_FROM_BYTES, CHUNK_BYTES_MAX } from '../data/arena.ts';
import { Key } from '../data/key.ts';
import { Memory } from '../data/memory.ts';
import { Records } from '../data/record.ts';
import { TABLE_SLABS_FROM_BYTES } from '../data/table.ts';
import { Cleaner } from './cleaner.ts';
import { Database } from './database.ts';
import { ExpireCycle } from './expiry.ts';
import { EVENT_NEW, KeyEvents } from './key-events.ts';
import { defaultLimits, type ValueLimits } from './limits.ts';
import { OwnKeys } from './own-keys.ts';
import { ReadyKeys } from './ready-keys.ts';
import { type SnapshotSink, SnapshotWalk } from './snapshot-walk.ts';
import { StagedData } from './staged-data.ts';
import { Store } from './store.ts';

const EPOCHS_MAX = 254;

export interface KeyspaceHooks {
  /** A key is about to go because its time is over. Must not touch the keyspace. */
  expired(db: Database, kbuf: Buffer, koff: number, klen: number): void;
  /** An event of a key is to be published. Must not touch the keyspace. The channel is text, a character a byte. */
  published(channel: string, payload: Buffer): void;
}

export interface KeyspaceOptions {
  databases?: number;
  clusterMode?: boolean;
  /** Of the key hash and of random picks. SCAN cursors mean the same in two keyspaces of equal seed. */
  seed?: number;
  /** Size of the first chunk of memory; later ones are twice as large each, up to 1 MB. */
  chunkBytes?: number;
  monotonic_ms?: () => number;
  hooks?: KeyspaceHooks;
  /** Live: a change of them is one of the keyspace's. */
  limits?: ValueLimits;
}

export interface KeyspaceStats {
  keys: number;
  volatileKeys: number;
  /** All below together, as far as it is in use. */
  usedBytes: number;
  /** Live records, and the memory that holds them and the dead ones. */
  recordBytes: number;
  arenaBytes: number;
  tableBytes: number;
  bigBytes: number;
  objectBytes: number;
}

export class Keyspace {
  readonly databases: readonly Database[];
  readonly clusterMode: boolean;
  readonly monotonic_ms: () => number;
  /** The key of the operation under way. */
  readonly key: Key;
  readonly prng: Prng;
  readonly access: AccessClock;
  readonly limits: ValueLimits;
  readonly memory = new Memory();
  readonly events = new KeyEvents((channel, payload) => this.hooks.published(channel, payload));
  /** Keys that somebody was blocked on, and who is not served yet. */
  readonly ready = new ReadyKeys();
  hooks: KeyspaceHooks;
  /**
   * Grows with every change of the data that somebody asked for; keys whose time was over are none. Who sees it unchanged
   * knows that nothing has happened.
   */
  version = 0;
  /** All changes so far as Redis counts them, for save points and INFO: run.ts, and who changes data outside of it. */
  dirty = 0;
  hits = 0;
  misses = 0;
  expired = 0;
  /** Keys that are dead are hidden but stay until the primary removes them. */
  passive = false;
  /** The primary's commands are being carried out: they see what the primary saw, dead keys included. */
  applying = false;
  /** DEBUG SET-ACTIVE-EXPIRE. */
  activeExpire = true;
  /** DEBUG PAUSE-CRON: nothing happens by itself. */
  standsStill = false;
  #now_ms = 0;
  #epoch = 0;
  /** Snapshots ever begun; and which of them all records are as young as, because it was walked to its end. */
  #snapshots = 0;
  #settled = 0;
  #walk: SnapshotWalk | null = null;
  #staged: StagedData | null = null;
  #adoptions = 0;
  /** Stores that nobody uses any more, but perhaps a snapshot. */
  #abandoned: Store[] = [];
  readonly #chunkBytes: number;
  readonly #cleaner: Cleaner;
  readonly expiry: ExpireCycle;
  readonly own = new OwnKeys();

  constructor(options: KeyspaceOptions = {}) {
    const seed = options.seed ?? entropySeed();
    this.clusterMode = options.clusterMode ?? false;
    this.monotonic_ms = options.monotonic_ms ?? (() => performance.now());
    this.hooks = options.hooks ?? { expired() {}, published() {} };
    this.limits = options.limits ?? defaultLimits();
    this.key = new Key(seed);
    this.prng = new Prng(seed);
    this.access = new AccessClock(this.prng);
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES_MAX;
    this.databases = Array.from({ length: options.databases ?? 16 }, (_, index) => new Database(this, index));
    this.#cleaner = new Cleaner(this);
    this.expiry = new ExpireCycle(this);
  }

  /** The wall time of this turn: what deadlines are compared with. */
  get now_ms(): number {
    return this.#now_ms;
  }

  set now_ms(now_ms: number) {
    if (now_ms === this.#now_ms) return;
    this.#now_ms = now_ms;
    this.access.setTime(now_ms);
  }

  get useLfu(): boolean {
    return this.access.useLfu;
  }

  set useLfu(useLfu: boolean) {
    this.access.useLfu = useLfu;
  }

  /** `notify-keyspace-events`: letters, with all that `A` stands for. */
  setEventClasses(letters: string): void {
    const { events } = this;
    events.setClasses(letters);
    for (const { index, listeners } of this.databases) {
      const isHeard = (events.mask & EVENT_NEW) !== 0;
      listeners.hearAdditions(
        isHeard ? ({ buf, off, len }) => events.tell(EVENT_NEW, 'new', index, buf, off, len) : null,
      );
    }
  }

  swap(a: number, b: number): void {
    (this.databases[a] as Database).swap(this.databases[b] as Database);
  }

  clear(): void {
    for (const db of this.databases) db.clear();
  }

  // Another data set in place of this one.

  /** An empty one, to be loaded beside the one that is served. One at a time. */
  stage(): StagedData {
    assert(this.#staged === null, 'one data set is loaded at a time');
    this.#staged = new StagedData(this, this.#snapshots);
    return this.#staged;
  }

  unstage(staged: StagedData): void {
    if (this.#staged !== staged) return;
    this.#staged = null;
    for (const { store } of staged.databases) this.abandon(store);
  }

  /** The staged data set takes the place of the one that is served. A snapshot under way goes on with the old one. */
  adopt(staged: StagedData): void {
    assert(this.#staged === staged, 'the data set was given up');
    this.#staged = null;
    staged.databases.forEach((db, index) => {
      (this.databases[index] as Database).swap(db);
    });
    this.#settled = Math.min(this.#settled, staged.snapshotsBefore);
    this.#adoptions++;
    // Which are the old ones now.
    for (const { store } of staged.databases) this.abandon(store);
  }

  // Memory.

  /** Bytes that the data needs. Dead records do not count: they are won back when room is needed. */
  usedBytes(): number {
    let bytes = 0;
    for (const { store } of this.#allDatabases()) bytes += store.records.usedBytes() + store.keys.memory.tableBytes;
    return bytes;
  }

  stats(): KeyspaceStats {
    const stats = {
      keys: 0,
      volatileKeys: 0,
      usedBytes: this.usedBytes(),
      recordBytes: 0,
      arenaBytes: 0,
      tableBytes: 0,
      bigBytes: 0,
      objectBytes: 0,
    };
    for (const { store } of this.databases) {
      const { arena, bigs, longKeys, objects } = store.records;
      stats.keys += store.keys.size;
      stats.volatileKeys += store.keys.volatile.size;
      stats.recordBytes += arena.liveUnits * 8;
      stats.arenaBytes += arena.chunkBytes;
      stats.tableBytes += store.keys.memory.tableBytes;
      stats.bigBytes += bigs.bytes + longKeys.bytes;
      stats.objectBytes += objects.bytes;
    }
    return stats;
  }

  /** Moves live records together to win back the room between them; true when it ran out of time. */
  clean(budget_ms: number, { idle = false } = {}): boolean {
    return this.#cleaner.run(budget_ms, idle);
  }

  /** The same at the end of a turn. */
  cleanAfterChanges(budget_ms: number): boolean {
    return this.#cleaner.runAfterChanges(budget_ms);
  }

  /** Begins to look for keys whose time is over: what `expireSlice` then does bit by bit. */
  beginExpiring(): void {
    if (this.#mayExpire) this.expiry.beginRound();
  }

  /** Whether more may have to be removed than the last slice did. */
  get isExpiring(): boolean {
    return this.expiry.isBusy;
  }

  /** Removes keys whose time is over, after a turn that took so long. */
  expireSlice(turn_ms: number): void {
    if (this.#mayExpire) this.expiry.slice(turn_ms);
  }

  /** When there should be a turn for the next slice, on the monotonic clock; Infinity where none is due. */
  get nextSlice_ms(): number {
    return this.#mayExpire ? this.expiry.nextSlice_ms : Number.POSITIVE_INFINITY;
  }

  /** `active-expire-effort`. */
  setExpireEffort(effort: number): void {
    this.expiry.setEffort(effort);
  }

  get #mayExpire(): boolean {
    return this.activeExpire && !this.passive && !this.standsStill;
  }

  // Slots of a cluster.

  countKeysInSlot(slot: number): number {
    return this.#clusterDatabase.store.keys.countInSlot(slot);
  }

  /** Copies of up to `max` keys. */
  keysInSlot(slot: number, max: number): Buffer[] {
    const { records, keys } = this.#clusterDatabase.store;
    return keys.listSlot(slot, max).map((ref) => keyOf(records, ref));
  }

  /** Deletes up to `max` keys of a slot; answers how many. `visit` sees each before it goes. */
  deleteInSlot(slot: number, max: number, visit?: (kbuf: Buffer, koff: number, klen: number) => void): number {
    const keys = this.keysInSlot(slot, max);
    for (const key of keys) {
      visit?.(key, 0, key.length);
      this.#clusterDatabase.delete(key, 0, key.length);
    }
    return keys.length;
  }

  // Snapshots.

  /** The keyspace as it is now goes to `sink`, in as many steps as the caller likes. One at a time. */
  beginSnapshot(sink: SnapshotSink): SnapshotWalk {
    this.#walk?.abort();
    // Epochs are 8 bits: after so many walks without an end, a record of the first would look like one of the next.
    if (this.#snapshots - this.#settled >= EPOCHS_MAX) this.#makeAllCurrent();
    this.#epoch = (this.#epoch + 1) & 255;
    const number = ++this.#snapshots;
    const adoptions = this.#adoptions;
    this.#walk = new SnapshotWalk(this, sink, (completed) => {
      this.#walk = null;
      // A data set that came in meanwhile was not walked.
      if (completed && adoptions === this.#adoptions) this.#settled = number;
    });
    return this.#walk;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** A record of an earlier epoch is about to change, move or go. */
  preserve(records: Records, ref: number): void {
    this.#walk?.preserve(records, ref);
    records.makeCurrent(ref);
  }

  newStore(): Store {
    const { access, memory } = this;
    const records = new Records({ firstChunkBytes: this.#chunkBytes, access, memory, epoch: this.#epoch });
    return new Store(this.key, records, this.clusterMode);
  }

  /** A store that was replaced by another one. */
  abandon(store: Store): void {
    this.#abandoned.push(store);
  }

  /** At the end of a turn: gives memory back that was left in it; true when there is more. */
  releaseMemory(): boolean {
    if (this.#walk === null && this.#abandoned.length > 0) {
      for (const store of this.#abandoned) store.dispose();
      this.#abandoned = [];
    }
    return this.memory.release() || this.#leaveSlabs();
  }

  /** What little is left in slabs is copied, at most some megabytes a turn, so that they go back too; true when any was. */
  #leaveSlabs(): boolean {
    const { chunks, segments } = this.memory;
    const fewChunks = chunks.hasFewLeft(ARENA_SLABS_FROM_BYTES);
    const fewSegments = segments.hasFewLeft(TABLE_SLABS_FROM_BYTES);
    if (!(fewChunks || fewSegments || chunks.hasSlabToSpare)) return false;
    // What a snapshot still walks through stays where it is.
    if (this.#abandoned.length > 0) return false;
    const stores = this.#allDatabases().map(({ store }) => store);
    if (fewSegments) for (const { keys } of stores) keys.leaveSlabs();
    if (fewChunks) for (const { records } of stores) records.arena.leaveSlabs();
    if (fewChunks || fewSegments) return true;
    const { emptiest } = chunks;
    return stores.some(({ records }) => records.arena.moveOneFrom(emptiest));
  }

  #makeAllCurrent(): void {
    for (const { records } of this.databases) {
      // Those that were loaded aside are of the epoch in which that began.
      records.epoch = this.#epoch;
      records.forEach((ref) => records.makeCurrent(ref));
    }
    this.#settled = this.#snapshots;
  }

  #allDatabases(): readonly Database[] {
    return this.#staged === null ? this.databases : [...this.databases, ...this.#staged.databases];
  }

  get #clusterDatabase(): Database {
    return this.databases[0] as Database;
  }
}

function keyOf(records: Records, ref: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(records.keyLen(ref));
  records.keyBuf(ref).copy(copy, 0, records.keyOff(ref), records.keyOff(ref) + copy.length);
  return copy;
}
