import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Prng } from '../../../src/base/prng.ts';
import { defaultConfig } from '../../../src/config/directives.ts';
import { TYPE_HASH } from '../../../src/server/data/encoding.ts';
import { ListObject } from '../../../src/server/data/list-object.ts';
import { Entry } from '../../../src/server/data/listpack.ts';
import { MemberTable } from '../../../src/server/data/member-table.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { CommandsWriter } from '../../../src/server/persistence/aof-commands.ts';
import { AofParser } from '../../../src/server/persistence/aof-parser.ts';
import { AtomicFile, type DiskFailure } from '../../../src/server/persistence/disk.ts';
import { KeyPace } from '../../../src/server/persistence/key-pace.ts';
import { rdbEncoder } from '../../../src/server/persistence/rdb-file.ts';
import { Snapshot } from '../../../src/server/persistence/snapshot.ts';
import type { SnapshotEncoder } from '../../../src/server/persistence/snapshot-encoder.ts';
import { HashBuilder } from '../../../src/server/types/hash-builder.ts';
import { listEntry } from '../../../src/server/types/list-value.ts';
import { SetBuilder } from '../../../src/server/types/set-builder.ts';
import { contents, fill, INFO, inPairs, loadRdb, newKeyspace } from './support.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-snap-'));
  file = path.join(folder, 'dump.rdb');
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly snapshot: Snapshot;
  readonly ended: Promise<DiskFailure | null>;
}

function begin(
  keyspace: Keyspace,
  encoderOf?: (file: AtomicFile) => SnapshotEncoder,
  target = new AtomicFile(file),
  config = defaultConfig(),
): Running {
  const settings = { compression: true, checksum: true };
  const encoder = encoderOf?.(target) ?? rdbEncoder(target, keyspace, INFO, settings);
  let end: (failure: DiskFailure | null) => void = () => {};
  const ended = new Promise<DiskFailure | null>((resolve) => {
    end = resolve;
  });
  const clock = systemClock();
  const pace = new KeyPace('rdb-key-save-delay', { config, clock });
  const snapshot = new Snapshot({ keyspace, clock, file: target, encoder, syncs: true, pace, done: end });
  return { snapshot, ended };
}

