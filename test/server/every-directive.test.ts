/*
 * Every directive that CONFIG SET takes, walked from the table: each value of its kind's edges is set over the wire, here
 * and on a redis-server. What is accepted is given back the same way by both, what is refused is refused with the same
 * words, and has changed nothing.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Directive } from '../../src/config/directive.ts';
import { directiveOf, type Name, names } from '../../src/config/directives.ts';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { RawClient, readTree, requestBytes } from '../support/resp.ts';

/** They take effect at once on what the test itself needs: so not with any value. config-set*.test.ts has their effects. */
const TRIED = /^(port|maxclients|bind|bind-source-addr|tls-.*|dir|maxmemory-clients)$/;

const PORTS = ['-1', '65536', 'abc', '', '1 2', '0x10', '1e3'];
const WORDS = ['maybe', '', 'YES', '1'];
const NUMBERS = ['-1', '0', '10', '2147483648', 'abc', ''];
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  port: PORTS,
  'tls-port': PORTS,
  bind: ['-192.0.2.1', '127.0.0.1', '-::1 127.0.0.1', '* -::*'],
  'bind-source-addr': ['', '127.0.0.1', 'nonsense', 'a b'],
  maxclients: ['0', '-1', 'abc', '1e3', '', '20', '100'],
  'maxmemory-clients': ['abc', '101%', '-1', '-1%', '1%', '100%', '1gb', '0', '0%'],
  dir: ['/tmp', '/no/such', '/dev/null', '', '.'],
  'tls-auth-clients': [...WORDS, 'yes', 'no', 'optional'],
  'tls-replication': [...WORDS, 'yes', 'no'],
  'tls-cluster': [...WORDS, 'yes', 'no'],
  'tls-prefer-server-ciphers': [...WORDS, 'yes', 'no'],
  'tls-session-caching': [...WORDS, 'yes', 'no'],
  'tls-session-cache-size': NUMBERS,
  'tls-session-cache-timeout': NUMBERS,
  'tls-protocols': ['TLSv1.2', 'nonsense', ''],
};

const EDGES = [
  ...[
    '',
    '0',
    '1',
    '-1',
    '2',
    '5',
    '10',
    '99',
    '100',
    '101',
    '127',
    '128',
    '255',
    '500',
    '501',
    '-100',
    '1000',
    '-1000',
  ],
  ...['65535', '65536', '1048576', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967296'],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '18446744073709551615',
    '18446744073709551616',
  ],
  ...[
    '1k',
    '1kb',
    '2MB',
    '3gb',
    '1tb',
    '-1mb',
    '1 mb',
    '100%',
    '1%',
    '101%',
    '0%',
    '1.5',
    '01',
    '+1',
    ' 1',
    '1 ',
    '1e3',
    'abc',
  ],
  ...[
    'yes',
    'no',
    'YES',
    'maybe',
    'true',
    '/nowhere/at/all',
    'a b',
    '1 2',
    '0 0',
    '3600 1',
    '3600 1 300',
    '50 99 99.9',
    '101',
    '-5 0 5',
  ],
  ...[
    'AKE',
    'KEA',
    'Kg',
    'Eq',
    '*',
    'x'.repeat(200),
    'name with "quotes"',
    'normal 0 0 0',
    'slave 1mb 2mb 60',
    'replica 1 2',
  ],
  ...['pubsub 1mb 1mb x', 'nobody 0 0 0', '0 200 800', '0 200', '-2000 0 2000', '0 0 x'],
];

/** What rkv does otherwise: which directive, which value, and why. */
const OTHERWISE: readonly (readonly [name: RegExp, value: RegExp, why: string])[] = [
  [/^maxmemory$|^cluster-link-sendbuf-limit$/, /^(9223372036854775808|18446744073709551615)$/, 'doubles'],
  [/^repl-backlog-size$/, /^9223372036854775807$/, 'it is cut to what can be counted exactly'],
  [/^cluster-announce-ip$/, /[^0-9A-Za-z.:%_-]|^.{46}/s, 'it has to stand in a line of nodes.conf, and in a message'],
  [/^watchdog-period$/, /^\d+$/, 'it has no effect, and so no shortest time'],
  [/^oom-score-adj$/, /^relative$/i, 'it is kept as the word that was given, not as yes, which is the same'],
  [/^client-output-buffer-limit$/, /^$/, 'it names no class: refused as in a file, where Redis refuses it too'],
  [/^loglevel$/, /^/, 'one of its words, which all stand in the refusal, came with 7.2'],
  [/^save$/, / $/, 'a blank at the end is not a number of changes'],
  [/^activedefrag$/, /^yes$/i, 'the redis-server beside us was built without it'],
];

function isOtherwise(name: Name, value: string): boolean {
  // An empty size is refused, and never a limit of 0.
  if (value === '' && directiveOf(name).kind.startsWith('memory')) return true;
  return OTHERWISE.some(([names, values]) => names.test(name) && values.test(value));
}

