/*
 * Random commands to rkv and to redis-server, and what subscribers to all keyspace notifications hear of both meanwhile.
 * RKV_SEED replays a run, RKV_ROUNDS makes it longer.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from '../base/real-redis.ts';
import { AS_7_0 } from '../support/as-7-0.ts';
import { Differential, told } from '../support/differential.ts';
import { USUAL } from '../support/random-commands.ts';
import { RawClient, readTree, requestBytes } from '../support/resp.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261128);
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 150);
/** Enough for a round on a busy machine. */
const ROUND_WITHIN_MS = 200;
/** All classes, those too that A does not stand for. */
const CLASSES = 'KEAmn';
/** Inside MULTI it is refused by rkv (docs/compatibility.md), and so looks for no keys. */
const UNSAID = ['migrate'];
const END = '__key_end__';

/** Hears everything that one server says of its keys. */
class Ear {
  readonly #subscriber: RawClient;
  readonly #control: RawClient;

  private constructor(subscriber: RawClient, control: RawClient) {
    this.#subscriber = subscriber;
    this.#control = control;
  }

  static async at(where: number | string): Promise<Ear> {
    const [subscriber, control] = [await RawClient.connect(where), await RawClient.connect(where)];
    await control.call('CONFIG', 'SET', 'notify-keyspace-events', CLASSES);
    await subscriber.call('PSUBSCRIBE', '__key*');
    return new Ear(subscriber, control);
  }

  /** What was said since, in order: `__keyevent@0__:set k`. */
  async take(): Promise<string[]> {
    this.#control.send(requestBytes(['PUBLISH', END, '']));
    await this.#control.take(1);
    const heard: string[] = [];
    for (;;) {
      const [, , channel, payload] = readTree(await this.#subscriber.take(1))!.tree.items;
      if (channel?.text === END) return heard;
      heard.push(`${channel?.text} ${payload?.text}`);
    }
  }

  close(): void {
    this.#subscriber.close();
    this.#control.close();
  }
}

describe.skipIf(!hasRedisServer)(`events of random commands, seed ${SEED}, ${ROUNDS} rounds`, () => {
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

  test(
    'are the same from both servers, in the same order',
    async () => {
      const [a, b] = [await RawClient.connect(ours.port), await RawClient.connect(theirs.socket)];
      const ears = [await Ear.at(ours.port), await Ear.at(theirs.socket)] as const;
      const differential = new Differential(a, b, SEED, { ...USUAL, unsaid: UNSAID });
      await differential.begin(2);
      let events = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const found = await differential.round(round);
        expect(found.map((difference) => told(SEED, difference))).toEqual([]);
        const [mine, its] = [await ears[0].take(), await ears[1].take()];
        events += mine.length;
        // Dead keys that a SCAN meets are met in any order.
        if (mine.some((event) => event.includes(':expired ') || event.endsWith(' expired'))) {
          mine.sort();
          its.sort();
        }
        if (mine.join('\n') !== its.join('\n'))
          expect(mine, `seed ${SEED}, round ${round}, after\n${differential.recent.join('\n')}`).toEqual(its);
      }
      expect(events).toBeGreaterThan(ROUNDS);
      for (const client of [a, b, ...ears]) client.close();
    },
    5000 + ROUNDS * ROUND_WITHIN_MS,
  );
});
