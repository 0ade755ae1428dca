import { describe, expect, test } from 'vitest';
import type { EmbeddedServer } from '../../src/index.ts';
import { follow, infoOf, linkIsUp, started, until } from '../support/embedded.ts';
import { Line } from '../support/line.ts';

/* A replica takes over the data set of its primary: as a whole, or not at all. */

const KEYS = 2000;
/** So much of the copy has come when it stops: the middle of it. */
const HALF = 100_000;

describe('while a full copy comes in', () => {
  test('the old data is served, and PING, INFO and ROLE answer', async () => {
    const { replica, line } = await inMidCopy();
    expect(await replica.call('PING')).toBe('PONG');
    expect(await infoOf(replica, 'loading', 'async_loading', 'master_sync_in_progress', 'master_link_status')).toEqual([
      '0',
      '1',
      '1',
      'down',
    ]);
    expect(await replica.call('GET', 'old')).toBe('1');
    expect(await replica.call('DBSIZE')).toBe(1);
    await expect(replica.call('SET', 'old', '2')).rejects.toThrow('READONLY');
    await replica.call('CONFIG', 'SET', 'replica-read-only', 'no');
    await expect(replica.call('SET', 'old', '2')).rejects.toThrow('LOADING');
    await replica.call('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    await expect(replica.call('GET', 'old')).rejects.toThrow('MASTERDOWN');
    await replica.call('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    line.release();
    await linkIsUp(replica);
    expect(await infoOf(replica, 'async_loading')).toEqual(['0']);
    expect([await replica.call('DBSIZE'), await replica.call('EXISTS', 'old')]).toEqual([KEYS, 0]);
  });

  test('a transaction that watches a key of either data set is not carried out when they change places', async () => {
    const { replica, line } = await inMidCopy();
    await replica.call('CONFIG', 'SET', 'replica-read-only', 'no');
    await replica.call('WATCH', 'old');
    line.release();
    await linkIsUp(replica);
    await replica.call('MULTI');
    await replica.call('SET', 'new', '1');
    expect(await replica.call('EXEC')).toBeNull();
  });

  test('what both data sets take is counted', async () => {
    const { replica, line } = await inMidCopy();
    const [used] = await infoOf(replica, 'used_memory');
    line.cut();
    await until(async () => (await infoOf(replica, 'async_loading'))[0] === '0');
    expect(Number(used)).toBeGreaterThan(Number((await infoOf(replica, 'used_memory'))[0]) + HALF / 2);
  });
});

describe('a full copy that breaks off', () => {
  test('leaves the data and its place in the stream as they were, and the next one is whole', async () => {
    const { replica, line } = await inMidCopy();
    const fields = ['master_replid', 'master_repl_offset', 'second_repl_offset'];
    const before = await infoOf(replica, ...fields);
    line.cut();
    await until(async () => (await infoOf(replica, 'async_loading'))[0] === '0');
    expect(await replica.call('GET', 'old')).toBe('1');
    expect(await infoOf(replica, ...fields)).toEqual(before);
    expect(await infoOf(replica, 'master_link_down_reason')).toEqual(['Connection with master lost.']);
    line.release();
    await linkIsUp(replica);
    expect([await replica.call('DBSIZE'), await replica.call('EXISTS', 'old')]).toEqual([KEYS, 0]);
  });

  test('is forgotten when the replica becomes a primary, which has all of the old data', async () => {
    const { replica, old } = await inMidCopy();
    await replica.call('REPLICAOF', 'NO', 'ONE');
    expect(await infoOf(replica, 'role', 'async_loading')).toEqual(['master', '0']);
    expect([await replica.call('DBSIZE'), await replica.call('GET', 'old')]).toEqual([1, '1']);
    expect(await replica.call('SET', 'new', '1')).toBe('OK');
    // Its history goes on: who was in it needs no copy.
    await follow(old, replica.port);
    expect(await old.call('GET', 'new')).toBe('1');
    expect(await infoOf(replica, 'sync_full')).toEqual(['0']);
  });
});

/** A replica that has the data of one primary, and half of another one's. */
async function inMidCopy(): Promise<{ replica: EmbeddedServer; old: EmbeddedServer; line: Line }> {
  const [old, primary, replica] = await Promise.all([started(), started({ rdbcompression: false }), started()]);
  await old.call('SET', 'old', '1');
  for (let i = 0; i < KEYS; i++) await primary.call('SET', `new:${i}`, `${i}`.repeat(30));
  await follow(replica, old.port);
  const line = await Line.to(primary.port);
  line.limit = HALF;
  await replica.call('REPLICAOF', '127.0.0.1', String(line.port));
  await until(() => line.stopped > 0);
  await until(async () => Number((await infoOf(replica, 'master_sync_read_bytes'))[0]) > HALF / 2);
  return { replica, old, line };
}