const settable = names.filter((name) => {
  const { fixed, fileOnly } = directiveOf(name);
  return !fixed && !fileOnly && !TRIED.test(name);
});
const fixed = names.filter((name) => directiveOf(name).fixed && !directiveOf(name).fileOnly);

/** The edges of all kinds, and the words of its own. */
function valuesFor(name: Name): string[] {
  const { kind, allowed }: Directive<unknown> = directiveOf(name);
  const words = /one of|some of/.test(kind) ? allowed.split(', ') : [];
  return [...new Set([...EDGES, ...words, ...words.map((word) => word.toUpperCase()), words.join(' ')])];
}

interface Said {
  readonly set: string;
  readonly get: string;
}

/** What is said of each value; the first entry, of no value, is what stood there before. */
async function walk(client: RawClient, name: Name): Promise<Map<string | null, Said>> {
  const values = valuesFor(name);
  const before = await client.call('CONFIG', 'GET', name);
  client.send(
    values
      .map((value) => requestBytes(['CONFIG', 'SET', name, value]) + requestBytes(['CONFIG', 'GET', name]))
      .join(''),
  );
  const said = new Map<string | null, Said>([[null, { set: '', get: before }]]);
  for (const value of values) said.set(value, { set: await client.take(1), get: await client.take(1) });
  await client.call('CONFIG', 'SET', name, items(before)[1] ?? '');
  return said;
}

function items(reply: string): string[] {
  return (readTree(reply)?.tree.items ?? []).map(({ text }) => text);
}

describe.skipIf(!hasRedisServer)('CONFIG SET', () => {
  let server: EmbeddedServer;
  let redis: RealRedis;
  let ours: RawClient;
  let theirs: RawClient;

  beforeAll(async () => {
    server = await startServer({ 'enable-protected-configs': 'yes' });
    redis = await startRealRedis(['--save', '', '--enable-protected-configs', 'yes']);
    ours = await RawClient.connect(server.port);
    theirs = await RawClient.connect(redis.socket);
  });

  afterAll(async () => {
    ours?.close();
    theirs?.close();
    await redis?.stop();
    await server?.close();
  });

  test('takes, gives back and refuses the values of every directive as Redis does', { timeout: 120_000 }, async () => {
    const different: string[] = [];
    const changed: string[] = [];
    for (const name of settable) {
      const known = items(await theirs.call('CONFIG', 'GET', name)).length > 0;
      const [mine, its] = [await walk(ours, name), known ? await walk(theirs, name) : null];
      let before = '';
      for (const [value, { set, get }] of mine) {
        if (set.startsWith('-') && get !== before) changed.push(`${name} '${value}'`);
        before = get;
        if (value === null) continue;
        const other = its?.get(value);
        const same = set === other?.set && (set.startsWith('-') || get === other.get);
        if (other === undefined || same || isOtherwise(name, value)) continue;
        different.push(
          `${name} '${value.slice(0, 40)}': ${JSON.stringify([set, get])}, Redis ${JSON.stringify([other.set, other.get])}`,
        );
      }
    }
    expect(different).toEqual([]);
    expect(changed, 'by a value that was refused').toEqual([]);
  });

  test('of those that take effect at once takes and refuses the same values, and in lists all or none', async () => {
    const different: string[] = [];
    const outcome = async (client: RawClient, pairs: string[]): Promise<string> => {
      const reply = await client.call('CONFIG', 'SET', ...pairs);
      const left = [];
      for (const name of pairs.filter((_, at) => at % 2 === 0)) left.push(await client.call('CONFIG', 'GET', name));
      // Why a port or a folder cannot be used is said here, and stands in Redis' log.
      const said = reply.replace(/(Unable to (listen|update)|Failed to bind)[^\r]*/, '$1');
      return said + left.slice(said.startsWith('-') ? 1 : 0).join('');
    };
    for (const [name, values] of Object.entries(HARMLESS)) {
      for (const value of values) {
        for (const pairs of [
          [name, value],
          [name, value, 'timeout', '77'],
          ['timeout', '78', 'hz', 'x', name, value],
        ]) {
          const [mine, its] = [await outcome(ours, pairs), await outcome(theirs, pairs)];
          if (mine !== its) different.push(`${pairs.join(' ')}: ${JSON.stringify(mine)}, Redis ${JSON.stringify(its)}`);
        }
      }
    }
    expect(different).toEqual([]);
  });

  test('refuses all that counts at the start alone', async () => {
    expect(fixed).toEqual(expect.arrayContaining(['unixsocket', 'unixsocketperm', 'logfile', 'enable-debug-command']));
    for (const name of fixed) {
      const words = ['CONFIG', 'SET', name, items(await ours.call('CONFIG', 'GET', name))[1] ?? ''];
      expect(await ours.call(...words), name).toBe(await theirs.call(...words));
    }
  });
});
