import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { profileOf } from '../../../src/config/profiles.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { DiskFailure, UnnamedFile } from '../../../src/server/persistence/disk.ts';
import { rdbEncoder, SpooledRdb, saveRdbFile } from '../../../src/server/persistence/rdb-file.ts';
import { keptByPolicy } from '../../../src/server/persistence/rdb-writer.ts';
import { writeKeyspace } from '../../../src/server/persistence/snapshot-encoder.ts';
import { RdbFailure } from '../../../src/server/rdb/format.ts';
import { AS_7_0 } from '../../support/as-7-0.ts';
import { contents, fill, INFO, loadRdb, newKeyspace, newReader, readVector, writeRdb } from './support.ts';

const SETTINGS = { compression: true, checksum: true };
let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-rdb-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Aux fields and order are those of 7.0: with its ctime and memory, the bytes are the same. */
function asSaved(vector: string): Buffer {
  const reader = newReader(newKeyspace());
  reader.feed(readVector('rdb', `${vector}.rdb`));
  const now_ms = Number(reader.aux.get('ctime')) * 1000;
  return writeRdb(loadRdb(readVector('rdb', `${vector}.rdb`)), {
    profile: profileOf(AS_7_0),
    info: { ...INFO, now_ms, usedBytes: Number(reader.aux.get('used-mem')) },
  });
}

describe('writing an RDB', () => {
  it.each(['empty', 'nochecksum'])('gives byte for byte the file of redis-server: %s', (vector) => {
    const theirs = readVector('rdb', `${vector}.rdb`);
    if (vector === 'empty') expect(asSaved(vector).toString('hex')).toBe(theirs.toString('hex'));
    else expect(writeRdb(loadRdb(theirs), { checksum: false }).subarray(-8)).toEqual(Buffer.alloc(8));
  });

  it('writes what it reads back: every form of strings, lists and sets, in several databases', () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(5), 300);
    for (const [compression, checksum, chunk] of [
      [true, true, 64],
      [false, false, 100_000],
    ] as const) {
      const bytes = writeRdb(keyspace, { compression, checksum, chunk });
      expect(contents(loadRdb(bytes, { dropExpired: false }))).toEqual(contents(keyspace));
    }
  });

  it('compresses when asked to', () => {
    const keyspace = newKeyspace();
    const text = Buffer.from('a'.repeat(1000));
    keyspace.databases[0]!.setString(text, 0, 3, text, 0, 1000, -1);
    expect(writeRdb(keyspace).length).toBeLessThan(200);
    expect(writeRdb(keyspace, { compression: false }).length).toBeGreaterThan(1000);
  });

  it('carries functions, the place in the stream, and idle times or frequencies', () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    db.setString(Buffer.from('k'), 0, 1, Buffer.from('v'), 0, 1, -1);
    db.setIdle(db.peek(Buffer.from('k'), 0, 1), 1000);
    const info = {
      ...INFO,
      functions: [Buffer.from('#!lua name=a\n')],
      replication: { selectedDb: 3, id: 'f'.repeat(40), offset: 12345 },
      keeps: keptByPolicy('allkeys-lru'),
    };
    const loaded = newKeyspace();
    const reader = newReader(loaded);
    reader.feed(writeRdb(keyspace, { info }));
    expect([...reader.aux]).toEqual([
      ['redis-ver', '7.2.4'],
      ['redis-bits', '64'],
      ['ctime', '1795385066'],
      ['used-mem', '880000'],
      ['repl-stream-db', '3'],
      ['repl-id', 'f'.repeat(40)],
      ['repl-offset', '12345'],
      ['aof-base', '0'],
    ]);
    expect(reader.functions.map(String)).toEqual(['#!lua name=a\n']);
    const key = loaded.databases[0]!.peek(Buffer.from('k'), 0, 1);
    expect(loaded.databases[0]!.idle_s(key)).toBe(1000);
    expect([keptByPolicy('volatile-lfu'), keptByPolicy('noeviction')]).toEqual(['frequency', 'nothing']);
  });
});

describe('saving', () => {
  it('replaces the file only when the new one is complete', () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(6), 50);
    const file = path.join(folder, 'dump.rdb');
    fs.writeFileSync(file, 'old');
    const { bytes, keys } = saveRdbFile(keyspace, file, INFO, SETTINGS);
    const saved = fs.readFileSync(file);
    expect([saved.length, fs.readdirSync(folder)]).toEqual([bytes, ['dump.rdb']]);
    expect(keys).toBe(keyspace.databases.reduce((sum, db) => sum + db.size, 0));
    expect(contents(loadRdb(saved, { dropExpired: false }))).toEqual(contents(keyspace));
  });

  it('says where it could not write, and leaves nothing', () => {
    expect(() => saveRdbFile(newKeyspace(), path.join(folder, 'no', 'dump.rdb'), INFO, SETTINGS)).toThrow(DiskFailure);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('gives a spooled file out in chunks, as often as asked', () => {
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(8), 400);
    const file = new UnnamedFile(folder);
    const encoder = rdbEncoder(file, keyspace, INFO, SETTINGS);
    writeKeyspace(keyspace, encoder);
    const spooled = new SpooledRdb(file, encoder.keys);
    expect(spooled.keys).toBeGreaterThan(0);
    for (let reading = 0; reading < 2; reading++) {
      let bytes = 0;
      for (const chunk of spooled.chunks()) bytes += chunk.length;
      expect(bytes).toBe(spooled.bytes);
    }
    const replica = newKeyspace();
    const reader = newReader(replica, { dropExpired: false });
    for (const chunk of spooled.chunks()) reader.feed(chunk);
    expect(reader.done).toBe(true);
    expect(contents(replica)).toEqual(contents(keyspace));
    spooled.remove();
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe('any change of a valid file', () => {
  const attempt = (bytes: Buffer, pieces: number): Keyspace | RdbFailure => {
    const keyspace = newKeyspace();
    const reader = newReader(keyspace);
    try {
      for (let at = 0; at < bytes.length; at += pieces) reader.feed(bytes.subarray(at, at + pieces));
      reader.finish();
      return keyspace;
    } catch (failure) {
      if (failure instanceof RdbFailure) return failure;
      throw failure;
    }
  };

  it('loads or is refused with the place of the damage, and what is loaded can be written', { timeout: 60_000 }, () => {
    const prng = new Prng(20);
    const keyspace = newKeyspace();
    fill(keyspace, new Prng(9), 60);
    const files = [
      writeRdb(keyspace, { checksum: false }),
      ...['list_compressed', 'list_plain_nodes', 'sets', 'expires', 'lru_idle', 'function', 'legacy_v3'].map((name) =>
        readVector('rdb', `${name}.rdb`),
      ),
    ];
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.from(prng.pick(files));
      // The last eight bytes stay zero or wrong: damage is to be found by what it does, not by the checksum.
      bytes.fill(0, bytes.length - 8);
      for (let i = prng.below(6); i >= 0; i--)
        bytes[prng.below(bytes.length)] = prng.chance(0.5) ? 0xff : prng.below(256);
      const cut = prng.chance(0.2) ? prng.below(bytes.length) : bytes.length;
      const result = attempt(bytes.subarray(0, cut), prng.chance(0.5) ? bytes.length : 1 + prng.below(100));
      if (result instanceof RdbFailure) {
        refused++;
        expect(result.offset).toBeLessThanOrEqual(cut);
      } else {
        writeRdb(result);
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
