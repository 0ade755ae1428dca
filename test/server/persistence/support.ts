/* What the tests of this folder share: a silent log, keyspaces from files, and keyspaces as plain values. */

import fs from 'node:fs';
import path from 'node:path';
import { Logger } from '../../../src/base/log.ts';
import type { Prng } from '../../../src/base/prng.ts';
import { DEFAULT_PROFILE } from '../../../src/config/profiles.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_STRING } from '../../../src/server/data/encoding.ts';
import { ListObject } from '../../../src/server/data/list-object.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { defaultLimits, type ValueLimits } from '../../../src/server/keyspace/limits.ts';
import type { Persistence } from '../../../src/server/persistence/persistence.ts';
import { RdbReader } from '../../../src/server/persistence/rdb-reader.ts';
import { type RdbInfo, RdbWriter } from '../../../src/server/persistence/rdb-writer.ts';
import { writeKeyspace } from '../../../src/server/persistence/snapshot-encoder.ts';
import { RdbOutput } from '../../../src/server/rdb/output.ts';
import { forEachElement } from '../../../src/server/types/elements.ts';
import { HashBuilder } from '../../../src/server/types/hash-builder.ts';
import { listEntry } from '../../../src/server/types/list-value.ts';
import { SetBuilder } from '../../../src/server/types/set-builder.ts';
import { encodingNameOf, typeOf } from '../../../src/server/types/table.ts';

export const VECTORS = path.join(import.meta.dirname, 'vectors');
export const NOW_MS = 1_795_385_066_000;

const NOISE = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 0xff));
const REPETITIVE = Buffer.from(NOISE.map((byte) => 0x61 + (byte % 3)));

export interface KeyAsJson {
  key: string;
  type: string;
  encoding: string;
  pexpiretime?: number;
  value: string | string[];
}

export function logInto(lines: string[]): Logger {
  // The text alone, without process, time and mark.
  const sink = (line: string) => lines.push(line.replace(/^\S+ \S+ \S+ \S+ \S+ . /, ''));
  return new Logger({ level: 'debug', sink, now_ms: () => NOW_MS, role: () => 'M', pid: 1 });
}

export function newKeyspace(limits = defaultLimits()): Keyspace {
  const keyspace = new Keyspace({ seed: 1, chunkBytes: 16 * 1024, limits });
  keyspace.now_ms = NOW_MS;
  return keyspace;
}

export function newReader(
  keyspace: Keyspace,
  { dropExpired = true, now_ms = NOW_MS, lines = [] as string[] } = {},
): RdbReader {
  return new RdbReader({ source: 'test.rdb', keyspace, log: logInto(lines), dropExpired, now_ms });
}

export function readVector(...names: string[]): Buffer {
  return fs.readFileSync(path.join(VECTORS, ...names));
}

export function readJson<T>(...names: string[]): T {
  return JSON.parse(readVector(...names).toString()) as T;
}

export const INFO: RdbInfo = {
  now_ms: NOW_MS,
  usedBytes: 880_000,
  replication: null,
  aofBase: false,
  functions: [],
  keeps: 'nothing',
};

export function writeRdb(
  keyspace: Keyspace,
  { info = INFO, compression = true, checksum = true, chunk = 1000, profile = DEFAULT_PROFILE } = {},
): Buffer {
  const pieces: Buffer[] = [];
  const sink = (buf: Buffer, off: number, len: number) => pieces.push(Buffer.from(buf.subarray(off, off + len)));
  const out = new RdbOutput({ compression, checksum, chunk, sink, version: profile.rdbVersion });
  writeKeyspace(keyspace, new RdbWriter(out, keyspace, { ...info, profile }));
  return Buffer.concat(pieces);
}

export function loadRdb(
  bytes: Buffer,
  { limits, ...options }: Parameters<typeof newReader>[1] & { limits?: ValueLimits } = {},
): Keyspace {
  const keyspace = newKeyspace(limits);
  const reader = newReader(keyspace, options);
  reader.feed(bytes);
  reader.finish();
  return keyspace;
}

/** As at an orderly end of the server. */
export function end(persistence: Persistence): void {
  persistence.secure({ save: false });
  persistence.close();
}

/** The vectors are those of redis-server 7.0. */
const NAMES_OF_7_0 = { limits: defaultLimits(), since72: false };

