/*
 * A keyspace beside a plain Map that says what must be in it. Every operation is done to both, and what the keyspace
 * answers is compared at once; `check` compares everything.
 */
import { Prng } from '../../../src/base/prng.ts';
import type { Aggregate } from '../../../src/server/data/aggregate.ts';
import { TYPE_STRING } from '../../../src/server/data/encoding.ts';
import { PLAIN_STRING } from '../../../src/server/data/record-layout.ts';
import { type Database, KEEP_DEADLINE, NO_DEADLINE } from '../../../src/server/keyspace/database.ts';
import { ExpireCycle } from '../../../src/server/keyspace/expiry.ts';
import { Keyspace, type KeyspaceOptions } from '../../../src/server/keyspace/keyspace.ts';

export interface Held {
  value: Buffer;
  deadline_ms: number;
}

/** An aggregate of which only the size matters. */
export function objectOf(bytes: number | (() => number)): Aggregate {
  const usedBytes = typeof bytes === 'number' ? () => bytes : bytes;
  const object: Aggregate = { holders: 0, hasSlabs: false, usedBytes, clone: () => object, dispose: () => {} };
  return object;
}

const OFFSETS = Int32Array.of(0, 1);
const START_MS = 1_700_000_000_000;

/** Mostly short ones; now and then one for every form that keys and values are kept in. */
const LONG_KEYS = [254, 255, 256, 1000, 32_768, 32_769, 70_000];
const LONG_VALUES = [32_000, 32_767, 32_768, 33_000, 100_000];

export class Model {
  readonly keyspace: Keyspace;
  readonly prng: Prng;
  readonly maps: Map<string, Held>[];
  readonly #range: number;
  readonly #expiry: ExpireCycle;

  constructor(seed: number, { range = 2000, ...options }: KeyspaceOptions & { range?: number } = {}) {
    this.prng = new Prng(seed);
    this.keyspace = new Keyspace({ seed, chunkBytes: 16 * 1024, databases: 2, ...options });
    this.keyspace.now_ms = START_MS;
    this.maps = this.keyspace.databases.map(() => new Map());
    this.#range = range;
    this.#expiry = new ExpireCycle(this.keyspace);
  }

  /** As much of the expire cycle as fits into no time at all. */
  expireSome(): void {
    this.#expiry.beginRound();
    this.#expiry.run(0);
  }

  db(index = 0): Database {
    return this.keyspace.databases[index] as Database;
  }

  map(index = 0): Map<string, Held> {
    return this.maps[index] as Map<string, Held>;
  }

