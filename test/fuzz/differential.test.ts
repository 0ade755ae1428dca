/*
 * Random commands to rkv and to redis-server. RKV_SEED replays a run, RKV_ROUNDS makes it longer:
 *
 *   RKV_SEED=7 RKV_ROUNDS=20000 npx vitest run test/fuzz/differential.test.ts
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { AS_7_0 } from '../support/as-7-0.ts';
import { Differential, told } from '../support/differential.ts';
import { RawClient } from '../support/resp.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261128);
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 200);
/** Enough for a round on a busy machine. */
const ROUND_WITHIN_MS = 200;

describe.skipIf(!hasRedisServer)(`random commands, seed ${SEED}, ${ROUNDS} rounds`, () => {
  let ours: EmbeddedServer;
  let theirs: RealRedis;

  beforeAll(async () => {
    ours = await startServer({ ...AS_7_0, 'enable-debug-command': 'yes' });
    theirs = await startRealRedis(['--save', '', '--enable-debug-command', 'yes']);
  });

  afterAll(async () => {
    await theirs?.stop();
    await ours?.close();
  });

  for (const resp of [2, 3] as const) {
    test(
      `get the same replies from both servers and leave the same data, RESP${resp}`,
      async () => {
        const [a, b] = [await RawClient.connect(ours.port), await RawClient.connect(theirs.socket)];
        const differential = new Differential(a, b, SEED + resp);
        await differential.begin(resp);
        for (let round = 0; round < ROUNDS; round++) {
          const found = await differential.round(round);
          expect(found.map((difference) => told(SEED, difference))).toEqual([]);
        }
        a.close();
        b.close();
      },
      5000 + ROUNDS * ROUND_WITHIN_MS,
    );
  }
});