/** All databases as the vectors have them: keys in order, sets in order, only databases that have keys. */
export function asJson(keyspace: Keyspace): Record<string, KeyAsJson[]> {
  const dbs: Record<string, KeyAsJson[]> = {};
  for (const db of keyspace.databases) {
    const keys: KeyAsJson[] = [];
    db.forEach((kbuf, koff, klen, ref) => {
      const deadline_ms = db.deadlineOf(ref);
      keys.push({
        key: kbuf.toString('latin1', koff, koff + klen),
        type: typeOf(db, ref).name,
        encoding: encodingNameOf(db, ref, NAMES_OF_7_0),
        ...(deadline_ms >= 0 ? { pexpiretime: deadline_ms } : {}),
        value: valueAt(keyspace, db.index, ref),
      });
    });
    if (keys.length > 0) dbs[db.index] = keys.sort(byKey);
  }
  return dbs;
}

export function contents(keyspace: Keyspace): Record<string, string | string[]> {
  const all = Object.entries(asJson(keyspace)).flatMap(([db, keys]) =>
    keys.map(({ key, value, pexpiretime }) => [
      `${db}:${key}${pexpiretime === undefined ? '' : `@${pexpiretime}`}`,
      value,
    ]),
  );
  return Object.fromEntries(all);
}

/** Keys of every kind, size and form, in three databases, some with a deadline that has passed or is to come. */
export function fill(keyspace: Keyspace, prng: Prng, keys: number): void {
  const builder = new SetBuilder();
  const hashes = new HashBuilder();
  for (let i = 0; i < keys; i++) {
    const db = keyspace.databases[prng.pick([0, 0, 0, 1, 9])]!;
    const key = Buffer.from(prng.chance(0.2) ? `${prng.below(1e6)}` : `key:${i}:${prng.hex(prng.below(90))}`);
    const deadline_ms = prng.chance(0.3) ? NOW_MS + (prng.below(2000) - 1000) * 1000 : -1;
    if (prng.chance(0.4)) {
      const value = randomText(prng);
      db.setString(key, 0, key.length, value, 0, value.length, deadline_ms);
    } else if (prng.chance(0.33)) {
      hashes.clear(keyspace.limits);
      for (let n = sizeOf(prng); n >= 0; n--) {
        const [field, value] = [randomText(prng), randomText(prng)];
        hashes.set(field, 0, field.length, value, 0, value.length);
      }
      db.put(key, 0, key.length, hashes.entry(deadline_ms));
    } else if (prng.chance(0.5)) {
      const list = new ListObject();
      for (let n = sizeOf(prng); n >= 0; n--) pushText(list, randomText(prng));
      db.put(key, 0, key.length, listEntry(list, deadline_ms));
    } else {
      const onlyNumbers = prng.chance(0.5);
      builder.clear(keyspace.limits);
      for (let n = sizeOf(prng); n >= 0; n--) {
        const member = onlyNumbers ? Buffer.from(`${prng.below(1e9) - 5e8}`) : randomText(prng);
        builder.add(member, 0, member.length);
      }
      db.put(key, 0, key.length, builder.entry(deadline_ms));
    }
  }
}

function sizeOf(prng: Prng): number {
  return prng.chance(0.1) ? 600 + prng.below(1000) : prng.below(prng.chance(0.3) ? 150 : 8);
}

function pushText(list: ListObject, text: Buffer): void {
  list.pushTail(text, 0, text.length);
}

function randomText(prng: Prng): Buffer {
  if (prng.chance(0.3)) return Buffer.from(`${prng.below(2 ** prng.below(32)) - 100}`);
  if (prng.chance(0.1)) return Buffer.from('-9223372036854775808'.slice(0, 1 + prng.below(20)));
  const length = prng.chance(0.02) ? prng.below(40_000) : prng.below(100);
  const noise = prng.chance(0.5) ? REPETITIVE : NOISE;
  const at = prng.below(noise.length - length);
  return noise.subarray(at, at + length);
}

export function byKey(a: { key: string }, b: { key: string }): number {
  return a.key < b.key ? -1 : 1;
}

function valueAt(keyspace: Keyspace, index: number, ref: number): string | string[] {
  const db = keyspace.databases[index]!;
  const type = db.typeOf(ref);
  if (type === TYPE_STRING) {
    const off = db.valueOff(ref);
    return db.valueBuf(ref).toString('latin1', off, off + db.valueLen(ref));
  }
  const elements: string[] = [];
  forEachElement(typeOf(db, ref), db, ref, (buf, off, len) => elements.push(buf.toString('latin1', off, off + len)));
  if (type === TYPE_LIST) return elements;
  return type === TYPE_HASH ? inPairs(elements) : elements.sort();
}

/** Fields in order, each with its value behind it. */
export function inPairs(elements: readonly string[]): string[] {
  const pairs = elements.flatMap((field, i) => (i % 2 === 0 ? [[field, elements[i + 1] as string] as const] : []));
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1)).flat();
}
