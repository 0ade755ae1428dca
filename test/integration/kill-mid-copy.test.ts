import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import type { EmbeddedServer } from '../../src/index.ts';
import { started } from '../support/embedded.ts';
import { Line } from '../support/line.ts';
import { type Node, Servers, until } from './replication-servers.ts';

/*
 * A replica that has one whole data set gets another one, and is killed, cut off or promoted at any point of that. What it
 * has afterwards, in memory and on disk, is one of the two, whole, and never a part of both.
 *
 * RKV_KILL_ROUNDS=200 npx vitest run test/integration/kill-mid-copy.test.ts
 */

const ROUNDS = Number(process.env['RKV_KILL_ROUNDS'] ?? 4);
const KEYS = 400;
const VALUE_BYTES = 200;
/** A little more than the copy takes: some rounds end behind it. */
const COPY_BYTES = KEYS * (VALUE_BYTES + 20) * 1.2;
const COUNTED = 5;

const servers = new Servers(24_200);
afterEach(() => servers.stopAll());

describe.each(['yes', 'no'])('with appendonly %s', (appendonly) => {
  test('a replica keeps one data set or has the other one', { timeout: 60_000 + ROUNDS * 10_000 }, async () => {
    const prng = new Prng(Number(process.env['RKV_SEED'] ?? 1));
    const saves = appendonly === 'no';
    const args = ['--appendonly', appendonly, '--auto-aof-rewrite-percentage', '0', '--replica-read-only', 'no'];
    const replica = await servers.start('rkv', ...args);
    await copyFrom(replica, await primaryWith(0));
    for (let round = 1; round <= ROUNDS; round++) {
      if (saves) await replica.call('SAVE');
      const primary = await primaryWith(round);
      const line = await Line.to(primary.port);
      line.limit = prng.below(COPY_BYTES);
      await replica.call('REPLICAOF', '127.0.0.1', line.port);
      await until(async () => line.stopped > 0 || (await replica.info('master_link_status')) === 'up');
      const how = ['kill', 'cut', 'promote', 'cut and kill'][prng.below(4)] as string;
      if (how.startsWith('cut')) line.cut();
      if (how === 'cut') await until(async () => (await replica.info('async_loading')) === '0');
      if (how.endsWith('kill')) {
        await replica.kill('SIGKILL');
        await replica.start(...args);
      } else {
        await replica.call('REPLICAOF', 'NO', 'ONE');
      }
      const found = await versionOf(replica);
      expect([round - 1, round], `round ${round}: ${how} after ${line.limit} bytes`).toContain(found);
      expect(readdirSync(replica.folder).filter((name) => name.startsWith('temp'))).toEqual([]);
      // The next round begins with this one's data, whole, and with all that was counted behind the copy.
      if (found !== round) await copyFrom(replica, primary);
      expect(await versionOf(replica)).toBe(round);
      await replica.call('SET', 'round', round);
      if (appendonly === 'no' || prng.chance(0.5)) continue;
      await replica.kill('SIGKILL');
      await replica.start(...args);
      expect(await versionOf(replica), `round ${round}: after another start`).toBe(round);
      expect(readdirSync(join(replica.folder, 'appendonlydir')).filter((name) => name.includes('temp'))).toEqual([]);
    }
  });
});

/** A primary whose keys all tell its number; a part of them was counted up, as no log that is replayed twice would say. */
async function primaryWith(version: number): Promise<EmbeddedServer> {
  const primary = await started({ rdbcompression: false });
  for (let i = 0; i < KEYS; i++) await primary.call('SET', `k:${i}`, `${version}:`.padEnd(VALUE_BYTES, '.'));
  for (let i = 0; i < COUNTED; i++) await primary.call('INCR', 'counted');
  return primary;
}

async function copyFrom(replica: Node, primary: EmbeddedServer): Promise<void> {
  await replica.call('REPLICAOF', '127.0.0.1', primary.port);
  await until(async () => (await replica.info('master_link_status')) === 'up');
  await replica.call('REPLICAOF', 'NO', 'ONE');
}

/** Which data set is there; a text that says what is wrong with it when it is none of them. */
async function versionOf(replica: Node): Promise<number | string> {
  const keys = Array.from({ length: KEYS }, (_, i) => `k:${i}`);
  const versions = new Set((await replica.client.mget(keys)).map((value) => value?.split(':')[0] ?? 'missing'));
  const counted = await replica.client.get('counted');
  if (versions.size !== 1 || counted !== `${COUNTED}`) return `${[...versions].join(' and ')}, counted ${counted}`;
  return Number([...versions][0]);
}