/** Changes keys at random, as commands between slices do, until told to stop. */
async function disturb(keyspace: Keyspace, prng: Prng, until: Promise<unknown>): Promise<number> {
  let over = false;
  let changes = 0;
  const deadline = Date.now() + 10_000;
  void until.then(() => {
    over = true;
  });
  while (!over) {
    if (Date.now() > deadline) throw new Error(`no end after ${changes} changes`);
    for (let i = 0; i < 20; i++, changes++) change(keyspace, prng);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return changes;
}

function change(keyspace: Keyspace, prng: Prng): void {
  const db = keyspace.databases[prng.pick([0, 0, 1, 9])]!;
  const ref = db.randomRef();
  const text = Buffer.from(prng.hex(1 + prng.below(60)));
  if (ref === 0 || prng.chance(0.1)) return db.setString(text, 0, text.length, text, 0, text.length, -1);
  const key = Buffer.from(db.keyBuf(ref).subarray(db.keyOff(ref), db.keyOff(ref) + db.keyLen(ref)));
  const object = db.isObject(ref) ? db.objectOf(ref) : null;
  if (object instanceof ListObject) {
    db.willChange(ref);
    object.pushHead(text, 0, text.length);
    object.pushTail(text, 0, text.length);
    db.changed(key, 0, key.length);
  } else if (object instanceof MemberTable) {
    db.willChange(ref);
    if (db.typeOf(ref) === TYPE_HASH) changeFields(object, text, prng);
    else object.add(text, 0, text.length);
    db.changed(key, 0, key.length);
  } else if (db.typeOf(ref) === 0 && prng.chance(0.7)) {
    db.overwriteRange(key, 0, key.length, 0, text, 0, text.length);
  } else if (prng.chance(0.02)) {
    db.clear();
  } else if (prng.chance(0.1)) {
    keyspace.swap(0, 1);
  } else {
    db.delete(key, 0, key.length);
  }
}

/** One more field, and another value, as long as the old one or not, for one that was there. */
function changeFields(hash: MemberTable, text: Buffer, prng: Prng): void {
  const [field, value] = [new Entry(), new Entry()];
  const reference = hash.random(prng);
  hash.read(reference, field);
  hash.readValue(reference, value);
  const name = Buffer.from(field.buf.subarray(field.off, field.off + field.len));
  const other = prng.chance(0.7) ? Buffer.alloc(value.len, '*') : text;
  hash.put(name, 0, name.length, other, 0, other.length);
  hash.put(text, 0, text.length, text, 0, text.length);
}

/** Values that take several slices each. */
function addBigValues(keyspace: Keyspace): void {
  const db = keyspace.databases[0]!;
  const list = new ListObject();
  const builder = new SetBuilder();
  const hashes = new HashBuilder();
  builder.clear(keyspace.limits);
  hashes.clear(keyspace.limits);
  for (let i = 0; i < 15_000; i++) {
    const text = Buffer.from(`element number ${i}`);
    list.pushTail(text, 0, text.length);
    builder.add(text, 0, text.length);
    hashes.set(text, 0, text.length, text, 8, text.length - 8);
  }
  db.put(Buffer.from('big:hash'), 0, 8, hashes.entry(-1));
  db.put(Buffer.from('big:list'), 0, 8, listEntry(list, -1));
  db.put(Buffer.from('big:set'), 0, 7, builder.entry(-1));
  const string = Buffer.alloc(1_200_000, 'abc');
  db.setString(Buffer.from('big:string'), 0, 10, string, 0, string.length, 4_102_444_800_000);
}

describe('a snapshot in slices', { timeout: 30_000 }, () => {
  it('is the file that a save in one go would be', async () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(51), 600);
    addBigValues(keyspace);
    const before = contents(keyspace);
    expect(await begin(keyspace).ended).toBeNull();
    expect(fs.readdirSync(folder)).toEqual(['dump.rdb']);
    expect(contents(loadRdb(fs.readFileSync(file), { dropExpired: false }))).toEqual(before);
  });

  it.each([1, 2])('shows the moment of its beginning whatever changes meanwhile (seed %i)', async (seed) => {
    const prng = new Prng(seed);
    const keyspace = newKeyspace();
    fill(keyspace, prng, 500);
    addBigValues(keyspace);
    const before = contents(keyspace);
    const { ended } = begin(keyspace);
    const changes = await disturb(keyspace, prng, ended);
    expect(changes).toBeGreaterThan(20);
    expect(await ended).toBeNull();
    expect(contents(loadRdb(fs.readFileSync(file), { dropExpired: false }))).toEqual(before);
  });

  it('can be one of commands', async () => {
    const prng = new Prng(9);
    const keyspace = newKeyspace();
    fill(keyspace, prng, 500);
    addBigValues(keyspace);
    const before = contents(keyspace);
    const { ended } = begin(keyspace, (target) => {
      return new CommandsWriter((buf, off, len) => target.write(buf, off, len), { functions: [], now_s: null });
    });
    await disturb(keyspace, prng, ended);
    expect(replayed(fs.readFileSync(file))).toEqual(before);
  });

  it('leaves the old file and nothing else when it is aborted', async () => {
    fs.writeFileSync(file, 'old');
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(52), 500);
    const { snapshot } = begin(keyspace);
    snapshot.abort();
    change(keyspace, new Prng(1));
    expect([fs.readdirSync(folder), fs.readFileSync(file, 'latin1')]).toEqual([['dump.rdb'], 'old']);
  });

  it('tells a full disk at its end, and no command hears of it', async () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(53), 500);
    addBigValues(keyspace);
    fs.symlinkSync('/dev/full', path.join(folder, 'full'));
    const { ended } = begin(keyspace, undefined, new AtomicFile(file, path.join(folder, 'full')));
    await disturb(keyspace, new Prng(3), ended);
    expect((await ended)?.reason).toBe('No space left on device');
    expect(fs.existsSync(file)).toBe(false);
  });

  it('can follow another', async () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(54), 500);
    for (let round = 0; round < 3; round++) {
      const before = contents(keyspace);
      const { ended } = begin(keyspace);
      await disturb(keyspace, new Prng(round), ended);
      expect(contents(loadRdb(fs.readFileSync(file), { dropExpired: false }))).toEqual(before);
    }
  });
});

/** What the commands of a base make of an empty server. */
function replayed(log: Buffer): Record<string, string | string[]> {
  const values = new Map<string, { value: string | string[]; deadline: string; by: string }>();
  const parser = new AofParser();
  parser.push(log);
  let db = '0';
  while (parser.next()) {
    const [name, key = '', ...rest] = parser.args.map((arg) => arg.toString('latin1'));
    const id = `${db}:${key}`;
    const old = values.get(id);
    if (name === 'SELECT') db = key;
    else if (name === 'SET') values.set(id, { value: rest[0]!, deadline: '', by: name });
    else if (name === 'PEXPIREAT') values.set(id, { ...old!, deadline: `@${rest[0]}` });
    else values.set(id, { value: [...((old?.value as string[]) ?? []), ...rest], deadline: '', by: name as string });
  }
  expect(parser.available).toBe(0);
  const inOrder = ({ value, by }: { value: string | string[]; by: string }): string | string[] => {
    if (by === 'HSET') return inPairs(value as string[]);
    return by === 'SADD' ? (value as string[]).sort() : value;
  };
  return Object.fromEntries([...values].map(([id, one]) => [id + one.deadline, inOrder(one)]));
}
