/*
 * Random commands to a node of ours and to a redis-server, each with half of the slots of a cluster of two, in slots that
 * are theirs, the other node's, nobody's, or on the way. RKV_SEED replays a run, RKV_ROUNDS makes it longer.
 */

import { expect, test } from 'vitest';
import { slotOfText } from '../../src/base/slot.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { answers, startNode, until } from '../integration/processes.ts';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
import { Differential, isSameReply, told } from '../support/differential.ts';
import type { Vocabulary } from '../support/random-commands.ts';
import { RawClient } from '../support/resp.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261128);
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 60);
const ROUND_WITHIN_MS = 200;
const FORMED_WITHIN_MS = 40_000;
/** Ours and redis-server, and for each the other node of its cluster. */
const PORTS = { ours: 20_884, theirs: 20_885, besideOurs: 20_886, besideTheirs: 20_887 } as const;

/** Rounds after which keys of the slot that migrates are written again. */
const REFILL_EVERY = 3;
/** Every one is met, or the comparison would say nothing about it. */
const REDIRECTIONS = ['MOVED', 'ASK', 'TRYAGAIN', 'CROSSSLOT', 'CLUSTERDOWN'];

/** One past the last slot of the nodes that are compared. */
const HALF = 8192;

const SLOT = {
  migrating: slotOfText('k'),
  importing: slotOfText('i'),
  unserved: slotOfText('u'),
} as const;
const TAGS = ['k', 'i', 'u', 'a', 'b', 'c'];
const VOCABULARY: Vocabulary = {
  keys: TAGS.flatMap((tag) => [`{${tag}}1`, `{${tag}}2`, `{${tag}}3`]),
  forms: [
    ['ASKING'],
    ['READONLY'],
    ['READWRITE'],
    ['MULTI'],
    ['EXEC'],
    ...TAGS.flatMap((tag) => [
      [`MGET {${tag}}1 {${tag}}2 [{${tag}}3]`] as const,
      [`SET {${tag}}1 {value}`] as const,
      [`DEL {${tag}}1 [{${tag}}2]`] as const,
      [`RENAME {${tag}}1 {${tag}}3`] as const,
      [`CLUSTER COUNTKEYSINSLOT ${slotOfText(tag)}`] as const,
      [`CLUSTER GETKEYSINSLOT ${slotOfText(tag)} 10`, 'unordered'] as const,
    ]),
    ['CLUSTER KEYSLOT {key}'],
    ['RESTORE-ASKING {key} {int} {value}'],
  ],
  share: 0.45,
};

const PHASES: readonly { readonly name: string; readonly settings: readonly (readonly [string, string])[] }[] = [
  { name: 'ok', settings: [] },
  {
    name: 'down, but for reads',
    settings: [
      ['cluster-require-full-coverage', 'yes'],
      ['cluster-allow-reads-when-down', 'yes'],
    ],
  },
  { name: 'down', settings: [['cluster-allow-reads-when-down', 'no']] },
];

/** What random commands once found, said again in every phase, and to both. */
const FOUND: readonly (readonly string[])[] = [
  ['ASKING'],
  // Also a command that there is not ends what was asked for.
  ['NOSUCH'],
  ['LPUSH', '{i}1', 'x'],
  ['ASKING'],
  ['GET'],
  ['LPUSH', '{i}1', 'x'],
  ['ASKING'],
  ['ASKING', 'too much'],
  ['EXISTS', '{i}1'],
  ['EXISTS', '{i}1'],
  // FLUSHALL names no key, so it is not why EXEC would be refused where only reads are served.
  ['MULTI'],
  ['FLUSHALL'],
  ['EXISTS', '{b}1'],
  ['EXEC'],
  ['SET', '{b}1', '1', 'PX', '1'],
  ['DEBUG', 'SLEEP', '0.01'],
  // A payload that is refused removes nothing, not even what is dead.
  ['RESTORE', '{b}1', '0', 'no payload', 'REPLACE'],
  ['DBSIZE'],
  ['EXISTS', '{b}1'],
];

