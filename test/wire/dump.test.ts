import { readFileSync } from 'node:fs';
import { specs } from '../../src/server/handlers/table.ts';
import { conversations, kind, type Step, unordered, upTo } from '../support/wire.ts';

function vectors<Content>(file: string): Content {
  const url = new URL(`../server/persistence/vectors/dump/${file}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Content;
}

const bytesOf = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

/** A type is there when the command that reads it is. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  string: ['GET'],
  list: ['LRANGE', '0', '-1'],
  set: ['SMEMBERS'],
  hash: ['HGETALL'],
  zset: ['ZRANGE', '0', '-1', 'WITHSCORES'],
};
const isThere = (type: string): boolean => specs.some(({ name }) => name === READERS[type]?.[0]?.toLowerCase());

function look(type: string, key: string): Step {
  const [command = '', ...rest] = READERS[type] ?? [];
  return { send: [command, key, ...rest], as: unordered };
}

const { dumps } = vectors<{ dumps: { case: string; key: string; type: string; dump_hex: string }[] }>('dumps');
const legacy = vectors<{
  ok: { name: string; type: string; payload_hex: string }[];
  errors: { what: string; payload_hex?: string }[];
}>('legacy_restore');
const WORLD = '000568656c6c6f0a006372df766534200a';

/** What Redis 7.2 and Valkey write is refused by 7.0, and taken by us. */
const isNewer = (what: string): boolean => what.startsWith('footer version 11') || what.startsWith('type 20');
const damaged = legacy.errors.filter(({ what }) => !isNewer(what)).flatMap(({ payload_hex = [] }) => payload_hex);

// There are many right ways to compress.
conversations('values as bytes', { cluster: true, config: { rdbcompression: 'no' } }, (talk) => {
  for (const type of ['string', 'list', 'set', 'hash', 'zset'].filter(isThere)) {
    talk(`RESTORE takes every dump of a ${type}, and DUMP gives it back`, [
      ...dumps
        .filter((dump) => dump.type === type)
        .flatMap(({ dump_hex }): Step[] => [
          ['RESTORE', 'k', '0', bytesOf(dump_hex), 'REPLACE'],
          ['OBJECT', 'ENCODING', 'k'],
          look(type, 'k'),
          // Where a list is cut into nodes, and the order of a hash table, are each server's own.
          { send: ['DUMP', 'k'], as: type === 'string' ? (reply) => reply : kind },
        ]),
    ]);

    talk(`RESTORE takes a ${type} in the forms of older servers`, [
      ...legacy.ok
        .filter((payload) => payload.type === type)
        .flatMap(({ payload_hex }): Step[] => [
          ['RESTORE', 'k', '0', bytesOf(payload_hex), 'REPLACE'],
          ['OBJECT', 'ENCODING', 'k'],
          look(type, 'k'),
        ]),
    ]);
  }

  talk('RESTORE refuses what is damaged', [
    ...damaged.map((hex): Step => ['RESTORE', 'k', '0', bytesOf(hex)]),
    ['RESTORE', 'k', '0', ''],
    ['RESTORE', 'k', '0', 'x'.repeat(100)],
    ['RESTORE', 'k', '0', bytesOf(WORLD).slice(0, -1)],
    ['EXISTS', 'k'],
  ]);

  talk('RESTORE has options', [
    { send: ['RESTORE', 'k', '0', bytesOf(WORLD)], is: '+OK\r\n' },
    { send: ['GET', 'k'], is: '$5\r\nhello\r\n' },
    { send: ['RESTORE', 'k', '0', bytesOf(WORLD)], is: '-BUSYKEY Target key name already exists.\r\n' },
    ['RESTORE', 'k', 'x', bytesOf(WORLD)],
    ['RESTORE', 'k', 'x', bytesOf(WORLD), 'REPLACE'],
    ['RESTORE', 'k', '-1', bytesOf(WORLD), 'REPLACE'],
    ['RESTORE', 'k', '100000', bytesOf(WORLD), 'replace'],
    { send: ['TTL', 'k'], as: upTo(100) },
    ['RESTORE', 'k', '33177117420000', bytesOf(WORLD), 'ABSTTL', 'REPLACE'],
    ['PEXPIRETIME', 'k'],
    ['RESTORE', 'k', '1', bytesOf(WORLD), 'ABSTTL', 'REPLACE'],
    ['EXISTS', 'k'],
    ['RESTORE', 'k', '1', bytesOf(WORLD), 'ABSTTL'],
    ['EXISTS', 'k'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'IDLETIME', '1000'],
    ['OBJECT', 'IDLETIME', 'k'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'IDLETIME', '-1'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'IDLETIME', 'x'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'IDLETIME'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'FREQ', '255'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'FREQ', '256'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'FREQ', '-1'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'IDLETIME', '1', 'FREQ', '1'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'REPLACE', 'FREQ', '1', 'IDLETIME', '1'],
    ['RESTORE', 'k', '0', bytesOf(WORLD), 'NOSUCH'],
    ['RESTORE', 'k', '0', 'bad', 'NOSUCH'],
    ['RESTORE', 'k', '0'],
    ['RESTORE-ASKING', 'k', '0', bytesOf(WORLD)],
    ['RESTORE-ASKING', 'k', '0', bytesOf(WORLD), 'REPLACE'],
    ['DUMP', 'k'],
    { send: ['DUMP', 'none'], is: ['$-1\r\n', '_\r\n'] },
    ['DUMP'],
    ['DUMP', 'a', 'b'],
  ]);
});
