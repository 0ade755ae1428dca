import { describe, expect, it } from 'vitest';
import { Crc64 } from '../../../src/base/crc64.ts';
import { Prng } from '../../../src/base/prng.ts';
import { defaultLimits } from '../../../src/server/keyspace/limits.ts';
import { RDB_VERSION } from '../../../src/server/rdb/format.ts';
import { BAD_DATA, dumpValue, hasValidFooter, restoreValue, WRONG_FOOTER } from '../../../src/server/types/dump.ts';
import {
  asJson,
  fill,
  inPairs,
  type KeyAsJson,
  loadRdb,
  newKeyspace,
  readJson,
  readVector,
} from '../persistence/support.ts';

interface Dump {
  case: string;
  key: string;
  type: string;
  encoding: string;
  dump_hex: string;
}

const STORABLE = new Set(['string', 'list', 'set', 'hash']);
const LIMITS = { deadline_ms: -1, limits: defaultLimits() };
const KEY = Buffer.from('k');

/** Adds version and checksum. */
function sealPayload(pieces: readonly Buffer[], version = RDB_VERSION): Buffer {
  const sealed = Buffer.concat([...pieces, Buffer.from([version, 0])]);
  const crc = new Crc64();
  crc.update(sealed);
  return Buffer.concat([sealed, crc.digest()]);
}

function restore(payload: Buffer): KeyAsJson | string {
  const entry = restoreValue(payload, LIMITS);
  if (typeof entry === 'string') return entry;
  const keyspace = newKeyspace();
  keyspace.databases[0]!.put(KEY, 0, 1, entry);
  return asJson(keyspace)['0']![0]!;
}

function dump(payload: Buffer): Buffer {
  const entry = restoreValue(payload, LIMITS);
  if (typeof entry === 'string') throw new Error(entry);
  const db = newKeyspace().databases[0]!;
  db.put(KEY, 0, 1, entry);
  return dumpValue(db, db.peek(KEY, 0, 1), { compression: true, version: 10 });
}

/** The file of this case holds other types as well, so it cannot be loaded. */
function keysOf(name: string): Record<string, KeyAsJson[]> {
  if (name === 'multikey') return readJson<{ dbs: Record<string, KeyAsJson[]> }>('rdb', 'multikey.json').dbs;
  return asJson(loadRdb(readVector('rdb', `${name}.rdb`)));
}

describe('DUMP payloads of redis-server', () => {
  const { dumps } = readJson<{ dumps: Dump[] }>('dump', 'dumps.json');
  const storable = dumps.filter(({ type }) => STORABLE.has(type));

  it.each(storable.map((one) => [`${one.case} ${one.key}`, one] as const))('%s is restored as it was', (_, one) => {
    const payload = Buffer.from(one.dump_hex, 'hex');
    const all = keysOf(one.case);
    const original = Object.values(all)
      .flat()
      .find(({ key }) => Buffer.from(key, 'latin1').toString('utf8') === one.key || key === one.key);
    // Fields stand with their values in some vectors.
    const value = Array.isArray(original?.value) ? original.value.flat() : original?.value;
    expect(restore(payload)).toMatchObject({ type: one.type, encoding: one.encoding, value });
  });

  it.each(storable.map((one) => [`${one.case} ${one.key}`, one] as const))(
    '%s is dumped with the same content',
    (_, one) => {
      const payload = Buffer.from(one.dump_hex, 'hex');
      expect(restore(dump(payload))).toEqual(restore(payload));
    },
  );

  it('are the same bytes for integers and short strings', () => {
    const saved = storable.filter((one) => one.type === 'string' && one.case !== 'strings_nolzf');
    const plain = saved.filter(({ dump_hex }) => !dump_hex.startsWith('00c3'));
    expect(plain.length).toBeGreaterThan(30);
    for (const { dump_hex } of plain) expect(dump(Buffer.from(dump_hex, 'hex')).toString('hex')).toBe(dump_hex);
  });

  it('of types that cannot be stored yet are bad data', () => {
    const others = dumps.filter(({ type }) => !STORABLE.has(type));
    expect(others.length).toBeGreaterThan(9);
    for (const { dump_hex } of others) expect(restore(Buffer.from(dump_hex, 'hex'))).toBe(BAD_DATA);
  });
});

describe('payloads of old servers', () => {
  const { ok } = readJson<{ ok: { name: string; type: string; payload_hex: string; value_after_restore: string[] }[] }>(
    'dump',
    'legacy_restore.json',
  );

  it.each(ok.filter(({ type }) => STORABLE.has(type)).map((one) => [one.name, one] as const))('%s', (_, one) => {
    const restored = restore(Buffer.from(one.payload_hex, 'hex')) as KeyAsJson;
    expect(restored.type).toBe(one.type);
    const { value_after_restore: values } = one;
    if (one.type === 'hash') expect(restored.value).toEqual(inPairs(values));
    else expect(restored.value).toEqual(one.type === 'set' ? [...values].sort() : values);
  });
});

