import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { defaultLimits } from '../../../src/server/keyspace/limits.ts';
import { RdbFailure } from '../../../src/server/rdb/format.ts';
import {
  asJson,
  byKey,
  contents,
  inPairs,
  type KeyAsJson,
  loadRdb,
  newKeyspace,
  newReader,
  readJson,
  readVector,
  VECTORS,
} from './support.ts';

interface Case {
  dbs: Record<string, KeyAsJson[]>;
  loaded?: { key: string; type: string }[];
}

const NAMES = fs
  .readdirSync(`${VECTORS}/rdb`)
  .filter((name) => name.endsWith('.rdb'))
  .map((name) => name.slice(0, -4));
const STORABLE = new Set(['string', 'list', 'set', 'hash']);
const typesIn = (json: Case) => [...Object.values(json.dbs).flat(), ...(json.loaded ?? [])].map(({ type }) => type);
const isStorable = (name: string) => typesIn(readJson<Case>('rdb', `${name}.json`)).every((type) => STORABLE.has(type));

/** The same form for what the vectors say and what was loaded: both in order, and long values as their digest. */
function normal(dbs: Record<string, KeyAsJson[]>): Record<string, unknown> {
  const filled = Object.entries(dbs).filter(([, keys]) => keys.length > 0);
  return Object.fromEntries(filled.map(([db, keys]) => [db, keys.map(normalKey).sort(byKey)]));
}

function normalKey({ key, type, encoding, pexpiretime, value }: KeyAsJson) {
  // Fields stand with their values in the vectors.
  const elements = type === 'string' ? [normalText(value)] : (value as string[]).flat().map(normalText);
  const inOrder = { set: () => elements.sort(), hash: () => inPairs(elements) }[type];
  return { key, type, encoding, pexpiretime, value: inOrder === undefined ? elements : inOrder() };
}

/** Bytes that are no text stand as {"hex"} in the vectors, many of them as {"len", "sha1"}. */
function normalText(text: unknown): string {
  const { hex, len, sha1 } = text as { hex?: string; len?: number; sha1?: string };
  if (sha1 !== undefined) return `${len} bytes, ${sha1}`;
  const bytes = hex === undefined ? Buffer.from(text as string, 'latin1') : Buffer.from(hex, 'hex');
  if (bytes.length < 4096) return bytes.toString('latin1');
  return `${bytes.length} bytes, ${createHash('sha1').update(bytes).digest('hex')}`;
}

function failureOf(bytes: Buffer, pieces = bytes.length): RdbFailure {
  const reader = newReader(newKeyspace());
  try {
    for (let at = 0; at < bytes.length; at += pieces) reader.feed(bytes.subarray(at, at + pieces));
    reader.finish();
  } catch (failure) {
    if (failure instanceof RdbFailure) return failure;
    throw failure;
  }
  throw new Error('nothing failed');
}

/** A file of version 10 without checksum around the records given in hex. */
function file(records: string): Buffer {
  return Buffer.concat([Buffer.from('REDIS0010'), Buffer.from(records.replaceAll(' ', ''), 'hex'), Buffer.alloc(8)]);
}

describe('reading an RDB that redis-server wrote', () => {
  const storable = NAMES.filter(isStorable);

  it.each(storable.filter((name) => !/^legacy|^nochecksum/.test(name)))(
    '%s has exactly the keys that were saved',
    (name) => {
      const { dbs } = readJson<Case>('rdb', `${name}.json`);
      expect(normal(asJson(loadRdb(readVector('rdb', `${name}.rdb`))))).toEqual(normal(dbs));
    },
  );

  it.each(storable)('%s reads the same byte by byte, and in pieces of any size', (name) => {
    const bytes = readVector('rdb', `${name}.rdb`);
    const whole = contents(loadRdb(bytes));
    for (const size of [1, 2, 7, 1000]) {
      const keyspace = newKeyspace();
      const reader = newReader(keyspace);
      for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));
      expect(reader.done).toBe(true);
      expect(contents(keyspace)).toEqual(whole);
    }
  });

  it('does not look for a checksum where there are only zeros', () => {
    expect(contents(loadRdb(readVector('rdb', 'nochecksum.rdb')))).toEqual({ '0:k': 'v' });
  });

  it('reads the list encodings of old servers', () => {
    expect(contents(loadRdb(file('01 016c 03 0161 c005 0163 ff')))).toEqual({ '0:l': ['a', '5', 'c'] });
  });

  it.each(NAMES.filter((name) => !isStorable(name)))('%s stops with the type and key that cannot be stored', (name) => {
    const failure = failureOf(readVector('rdb', `${name}.rdb`));
    expect(failure.problem).toMatch(/^key '.+' in database \d+ is a (sorted set|stream).*cannot store yet$/);
    expect(failure.offset).toBeGreaterThan(9);
    expect(failure.message).toContain(`RDB reading offset ${failure.offset} of test.rdb: ${failure.problem}`);
  });

  it('reads the sets of version 11', () => {
    const bytes = readVector('valkey8', 'rdb11_types.rdb');
    const failure = failureOf(bytes);
    expect(failure.problem).toContain('cannot store yet');
    expect(contents(loadRdb(file('14 0173 0d 0d000000 0200 816102 816202 ff ff')))).toEqual({ '0:s': ['a', 'b'] });
  });
});

