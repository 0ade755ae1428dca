/*
 * A file of the keyspace as it was at one moment, made in slices while commands go on. The walk of the keyspace hands
 * over every record once: when it comes by, or just before somebody changes the record. What must stay true:
 *
 * (1) A record is written, or kept as it was, before `record` returns.
 * (2) A value too big for one slice is kept by a clone, which costs a pointer per block and shares the rest, or, if it is
 *     a string, by lending its Buffer; then it is written in slices.
 * (3) While a big value is being written, nothing may get between its pieces: records that have to be kept meanwhile are
 *     encoded at once and wait. They are those that commands changed in that time, so the wait is short and bounded.
 * (4) No failure of the disk reaches the command that happened to change a record: it is kept for the next slice.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Aggregate } from '../data/aggregate.ts';
import type { RecordReader, Records } from '../data/record.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { SnapshotSink, SnapshotWalk } from '../keyspace/snapshot-walk.ts';
import { type AtomicFile, abandonQuietly, DiskFailure, type UnnamedFile } from './disk.ts';
import type { KeyPace } from './key-pace.ts';
import type { SnapshotEncoder } from './snapshot-encoder.ts';

/** Commands wait this long at most for a slice, and get at least a third of the time. */
const SLICE_MS = 2;
const PAUSE_MS = 1;
/** Values beyond these take more than about a millisecond to write. */
const OBJECT_BYTES_MAX = 256 * 1024;
const STRING_BYTES_MAX = 1024 * 1024;
/** Forced to disk so often, or the end would have to wait for all of it. */
const SYNC_BYTES = 4 * 1024 * 1024;

export interface SnapshotOptions {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly file: AtomicFile | UnnamedFile;
  readonly encoder: SnapshotEncoder;
  /** Force the file to disk in pieces while it grows. */
  readonly syncs: boolean;
  /** rdb-key-save-delay */
  readonly pace: KeyPace;
  /** Called once, unless aborted: with null when the file is complete and on disk under its name. */
  readonly done: (failure: DiskFailure | null) => void;
}

type Waiting = { readonly databaseIndex: number } & ({ readonly bytes: Buffer } | { readonly frozen: FrozenRecord });

export class Snapshot implements SnapshotSink {
  readonly #options: SnapshotOptions;
  readonly #walk: SnapshotWalk;
  readonly #waiting: Waiting[] = [];
  #big: Generator<void> | null = null;
  #timer: Timer | null = null;
  #walked = false;
  #encoded = false;
  #syncing = false;
  #synced = 0;
  #ended = false;
  #failure: DiskFailure | null = null;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#walk = options.keyspace.beginSnapshot(this);
    this.#guard(() => options.encoder.begin());
    this.#schedule();
  }

  /** Called by the walk, and from inside of any change. */
  record(records: Records, ref: number, databaseIndex: number): void {
    if (this.#failure !== null || this.#ended) return;
    const { encoder } = this.#options;
    if (isBig(records, ref)) this.#waiting.push({ databaseIndex, frozen: new FrozenRecord(records, ref) });
    else if (this.#big === null) this.#guard(() => encoder.record(records, ref, databaseIndex));
    else this.#waiting.push({ databaseIndex, bytes: encoder.detach(records, ref) });
  }

  /** Gives up: nothing is left of it. `done` is not called. */
  abort(): void {
    if (this.#ended) return;
    this.#end();
    abandonQuietly(this.#options.file);
  }

  #schedule(wait_ms = 0): void {
    const { clock } = this.#options;
    this.#timer = clock.setTimeout(() => this.#slice(), Math.max(PAUSE_MS, wait_ms));
  }

  #slice(): void {
    const { keyspace, encoder, pace } = this.#options;
    const end_ms = keyspace.monotonic_ms() + SLICE_MS;
    let wait_ms = pace.wait_ms(encoder.keys);
    this.#guard(() => {
      while (!this.#encoded && this.#failure === null && wait_ms === 0 && keyspace.monotonic_ms() < end_ms) {
        this.#advance(end_ms);
        wait_ms = pace.wait_ms(encoder.keys);
      }
    });
    if (this.#failure !== null) this.#fail(this.#failure);
    else if (!this.#encoded || wait_ms > 0) this.#sync(wait_ms);
    else this.#commit();
  }

  /** What waits goes first: the sooner it is gone, the less has to wait. */
  #advance(end_ms: number): void {
    const { keyspace, encoder, pace } = this.#options;
    if (this.#big !== null) {
      if (this.#big.next().done === true) this.#big = null;
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) {
      if ('bytes' in next) encoder.attach(next.bytes, next.databaseIndex);
      else this.#big = encoder.recordInSlices(next.frozen, 0, next.databaseIndex);
      return;
    }
    if (!this.#walked) {
      this.#walked = this.#walk.step(Math.max(0, end_ms - keyspace.monotonic_ms()), pace.isSlow);
      return;
    }
    encoder.end();
    this.#encoded = true;
  }

  #sync(wait_ms: number): void {
    const { file, syncs } = this.#options;
    this.#schedule(wait_ms);
    if (!syncs || this.#syncing || file.written - this.#synced < SYNC_BYTES) return;
    this.#syncing = true;
    this.#synced = file.written;
    file.syncLater((failure) => {
      this.#syncing = false;
      this.#failure ??= failure;
    });
  }

  /** In the thread pool first, so that the last fsync finds nothing to do. */
  #commit(): void {
    const { file, done } = this.#options;
    this.#timer = null;
    file.syncLater((failure) => {
      if (this.#ended) return;
      this.#failure ??= failure;
      this.#guard(() => {
        if (this.#failure === null) file.commit();
      });
      if (this.#failure !== null) {
        this.#fail(this.#failure);
        return;
      }
      this.#end();
      done(null);
    });
  }

  #fail(failure: DiskFailure): void {
    this.abort();
    this.#options.done(failure);
  }

  #end(): void {
    this.#ended = true;
    this.#walk.abort();
    if (this.#timer !== null) this.#options.clock.clear(this.#timer);
    this.#timer = null;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (failure) {
      if (!(failure instanceof DiskFailure)) throw failure;
      this.#failure ??= failure;
    }
  }
}

