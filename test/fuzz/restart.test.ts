/*
 * What random commands have left is there after a restart, from the log and from a snapshot, and is the same to a
 * redis-server that loads our files, and to us when we load its. RKV_SEED replays a run, RKV_ROUNDS makes it longer.
 */

import { cpSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hasRedisServer } from '../base/real-redis.ts';
import { answers, type Started, startNode, temporaryFolder } from '../integration/processes.ts';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
import { Differential, told } from '../support/differential.ts';
import { RawClient } from '../support/resp.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261128);
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 20);
/** One more than a multiple of the rounds from one death of keys to the next: no key is dead when the servers end. */
const ROUNDS_OF_A_LIFE = 20;
const LIFE_WITHIN_MS = 20_000;
/** Ours, theirs, redis-server with our files, we with theirs. */
const PORTS = [20_880, 20_881, 20_882, 20_883] as const;

type Engine = 'rkv' | 'redis';
interface Way {
  readonly name: string;
  readonly args: readonly string[];
  end(node: Started): Promise<void>;
}

const WAYS: readonly Way[] = [
  {
    name: 'the append only file, killed',
    args: ['--appendonly', 'yes', '--appendfsync', 'always'],
    end: (node) => node.kill(),
  },
  {
    name: 'the RDB file of SHUTDOWN SAVE',
    args: [],
    async end(node) {
      const client = await RawClient.connect(node.port);
      client.send('SHUTDOWN SAVE\r\n');
      await client.takeUntilClosed();
      client.close();
      await node.ended;
    },
  },
];

for (const way of WAYS) {
  test.skipIf(!hasRedisServer)(
    `data is the same after a restart from ${way.name}, seed ${SEED}, ${ROUNDS} rounds`,
    async () => {
      const start = (engine: Engine, port: number, dir: string): Promise<Started> => ready(engine, port, dir, way.args);
      const [dirA, dirB] = [temporaryFolder(), temporaryFolder()];
      for (let life = 0; life * ROUNDS_OF_A_LIFE < ROUNDS; life++) {
        const ours = await start('rkv', PORTS[0], dirA);
        const theirs = await start('redis', PORTS[1], dirB);
        const before = await liveOn(ours, theirs, life);
        await Promise.all([way.end(ours), way.end(theirs)]);
        const [swappedA, swappedB] = [temporaryFolder(), temporaryFolder()];
        cpSync(dirA, swappedA, { recursive: true });
        cpSync(dirB, swappedB, { recursive: true });
        const again = [
          await start('rkv', PORTS[0], dirA),
          await start('redis', PORTS[1], dirB),
          await start('redis', PORTS[2], swappedA),
          await start('rkv', PORTS[3], swappedB),
        ];
        const digests = await Promise.all(again.map(digestOf));
        expect(digests, `seed ${SEED}, life ${life}: ours, theirs, ours to redis-server, theirs to us`).toEqual(
          digests.map(() => before),
        );
        await Promise.all(again.map((node) => node.kill()));
      }
    },
    5000 + (ROUNDS / ROUNDS_OF_A_LIFE) * LIFE_WITHIN_MS,
  );
}

async function ready(engine: Engine, port: number, dir: string, args: readonly string[]): Promise<Started> {
  const profile = engine === 'rkv' ? ARGS_AS_7_0 : [];
  const node = startNode(engine, { port, dir, args: [...profile, '--enable-debug-command', 'yes', ...args] });
  const ended = await Promise.race([answers(node).then(() => false), node.ended.then(() => true)]);
  if (ended) throw new Error(`${engine} did not start in ${dir}: ${node.output()}`);
  return node;
}

/** Random commands to both on top of what is there; answers the digest that they have in the end. */
async function liveOn(ours: Started, theirs: Started, life: number): Promise<string> {
  const [a, b] = [await RawClient.connect(ours.port), await RawClient.connect(theirs.port)];
  const differential = new Differential(a, b, SEED + life);
  await differential.begin(3, 'kept');
  for (let round = 1; round <= ROUNDS_OF_A_LIFE; round++) {
    const found = await differential.round(round % ROUNDS_OF_A_LIFE === 0 ? 1 : round);
    expect(found.map((difference) => told(SEED + life, difference))).toEqual([]);
  }
  const [before, same] = [await digestOf(ours), await digestOf(theirs)];
  expect(same).toBe(before);
  a.close();
  b.close();
  return before;
}

async function digestOf(node: Started): Promise<string> {
  const client = await RawClient.connect(node.port);
  const digest = await client.call('DEBUG', 'DIGEST');
  client.close();
  return digest;
}