describe('what comes beside the keys', () => {
  it('keeps aux fields and function libraries aside', () => {
    const reader = newReader(newKeyspace());
    reader.feed(readVector('rdb', 'function.rdb'));
    expect(reader.aux.get('redis-ver')).toBe('7.0.15');
    expect(reader.aux.get('aof-base')).toBe('0');
    expect(reader.functions.map(String)).toEqual([expect.stringMatching(/^#!lua name=mylib\n/)]);
  });

  it('turns a library of the release candidates into one of today', () => {
    const reader = newReader(newKeyspace());
    reader.feed(file('f6 016e 036c7561 01 0164 0463 6f 64 65 ff'));
    expect(reader.functions.map(String)).toEqual(['#!lua name=n\ncode']);
  });

  it('passes over the data of modules, saying so', () => {
    const lines: string[] = [];
    const keyspace = newKeyspace();
    // Module "ABCDEFGHI" version 1, when, then a value of each kind.
    const id = (0b000000000001000010000011000100000101000110000111001000n << 10n) | 1n;
    const hexId = id.toString(16).padStart(16, '0');
    const values = '01 05 02 06 03 00000000 04 0000000000000000 05 03616263 00';
    newReader(keyspace, { lines }).feed(file(`f7 81${hexId} 02 02 ${values} 00 016b 0176 ff`));
    expect(contents(keyspace)).toEqual({ '0:k': 'v' });
    expect(lines).toContain("test.rdb: data of module 'ABCDEFGHI' beside the keys was passed over");
  });

  it('reads both forms of expiry, and drops dead keys only where that was asked for', () => {
    const bytes = file('fd 01000000 00 0161 0178 fc ff00000000000000 00 0162 0178 00 0163 0178 ff');
    const keyspace = newKeyspace();
    const reader = newReader(keyspace);
    reader.feed(bytes);
    expect(contents(keyspace)).toEqual({ '0:c': 'x' });
    expect([reader.keysLoaded, reader.keysExpired]).toEqual([1, 2]);
    const kept = loadRdb(bytes, { dropExpired: false });
    expect(contents(kept)).toEqual({ '0:a@1000': 'x', '0:b@255': 'x', '0:c': 'x' });
  });

  it('takes over idle time or frequency, whichever the server counts in', () => {
    const bytes = file('f8 4064 00 0161 0178 f9 0a 00 0162 0178 ff');
    const key = Buffer.from('ab');
    const idle = loadRdb(bytes).databases[0]!;
    expect(idle.idle_s(idle.peek(key, 0, 1))).toBe(100);
    const keyspace = new Keyspace({ seed: 1 });
    keyspace.useLfu = true;
    keyspace.now_ms = 1e12;
    newReader(keyspace).feed(bytes);
    const db = keyspace.databases[0]!;
    expect(db.frequency(db.peek(key, 1, 1))).toBe(10);
  });

  it('says that an empty collection was left out', () => {
    const lines: string[] = [];
    const keyspace = newKeyspace();
    const reader = newReader(keyspace, { lines });
    reader.feed(file('02 0173 00 12 016c 00 00 016b 0176 ff'));
    expect(contents(keyspace)).toEqual({ '0:k': 'v' });
    expect(reader.keysEmpty).toBe(2);
    expect(lines).toEqual([
      'rdbLoadObject: skipping empty key: s',
      'rdbLoadObject: skipping empty key: l',
      'Done loading RDB, keys loaded: 1, keys expired: 0, empty keys skipped: 2.',
    ]);
  });

  it('leaves what follows the RDB to the caller', () => {
    const reader = newReader(newKeyspace());
    const bytes = readVector('rdb', 'empty.rdb');
    expect(reader.feed(Buffer.concat([bytes, Buffer.from('*1\r\n')]))).toBe(true);
    expect(reader.offset).toBe(bytes.length);
    expect(reader.rest().toString()).toBe('*1\r\n');
  });

  it('keeps integers in an intset only up to the configured number', () => {
    const bytes = readVector('rdb', 'sets.rdb');
    const small = asJson(loadRdb(bytes, { limits: { ...defaultLimits(), 'set-max-intset-entries': 2 } }));
    const large = asJson(loadRdb(bytes));
    expect(small['0']!.every(({ encoding, value }) => (encoding === 'intset') === value.length <= 2)).toBe(true);
    expect(small['0']!.map(({ value }) => value)).toEqual(large['0']!.map(({ value }) => value));
  });
});

describe('files of newer servers', () => {
  const rest = file('14 0173 0a 0a000000 0100 8161 02 ff ff').subarray(9);

  it.each(['REDIS0011', 'REDIS0012', 'VALKEY080'])('that begin with %s are read', (magic) => {
    const bytes = Buffer.concat([Buffer.from(magic), rest]);
    expect(asJson(loadRdb(bytes))).toMatchObject({ 0: [{ key: 's', type: 'set', value: ['a'] }] });
  });
});

describe('a damaged RDB', () => {
  const good = '00 016b 0176 ff';

  it.each([
    ['another signature', Buffer.from('RODIS0010'), 'Wrong signature trying to load DB from file', 0],
    ['a version from the future', Buffer.from('REDIS0013'), "Can't handle RDB format version 0013", 5],
    ['a version of Valkey from the future', Buffer.from('VALKEY081'), "Can't handle RDB format version 081", 6],
    ['no version', Buffer.from('REDISabcd'), "Can't handle RDB format version abcd", 5],
    ['a type nobody wrote', file(`1b 016b ${good}`), 'Unknown RDB type or opcode 27', 9],
    ['a value of a module', file(`07 016b ${good}`), "key 'k' in database 0 is a module value", 9],
    ['a database too many', file(`fe 10 ${good}`), 'Data file was created for more than 16 databases: database 16', 10],
    ['the same key twice', file(`00 016b 0176 ${good}`), "RDB has duplicated key 'k' in DB 0", 19],
    ['the same member twice', file('02 0173 02 0161 0161 ff'), 'A set with the same member twice', 17],
    ['a string encoding nobody wrote', file('00 016b c4 ff'), 'Unknown string encoding 4', 12],
    ['a length nobody wrote', file('00 016b 82 ff'), 'Unknown length encoding 130', 12],
    ['a count where only a string may be', file('01 016c c0 01 ff'), 'A length is expected here', 12],
    ['a string as long as no string', file('00 016b 81 0100000000000000 ff'), 'is longer than the limit', 12],
    ['a compressed string that lies', file('00 016b c3 02 4064 0161 ff'), 'Invalid LZF compressed string', 12],
    ['a list node of no kind', file('12 016c 01 03 0161 ff'), 'Unknown list node container 3', 13],
    ['a listpack of another length', file('12 016c 01 02 07 08000000 0000 ff ff'), 'Invalid listpack', 14],
    ['an intset out of order', file('0b 0173 0c 02000000 02000000 0200 0100 ff'), 'Invalid intset', 12],
    ['a ziplist of another length', file('0a 016c 0b 0c000000 0a000000 0000 ff ff'), 'Invalid ziplist', 12],
    ['a module tag nobody wrote', file('f7 01 02 02 09 ff'), 'Unknown tag 9', 13],
  ])('with %s is refused, and the place named', (_, bytes, problem, offset) => {
    const failure = failureOf(bytes);
    expect(failure.problem).toContain(problem);
    expect(failure.offset).toBe(offset);
    expect(failureOf(bytes, 1).message).toBe(failure.message);
  });

  it('is refused when a single bit of its checksum or its content changed', () => {
    const bytes = Buffer.from(readVector('rdb', 'expires.rdb'));
    bytes[bytes.length - 1]! ^= 1;
    expect(failureOf(bytes).problem).toMatch(
      /^RDB CRC error: Wrong RDB checksum expected: \([0-9a-f]+\) but got \([0-9a-f]+\)$/,
    );
  });

  it('is refused wherever it is cut off', () => {
    const bytes = readVector('rdb', 'list_quicklist2.rdb').subarray(0, 3000);
    for (let cut = 0; cut < bytes.length; cut += 1 + (cut >> 4)) {
      const failure = failureOf(bytes.subarray(0, cut), 100);
      expect([failure.problem, failure.offset]).toEqual([
        'Short read or OOM loading DB: unexpected end of the RDB',
        cut,
      ]);
    }
  });
});