describe('payloads of newer servers', () => {
  it.each([
    [11, 'Redis 7.2 and Valkey 8'],
    [12, 'Redis 7.4 and 8'],
    [80, 'Valkey 9'],
  ])('of version %i, which %s write, are read', (version) => {
    expect(restore(sealPayload([Buffer.from('000178', 'hex')], version))).toMatchObject({ value: 'x' });
    const set = sealPayload([Buffer.from('140a0a0000000100816102ff', 'hex')], version);
    expect(restore(set)).toMatchObject({ type: 'set', value: ['a'] });
  });

  it.each([0, 13, 79, 81])('of version %i are refused: nobody writes them', (version) => {
    expect(restore(sealPayload([Buffer.from('000178', 'hex')], version))).toBe(WRONG_FOOTER);
  });
});

describe('what RESTORE refuses', () => {
  const good = Buffer.from('000568656c6c6f0a006372df766534200a', 'hex');
  const sealed = (hex: string) => sealPayload([Buffer.from(hex, 'hex')]);

  it('is a payload whose length, version or checksum is wrong', () => {
    expect(restore(good)).toMatchObject({ value: 'hello' });
    expect(restore(good.subarray(0, 9))).toBe(WRONG_FOOTER);
    expect(restore(Buffer.alloc(0))).toBe(WRONG_FOOTER);
    const future = Buffer.from(good);
    future[7] = 13;
    expect(hasValidFooter(future)).toBe(false);
    for (let at = 0; at < good.length; at++) {
      const damaged = Buffer.from(good);
      damaged[at]! ^= 0x40;
      expect(restore(damaged), `byte ${at}`).toBe(WRONG_FOOTER);
    }
  });

  it('is a checksum of zero, which a file may have and a payload not', () => {
    const zero = Buffer.from(good);
    zero.fill(0, zero.length - 8);
    expect(restore(zero)).toBe(WRONG_FOOTER);
  });

  it('is a body of an unknown type, cut off, damaged or empty', () => {
    for (const hex of [
      '',
      '08 0178',
      'ff 0178',
      '00 0568656c',
      '12 00',
      '02 00',
      '12 01 02 02 ffff',
      '02 02 0161 0161',
      '0b 0102',
    ]) {
      expect(restore(sealed(hex.replaceAll(' ', ''))), hex).toBe(BAD_DATA);
    }
  });

  it('is a hash that says a field twice, lacks a value, or is cut', () => {
    // As types 4, 16 (listpack), 13 (ziplist) and 9 (zipmap).
    const good = ['04 01 0161 0162', '10 0d 0d000000 0200 816102 816202 ff', '09 07 01 01 61 01 00 62 ff'];
    for (const hex of good) expect(restore(sealed(hex.replaceAll(' ', ''))), hex).toMatchObject({ value: ['a', 'b'] });
    for (const hex of [
      '04 00',
      '04 02 0161 0162',
      '04 02 0161 0162 0161 0163',
      '04 01 0161',
      '10 07 07000000 0000 ff',
      '10 0a 0a000000 0100 816102 ff',
      '10 13 13000000 0400 816102 816202 816102 816302 ff',
      '0d 0b 0b000000 0a000000 0000 ff',
      '0d 0e 0e000000 0a000000 0100 00 01 61 ff',
      '09 02 00 ff',
      '09 07 02 01 61 01 00 62 ff',
      '09 07 01 01 61 02 00 62 ff',
      '09 07 01 01 61 01 01 62 ff',
      '09 04 01 01 61 ff',
      '09 0c 02 01 61 01 00 62 01 61 01 00 63 ff',
    ]) {
      expect(restore(sealed(hex.replaceAll(' ', ''))), hex).toBe(BAD_DATA);
    }
  });

  it('is not what stands between value and footer', () => {
    expect(restore(sealed('000178ffff'))).toMatchObject({ value: 'x' });
  });
});

describe('any value', () => {
  it('survives DUMP and RESTORE', () => {
    const source = newKeyspace();
    const target = newKeyspace();
    fill(source, new Prng(31), 200);
    for (const db of source.databases) {
      db.forEach((kbuf, koff, klen, ref) => {
        const entry = restoreValue(dumpValue(db, ref, { compression: klen % 2 === 0 }), {
          deadline_ms: db.deadlineOf(ref),
          limits: defaultLimits(),
        });
        if (typeof entry === 'string') throw new Error(entry);
        target.databases[db.index]!.put(kbuf, koff, klen, entry);
      });
    }
    expect(asJson(target)).toEqual(asJson(source));
  });

  it('of a list with an empty node of its own for an element is bad data, as in Redis', () => {
    const nodes = (...bytes: number[]) => restore(sealPayload([Buffer.from([18, ...bytes])]));
    expect(nodes(1, 1, 1, 0x61)).not.toBe(BAD_DATA);
    expect(nodes(1, 1, 0)).toBe(BAD_DATA);
    expect(nodes(2, 1, 1, 0x61, 1, 0)).toBe(BAD_DATA);
  });

  it('is never taken for another by a damaged body: it is restored, or bad data', () => {
    const prng = new Prng(32);
    const source = newKeyspace();
    fill(source, new Prng(33), 40);
    const bodies: Buffer[] = [];
    source.databases[0]!.forEach((_k, _o, _l, ref) =>
      bodies.push(dumpValue(source.databases[0]!, ref, { compression: true }).subarray(0, -10)),
    );
    for (let round = 0; round < 3000; round++) {
      const body = Buffer.from(prng.pick(bodies));
      for (let i = prng.below(4); i >= 0; i--) body[prng.below(body.length)] = prng.below(256);
      restore(sealPayload([body.subarray(0, prng.chance(0.3) ? prng.below(body.length) : body.length)]));
    }
  });
});
