/*
 * Bytes that are no commands, or nearly: rkv and redis-server answer the same bytes, and close the connection after the
 * same of them. No byte is zero: behind one, Redis waits for an end of the line that it never finds. RKV_SEED replays a run, RKV_ROUNDS makes it longer.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { AS_7_0 } from '../support/as-7-0.ts';
import { RawClient, requestBytes } from '../support/resp.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261128);
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 300);
/** For a round on a busy machine. */
const ROUND_WITHIN_MS = 100;
/** More would come in two reads, and what a server has not read when it closes may cost the client its replies. */
const BYTES_MAX = 8000;

const COMMANDS: readonly (readonly string[])[] = [
  ['PING'],
  ['PING', 'word'],
  ['ECHO', '\x01\r\n\xff'],
  ['SET', 'key', 'value'],
  ['GET', 'key'],
  ['GET'],
  ['MULTI'],
  ['EXEC'],
  ['nothing', 'x\r\ny', "it's"],
  ['GET', 'x'.repeat(300)],
  [''],
  ['OBJECT', 'nothing', '\xff'],
];

const LINES = [
  'PING',
  'ECHO "a b\\x41\\n"',
  "SET key 'it\\'s'",
  'GET key',
  'GET "key',
  "GET 'key",
  'GET "key"x',
  '   ',
  '',
  '\t GET \t key \t',
  '\xff\xfe',
  'x'.repeat(200),
  'ECHO "\\',
  'quit',
];

const LENGTHS = [
  '0',
  '1',
  '2',
  '3',
  '-1',
  '-2',
  '-0',
  '+1',
  '01',
  '',
  ' 1',
  '1 ',
  'abc',
  '1.0',
  '1e3',
  '1048576',
  '1048577',
  '536870912',
  '536870913',
  '2147483647',
  '2147483648',
  '4294967297',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '99999999999999999999999',
];

function piece(prng: Prng): string {
  const kind = prng.below(8);
  if (kind < 3) return requestBytes(prng.pick(COMMANDS));
  if (kind === 3) return `${prng.pick(LINES)}${prng.pick(['\r\n', '\n', '\r', '\n\r'])}`;
  if (kind === 4) return `*${prng.pick(LENGTHS)}\r\n`;
  if (kind === 5) return `*${1 + prng.below(2)}\r\n$${prng.pick(LENGTHS)}\r\n${prng.pick(['PING', 'x', ''])}\r\n`;
  if (kind === 6) return prng.pick(['*', '$', ':1\r\n', '+OK\r\n', '-ERR\r\n', '$4\r\nPING\r\n', '*1\r\n', '%1\r\n']);
  return spoilt(requestBytes(prng.pick(COMMANDS)), prng);
}

function spoilt(bytes: string, prng: Prng): string {
  const at = prng.below(bytes.length);
  const other = prng.chance(0.5)
    ? prng.pick(['\r', '\n', '$', '*', '0', '9', '-', ' '])
    : String.fromCharCode(1 + prng.below(255));
  const rest = prng.pick([0, 1, 1, 2]);
  return bytes.slice(0, at) + (prng.chance(0.8) ? other : '') + bytes.slice(at + rest);
}

describe.skipIf(!hasRedisServer)(`bytes, seed ${SEED}, ${ROUNDS} rounds`, () => {
  let ours: EmbeddedServer;
  let theirs: RealRedis;

  beforeAll(async () => {
    ours = await startServer(AS_7_0);
    theirs = await startRealRedis(['--save', '']);
  });

  afterAll(async () => {
    await theirs?.stop();
    await ours?.close();
  });

  test(
    'are answered the same, and end the connection at the same place',
    async () => {
      const prng = new Prng(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = Array.from({ length: 1 + prng.below(6) }, () => piece(prng))
          .join('')
          .slice(0, BYTES_MAX);
        const [mine, its] = await Promise.all([said(ours.port, bytes), said(theirs.socket, bytes)]);
        expect(mine, `seed ${SEED}, round ${round}: ${JSON.stringify(bytes)}`).toBe(its);
      }
    },
    5000 + ROUNDS * ROUND_WITHIN_MS,
  );
});

/** All that a server answers to bytes, until it closes the connection. */
async function said(where: number | string, bytes: string): Promise<string> {
  const client = await RawClient.connect(where);
  client.send(bytes);
  client.end();
  const replies = await client.takeUntilClosed();
  client.close();
  return replies;
}
