/*
 * Servers are killed at moments that nobody chose, with and without room on their disk, and started again. What was
 * acknowledged is there, as far as appendfsync promised it. A few rounds here; RKV_ROUNDS=60 makes so many.
 */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { CLOSED, RawClient } from '../support/resp.ts';
import { answers, type Started, startNode, temporaryFolder } from './processes.ts';
import { smallDisk } from './small-disk.ts';

const SEED = Number(process.env.RKV_SEED ?? Date.now() % 1e6);
const rounds = (few: number): number => Number(process.env.RKV_ROUNDS ?? few);
const ROUND_MS = 20_000;
const WRITERS = 8;

/** What was answered, by key; and of the writes that a full disk may cost, the last one of each writer. */
interface Promised {
  readonly values: Map<string, string>;
  readonly atRisk: Set<string>;
}

/** Writes until the server is gone, or `until` says so; goes on when it is refused for want of room. */
async function write(port: number, name: string, promised: Promised, until: () => boolean): Promise<number> {
  const client = await RawClient.connect(port);
  let refused = 0;
  let last = '';
  for (let i = 0; !until(); i++) {
    const key = `key:${name}:${i}`;
    const value = `${i}:${'v'.repeat((i * 37) % 900)}`;
    const isFull = promised.atRisk.size > 0;
    const reply = await client.call('SET', key, value);
    if (reply === '+OK\r\n') {
      promised.values.set(key, value);
      last = key;
      // What waited is written before anything that was sent since is accepted.
      if (isFull) promised.atRisk.clear();
    } else if (reply.startsWith('-MISCONF')) {
      expect(reply).toMatch(/^-MISCONF Errors writing to the AOF file: (No space left on device|File too large)/);
      if (refused === 0) promised.atRisk.add(last);
      refused++;
      const read = await client.call('GET', last);
      if (read === CLOSED) break;
      expect(read).toBe(bulk(promised.values.get(last)));
    } else {
      break;
    }
  }
  client.close();
  return refused;
}

function bulk(value: string | undefined): string {
  return value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`;
}

async function expectAll(port: number, { values, atRisk }: Promised): Promise<void> {
  const client = await RawClient.connect(port);
  const keys = [...values.keys()];
  for (let at = 0; at < keys.length; at += 500) {
    const part = keys.slice(at, at + 500);
    client.send(part.map((key) => `GET ${key}\r\n`).join(''));
    for (const key of part) {
      const reply = await client.take(1);
      if (atRisk.has(key) && reply === bulk(undefined)) values.delete(key);
      else expect([key, reply]).toEqual([key, bulk(values.get(key))]);
    }
  }
  atRisk.clear();
  client.close();
}

async function killed(node: Started): Promise<void> {
  const ended = once(node.child, 'exit');
  node.child.kill('SIGKILL');
  await ended;
}

test(`kills under load lose nothing that was acknowledged with appendfsync always (seed ${SEED})`, {
  timeout: 60_000 + rounds(8) * ROUND_MS,
}, async () => {
  const prng = new Prng(SEED);
  const dir = temporaryFolder();
  const args = ['--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-min-size', '64kb'];
  const promised: Promised = { values: new Map(), atRisk: new Set() };
  for (let round = 0; round <= rounds(8); round++) {
    const node = startNode('rkv', { port: 22_100, dir, args });
    await answers(node);
    await expectAll(node.port, promised);
    const before = promised.values.size;
    const enough = before + 20 + prng.below(400);
    const writers = Array.from({ length: WRITERS }, (_, i) => write(node.port, `${round}:${i}`, promised, () => false));
    // In the midst of the load, and of rewrites that follow each other.
    await expect.poll(() => promised.values.size, { timeout: ROUND_MS, interval: 1 }).toBeGreaterThan(enough);
    await killed(node);
    await Promise.all(writers);
  }
});

test(`a full disk refuses writes at once and loses none but those that filled it, whenever the kill comes (seed ${SEED})`, {
  timeout: 60_000 + rounds(4) * ROUND_MS,
}, async () => {
  const prng = new Prng(SEED);
  const disk = smallDisk();
  const args = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0'];
  const promised: Promised = { values: new Map(), atRisk: new Set() };
  for (let round = 0; round <= rounds(4); round++) {
    const node = startNode('rkv', { port: 22_101, dir: disk.dir, args });
    await answers(node);
    await expectAll(node.port, promised);
    await startAfresh(node.port, promised);
    const pid = node.child.pid as number;
    disk.fill(pid, 50_000 + prng.below(100_000));
    let stop = false;
    const writers = Array.from({ length: WRITERS }, (_, i) => write(node.port, `${round}:${i}`, promised, () => stop));
    await expect.poll(() => promised.atRisk.size, { timeout: ROUND_MS, interval: 1 }).toBeGreaterThan(0);
    if (prng.chance(0.5)) {
      // Room again: they go on by themselves, and what waited is in the log.
      const then = promised.values.size;
      disk.free(pid);
      await expect.poll(() => promised.values.size, { timeout: ROUND_MS, interval: 1 }).toBeGreaterThan(then + 20);
    } else {
      await expect.poll(() => promised.atRisk.size, { timeout: ROUND_MS, interval: 1 }).toBe(WRITERS);
    }
    await killed(node);
    stop = true;
    await Promise.all(writers);
    disk.free(process.pid);
  }
});

/** The disk is small: what earlier rounds wrote is let go of, once it was seen to be there. */
async function startAfresh(port: number, { values }: Promised): Promise<void> {
  const client = await RawClient.connect(port);
  expect(await client.call('FLUSHALL')).toBe('+OK\r\n');
  values.clear();
  expect(await client.call('BGREWRITEAOF')).toMatch(/^\+Background append only file rewriting (started|scheduled)/);
  const done = async (): Promise<boolean> => {
    const info = await client.call('INFO', 'persistence');
    return info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0');
  };
  await expect.poll(done, { timeout: ROUND_MS }).toBe(true);
  client.close();
}

test('SIGTERM on a full disk ends nothing, and the server goes on; with room again it ends in order', {
  timeout: 60_000,
}, async () => {
  const disk = smallDisk();
  const node = startNode('rkv', { port: 22_102, dir: disk.dir, args: ['--save', '3600 1'] });
  await answers(node);
  const client = await RawClient.connect(node.port);
  expect(await client.call('SET', 'before', '1')).toBe('+OK\r\n');
  const pid = node.child.pid as number;
  disk.fill(pid, 0);
  node.child.kill('SIGTERM');
  await expect.poll(() => node.output(), { timeout: ROUND_MS }).toContain('Errors trying to shut down the server');
  expect(node.output()).toMatch(/Error trying to save the DB, can't exit: .*(No space left on device|File too large)/);
  const another = await RawClient.connect(node.port);
  expect(await another.call('SET', 'after', '2')).toBe('+OK\r\n');
  expect(await client.call('GET', 'before')).toBe('$1\r\n1\r\n');
  disk.free(pid);
  node.child.kill('SIGTERM');
  expect(await node.ended).toBe(0);
  client.close();
  another.close();
  const again = startNode('rkv', { port: 22_102, dir: disk.dir, args: ['--save', '3600 1'] });
  await answers(again);
  const reader = await RawClient.connect(again.port);
  expect(await reader.call('MGET', 'before', 'after')).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
  reader.close();
});