function isBig(records: Records, ref: number): boolean {
  if (!records.isObject(ref)) return records.isBig(ref) && records.valueLen(ref) > STRING_BYTES_MAX;
  return records.objectOf(ref).usedBytes() > OBJECT_BYTES_MAX;
}

/** One record as it was, whatever becomes of it (2). It is asked as records are; the address does not matter. */
class FrozenRecord implements RecordReader {
  readonly #type: number;
  readonly #encoding: number;
  readonly #deadline_ms: number;
  readonly #idle_s: number;
  readonly #frequency: number;
  readonly #key: Buffer;
  readonly #value: Buffer | null = null;
  readonly #object: Aggregate | null = null;

  constructor(records: Records, ref: number) {
    this.#type = records.typeOf(ref);
    this.#encoding = records.encodingOf(ref);
    this.#deadline_ms = records.deadlineOf(ref);
    this.#idle_s = records.idle_s(ref);
    this.#frequency = records.frequency(ref);
    const off = records.keyOff(ref);
    this.#key = Buffer.from(records.keyBuf(ref).subarray(off, off + records.keyLen(ref)));
    if (records.isObject(ref)) {
      this.#object = records.objectOf(ref).clone();
    } else {
      const big = records.bigOf(ref);
      // Whoever changes it in place from now on changes a copy.
      big.lent = true;
      this.#value = big.buffer.subarray(0, big.length);
    }
  }

  typeOf(): number {
    return this.#type;
  }

  encodingOf(): number {
    return this.#encoding;
  }

  deadlineOf(): number {
    return this.#deadline_ms;
  }

  idle_s(): number {
    return this.#idle_s;
  }

  frequency(): number {
    return this.#frequency;
  }

  keyBuf(): Buffer {
    return this.#key;
  }

  keyOff(): number {
    return 0;
  }

  keyLen(): number {
    return this.#key.length;
  }

  valueBuf(): Buffer {
    return this.#value as Buffer;
  }

  valueOff(): number {
    return 0;
  }

  valueLen(): number {
    return this.#value?.length ?? 0;
  }

  isBig(): boolean {
    return this.#value !== null;
  }

  isObject(): boolean {
    return this.#object !== null;
  }

  objectOf(): Aggregate {
    return this.#object as Aggregate;
  }
}