test.skipIf(!hasRedisServer)(
  `nodes of a cluster answer random commands as redis-server does, seed ${SEED}, ${ROUNDS} rounds`,
  async () => {
    const [ours, theirs] = await Promise.all([
      cluster('rkv', PORTS.ours, PORTS.besideOurs),
      cluster('redis', PORTS.theirs, PORTS.besideTheirs),
    ]);
    const [a, b] = [await RawClient.connect(PORTS.ours), await RawClient.connect(PORTS.theirs)];
    const met = new Set<string>();
    const both = [
      { client: a, beside: ours.beside },
      { client: b, beside: theirs.beside },
    ];
    for (const [i, { name, settings }] of PHASES.entries()) {
      for (const { client, beside } of both) {
        for (const [directive, value] of settings) await call(client, 'CONFIG', 'SET', directive, value);
        // That makes a node look at the state of its cluster, which a setting does not.
        await openSlots(client, beside);
        await until(`the cluster is ${name}`, async () =>
          (await client.call('CLUSTER', 'INFO')).includes(`cluster_state:${i === 0 ? 'ok' : 'fail'}`),
        );
      }
      const differential = new Differential(a, b, SEED + i, VOCABULARY);
      await differential.begin(i === 1 ? 2 : 3, i === 0 ? 'nothing' : 'kept');
      for (const words of FOUND) {
        const [answer, its] = [await a.call(...words), await b.call(...words)];
        expect(isSameReply('exactly', answer, its) ? its : answer, `${name}: ${words.join(' ')}`).toBe(its);
      }
      for (let round = 0; round < ROUNDS / PHASES.length; round++) {
        if (i === 0 && round % REFILL_EVERY === 0) for (const { client, beside } of both) await refill(client, beside);
        const found = await differential.round(round);
        expect(found.map((difference) => `${name}, ${told(SEED + i, difference)}`)).toEqual([]);
      }
      for (const { client } of both) await client.call('DISCARD');
      for (const word of differential.errorWords) met.add(word);
    }
    for (const { client } of both) client.close();
    expect([...met]).toEqual(expect.arrayContaining(REDIRECTIONS));
  },
  FORMED_WITHIN_MS + ROUNDS * ROUND_WITHIN_MS,
);

/** A node of that engine with the lower half of the slots, and a redis-server with the upper, whose id is answered. */
async function cluster(engine: 'rkv' | 'redis', port: number, portBeside: number): Promise<{ beside: string }> {
  const args = ['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no', '--enable-debug-command', 'yes'];
  const profile = engine === 'rkv' ? ARGS_AS_7_0 : [];
  const [node, beside] = [
    startNode(engine, { port, args: [...args, ...profile] }),
    startNode('redis', { port: portBeside, args }),
  ];
  await Promise.all([answers(node), answers(beside)]);
  const [one, other] = [await RawClient.connect(port), await RawClient.connect(portBeside)];
  const { unserved } = SLOT;
  await call(one, 'CLUSTER', 'ADDSLOTSRANGE', ...ranges(0, HALF - 1, unserved));
  await call(other, 'CLUSTER', 'ADDSLOTSRANGE', ...ranges(HALF, 16_383, unserved));
  await call(one, 'CLUSTER', 'MEET', '127.0.0.1', `${portBeside}`);
  const nodes = async (client: RawClient): Promise<string> => await client.call('CLUSTER', 'NODES');
  await until('both know the slots of the other', async () => {
    const texts = [await nodes(one), await nodes(other)];
    return texts.every((text) => (text.match(/ connected( \d+-\d+)+/g) ?? []).length === 2);
  });
  const id = (await other.call('CLUSTER', 'MYID')).split('\r\n')[1] as string;
  one.close();
  other.close();
  return { beside: id };
}

/** A slot on the way takes no new keys. */
async function refill(client: RawClient, beside: string): Promise<void> {
  await client.call('DISCARD');
  await call(client, 'CLUSTER', 'SETSLOT', `${SLOT.migrating}`, 'STABLE');
  await call(client, 'MSET', '{k}1', 'here', '{k}2', 'here');
  await openSlots(client, beside);
}

async function openSlots(client: RawClient, beside: string): Promise<void> {
  await call(client, 'CLUSTER', 'SETSLOT', `${SLOT.migrating}`, 'MIGRATING', beside);
  await call(client, 'CLUSTER', 'SETSLOT', `${SLOT.importing}`, 'IMPORTING', beside);
}

async function call(client: RawClient, ...words: string[]): Promise<void> {
  expect(await client.call(...words), words.join(' ')).toBe('+OK\r\n');
}

/** All slots from first to last but for one, as ADDSLOTSRANGE takes them. */
function ranges(first: number, last: number, without: number): string[] {
  const parts =
    without < first || without > last
      ? [[first, last]]
      : [
          [first, without - 1],
          [without + 1, last],
        ];
  return parts.flat().map(String);
}