  /** Of `range` keys, the same one is always equally long. */
  randomKey(): Buffer {
    const n = this.prng.below(this.#range);
    const text = `key:${n}`;
    if (n % 100 !== 0) return Buffer.from(n % 3 === 0 ? text.padEnd(5 + (n % 40), '.') : text);
    return Buffer.from(text.padEnd(LONG_KEYS[(n / 100) % LONG_KEYS.length] as number, '-'));
  }

  randomValue(): Buffer {
    const length = this.prng.chance(0.01) ? this.prng.pick(LONG_VALUES) : this.prng.below(this.prng.pick([5, 50, 500]));
    const value = Buffer.alloc(length);
    for (let i = 0; i < Math.min(length, 100); i++) value[i] = this.prng.below(256);
    return value;
  }

  /** Bytes as they reach the keyspace: somewhere inside a larger buffer that is used again afterwards. */
  set(index: number, key: Buffer, value: Buffer, deadline_ms: number): void {
    const wire = Buffer.concat([Buffer.from('$$'), key, Buffer.from('\r\n'), value, Buffer.from('\r\n')]);
    const found = this.#lookUpBefore(index, wire, 2, key.length);
    this.db(index).setString(wire, 2, key.length, wire, key.length + 4, value.length, deadline_ms, PLAIN_STRING, found);
    wire.fill(0xee);
    const kept = deadline_ms === KEEP_DEADLINE ? (this.#living(index, key)?.deadline_ms ?? NO_DEADLINE) : deadline_ms;
    this.map(index).set(key.toString('latin1'), { value, deadline_ms: kept });
  }

  /** Many commands look a key up before they change it, and some of them look at others in between. */
  #lookUpBefore(index: number, buf: Buffer, off: number, len: number): number | undefined {
    const { prng } = this;
    if (prng.chance(0.3)) return undefined;
    const found = this.db(index).findForWrite(buf, off, len);
    const other = this.randomKey();
    if (prng.chance(0.3)) this.db(prng.below(this.maps.length)).findForWrite(other, 0, other.length);
    // The store's own, because a database so small leaves it out.
    if (prng.chance(0.1))
      this.db(prng.below(this.maps.length)).store.fetchAhead(other, OFFSETS, Int32Array.of(4, 5), 0, 2, 1);
    // Pipelines name one key many times, each time at another place.
    if (prng.chance(0.3)) {
      const again = Buffer.concat([other, buf.subarray(off, off + len)]);
      same(
        this.db(index).findForWrite(again, other.length, len) !== 0,
        this.#living(index, buf.subarray(off, off + len)) !== undefined,
        'found again',
      );
    }
    return found;
  }

  delete(index: number, key: Buffer): void {
    const existed = this.#living(index, key) !== undefined;
    same(this.db(index).delete(key, 0, key.length), existed, 'delete');
    this.map(index).delete(key.toString('latin1'));
  }

  setDeadline(index: number, key: Buffer, deadline_ms: number): void {
    const held = this.#living(index, key);
    same(this.db(index).setDeadline(key, 0, key.length, deadline_ms), held !== undefined, 'setDeadline');
    if (held !== undefined) held.deadline_ms = deadline_ms;
  }

  append(index: number, key: Buffer, value: Buffer): void {
    const held = this.#living(index, key) ?? { value: Buffer.alloc(0), deadline_ms: NO_DEADLINE };
    held.value = Buffer.concat([held.value, value]);
    this.map(index).set(key.toString('latin1'), held);
    same(this.db(index).append(key, 0, key.length, value, 0, value.length), held.value.length, 'append');
  }

  overwriteRange(index: number, key: Buffer, at: number, value: Buffer): void {
    const held = this.#living(index, key) ?? { value: Buffer.alloc(0), deadline_ms: NO_DEADLINE };
    const grown = Buffer.alloc(Math.max(held.value.length, at + value.length));
    held.value.copy(grown);
    value.copy(grown, at);
    held.value = grown;
    this.map(index).set(key.toString('latin1'), held);
    const length = this.db(index).overwriteRange(key, 0, key.length, at, value, 0, value.length);
    same(length, grown.length, 'overwriteRange');
  }

  move(from: number, key: Buffer, to: number, newKey: Buffer): void {
    const held = this.#living(from, key);
    const ref = this.db(from).findForWrite(key, 0, key.length);
    same(ref !== 0, held !== undefined, 'find before take');
    if (held === undefined) return;
    this.map(from).delete(key.toString('latin1'));
    this.map(to).set(newKey.toString('latin1'), held);
    this.db(to).put(newKey, 0, newKey.length, this.db(from).take(ref));
  }

  clear(index: number): void {
    this.db(index).clear();
    this.map(index).clear();
  }

  swap(): void {
    this.keyspace.swap(0, 1);
    this.maps.reverse();
  }

  get(index: number, key: Buffer): void {
    const held = this.#living(index, key);
    const db = this.db(index);
    const ref = db.find(key, 0, key.length);
    same(ref !== 0, held !== undefined, `find ${key.toString('latin1', 0, 40)}`);
    if (held !== undefined) this.#compare(db, ref, held);
  }

  /** One random operation on a random key. */
  step(): void {
    const { prng } = this;
    const index = prng.chance(0.2) ? 1 : 0;
    const key = this.randomKey();
    const dice = prng.below(100);
    if (dice < 35) this.set(index, key, this.randomValue(), this.#randomDeadline());
    else if (dice < 50) this.get(index, key);
    else if (dice < 65) this.delete(index, key);
    else if (dice < 73) this.setDeadline(index, key, prng.chance(0.3) ? NO_DEADLINE : this.#later());
    else if (dice < 80) this.append(index, key, this.randomValue());
    else if (dice < 84) this.overwriteRange(index, key, prng.below(200), this.randomValue());
    else if (dice < 88) this.move(index, key, prng.below(2), this.randomKey());
    else if (dice < 93) this.keyspace.clean(0, { idle: prng.chance(0.5) });
    else if (dice < 95) this.expireSome();
    else this.keyspace.now_ms += prng.below(50);
  }

  /** Everything that should be there is there, and nothing else. */
  check(): void {
    for (const db of this.keyspace.databases) {
      const expected = [...this.map(db.index)].filter(([, held]) => !this.#isDead(held));
      for (const [key, held] of expected) {
        const bytes = Buffer.from(key, 'latin1');
        this.#compare(db, db.peek(bytes, 0, bytes.length), held);
      }
      const scanned = scanAll(db);
      same(scanned.length, expected.length, 'number of keys scanned');
      same(new Set(scanned).size, expected.length, 'different keys scanned');
      const stored: Held[] = [];
      db.forEach((kbuf, koff, klen) => {
        const held = this.map(db.index).get(kbuf.latin1Slice(koff, koff + klen));
        if (held === undefined) throw new Error('a key is stored that should be gone');
        stored.push(held);
      });
      same(stored.length, db.size, 'size');
      same(stored.filter((held) => held.deadline_ms >= 0).length, db.volatileSize, 'volatileSize');
    }
    const { arenaBytes, recordBytes } = this.keyspace.stats();
    if (recordBytes > arenaBytes) throw new Error('more live bytes than memory');
  }

  #isDead(held: Held): boolean {
    return held.deadline_ms >= 0 && held.deadline_ms < this.keyspace.now_ms;
  }

  #living(index: number, key: Buffer): Held | undefined {
    const held = this.map(index).get(key.toString('latin1'));
    return held === undefined || this.#isDead(held) ? undefined : held;
  }

  #later(): number {
    return this.keyspace.now_ms + this.prng.below(20_000);
  }

  #randomDeadline(): number {
    if (this.prng.chance(0.5)) return NO_DEADLINE;
    return this.prng.chance(0.3) ? KEEP_DEADLINE : this.#later();
  }

  #compare(db: Database, ref: number, held: Held): void {
    if (ref === 0) throw new Error('a key is missing');
    same(db.typeOf(ref), TYPE_STRING, 'type');
    same(db.deadlineOf(ref), held.deadline_ms, 'deadline');
    same(db.valueLen(ref), held.value.length, 'length of a value');
    const start = db.valueOff(ref);
    const difference = held.value.compare(db.valueBuf(ref), start, start + held.value.length);
    same(difference, 0, 'bytes of a value');
  }
}

export function scanAll(db: Database, count = 10, between: () => void = () => {}): string[] {
  const keys: string[] = [];
  let cursor = 0n;
  do {
    cursor = db.scan(cursor, count, (kbuf, koff, klen) => keys.push(kbuf.latin1Slice(koff, koff + klen)));
    between();
  } while (cursor !== 0n);
  return keys;
}

function same<T>(actual: T, expected: T, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}
