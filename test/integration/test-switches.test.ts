import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EmbeddedServer, ServerOptions } from '../../src/index.ts';
import { caughtUp, follow, infoOf, linkIsUp, started, until } from '../support/embedded.ts';
import { RawClient } from '../support/resp.ts';
import { startNode } from './processes.ts';

/* DEBUG and hidden directives: how tests make a server slow, deaf or still. */

const DEBUG: ServerOptions = { 'enable-debug-command': 'yes' };
const PORT = 23_950;
const KEYS = 20;
const DELAY_US = 20_000;
const SUM_MS = (KEYS * DELAY_US) / 1000;
const HOURS_US = 1_000_000_000;

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'rkv-slow-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function populated(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = await started({ ...DEBUG, dir: folder(), ...options });
  await server.call('DEBUG', 'POPULATE', KEYS, 'key', 2000);
  return server;
}

async function saved(server: EmbeddedServer): Promise<void> {
  await until(async () => (await infoOf(server, 'rdb_bgsave_in_progress'))[0] === '0');
}

describe('rdb-key-save-delay', () => {
  test('makes a save longer by so much a key; in the background nobody else waits', async () => {
    const server = await populated();
    await server.call('CONFIG', 'SET', 'rdb-key-save-delay', DELAY_US);
    const begun_ms = performance.now();
    await server.call('BGSAVE');
    await server.call('PING');
    const [processed] = await infoOf(server, 'current_save_keys_processed');
    expect(Number(processed)).toBeLessThan(KEYS);
    await saved(server);
    const ended_ms = performance.now();
    expect(ended_ms - begun_ms).toBeGreaterThan(SUM_MS - 10);
    await server.call('SAVE');
    expect(performance.now() - ended_ms).toBeGreaterThan(SUM_MS - 10);
  });

  test('holds for a rewrite of the log too, and ends when it is taken back', async () => {
    const server = await populated({ appendonly: true });
    await server.call('CONFIG', 'SET', 'rdb-key-save-delay', HOURS_US);
    await server.call('BGREWRITEAOF');
    await until(async () => (await infoOf(server, 'current_save_keys_processed'))[0] === '1');
    await server.call('CONFIG', 'SET', 'rdb-key-save-delay', '0');
    await until(async () => (await infoOf(server, 'aof_rewrite_in_progress'))[0] === '0');
    expect(await infoOf(server, 'aof_last_bgrewrite_status')).toEqual(['ok']);
  });
});

describe('key-load-delay', () => {
  test('makes a full copy slow; others are served after every loading-process-events-interval-bytes', async () => {
    const [primary, replica] = await Promise.all([populated({ rdbcompression: false }), started()]);
    await replica.call('CONFIG', 'SET', 'key-load-delay', HOURS_US, 'loading-process-events-interval-bytes', '1024');
    await replica.call('REPLICAOF', '127.0.0.1', primary.port);
    await until(async () => Number((await infoOf(replica, 'master_sync_read_bytes'))[0]) >= 1024);
    const [read] = await infoOf(replica, 'master_sync_read_bytes');
    expect(Number(read)).toBeLessThan(4096);
    await replica.call('CONFIG', 'SET', 'key-load-delay', '0');
    await linkIsUp(replica);
    expect(await replica.call('DBSIZE')).toBe(KEYS);
    await primary.call('SET', 'after', '1');
    await until(async () => (await replica.call('GET', 'after')) === '1');
  });

  test('makes a start slow, which answers LOADING and tells how far it is', async () => {
    const dir = folder();
    const before = await populated({ dir, rdbcompression: false });
    await before.call('SAVE');
    await before.close();
    const slow = ['--key-load-delay', `${HOURS_US}`, '--loading-process-events-interval-bytes', '1024'];
    const node = startNode('rkv', { port: PORT, dir, args: slow });
    await until(() => node.output().includes('Server initialized'));
    const client = await RawClient.connect(PORT);
    expect(await client.call('GET', 'key:1')).toMatch(/^-LOADING /);
    expect(await client.call('CONFIG', 'SET', 'loglevel', 'debug')).toBe('+OK\r\n');
    expect(await client.call('CONFIG', 'SET', 'appendonly', 'yes')).toMatch(/^-LOADING /);
    expect(await client.call('CONFIG', 'SET', 'loglevel', 'notice', 'dir', '/')).toMatch(/^-LOADING /);
    const info = await client.call('INFO', 'persistence');
    expect(info).toContain('loading:1\r\n');
    expect(Number(/loading_loaded_bytes:(\d+)/.exec(info)?.[1])).toBeLessThan(8192);
    await client.call('CONFIG', 'SET', 'key-load-delay', '0');
    await until(async () => (await client.call('DBSIZE')) === `:${KEYS}\r\n`);
    client.close();
  });

  test('holds for DEBUG RELOAD, which lets nobody in meanwhile', async () => {
    const server = await populated();
    await server.call('CONFIG', 'SET', 'key-load-delay', DELAY_US);
    const begun_ms = performance.now();
    await server.call('DEBUG', 'RELOAD');
    expect(performance.now() - begun_ms).toBeGreaterThan(SUM_MS - 10);
  });
});

test('hidden directives are shown to who names them, and to no pattern', async () => {
  const server = await started();
  const shown = async (pattern: string): Promise<unknown> =>
    Object.fromEntries((await server.call('CONFIG', 'GET', pattern)) as Map<string, string>);
  expect(await shown('rdb-key-save-delay')).toEqual({ 'rdb-key-save-delay': '0' });
  expect(await shown('key-load-delay')).toEqual({ 'key-load-delay': '0' });
  expect(await shown('loading-process-events-interval-bytes')).toEqual({
    'loading-process-events-interval-bytes': '2097152',
  });
  expect(await shown('use-exit-on-panic')).toEqual({ 'use-exit-on-panic': 'no' });
  expect(await shown('key-*')).toEqual({});
  expect(await shown('use-*')).toEqual({});
});

test('effects of the same turn are in the log that DEBUG LOADAOF loads', async () => {
  const server = await started({ ...DEBUG, dir: folder(), appendonly: true });
  const [, loaded, value] = await Promise.all([
    server.call('SET', 'k', 'v'),
    server.call('DEBUG', 'LOADAOF'),
    server.call('GET', 'k'),
  ]);
  expect([loaded, value]).toEqual(['OK', 'v']);
  await server.call('MULTI');
  await server.call('DEBUG', 'LOADAOF');
  await expect(server.call('EXEC')).resolves.toEqual([
    expect.objectContaining({ message: expect.stringContaining('inside a transaction') }),
  ]);
});

test('DEBUG LOADAOF and REPLYBUFFER say why they can do nothing', async () => {
  const server = await started(DEBUG);
  await expect(server.call('DEBUG', 'LOADAOF')).rejects.toThrow('there is no append only file');
  await expect(server.call('DEBUG', 'REPLYBUFFER', 'RESIZING', '0')).rejects.toThrow('leave through one buffer');
  await expect(server.call('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '0')).rejects.toThrow('cluster support disabled');
});

test('DEBUG AOF-FLUSH-SLEEP: a write waits so long before it reaches the log', async () => {
  const server = await started({ ...DEBUG, dir: folder(), appendonly: true });
  await server.call('DEBUG', 'AOF-FLUSH-SLEEP', DELAY_US);
  const begun_ms = performance.now();
  await server.call('SET', 'k', 'v');
  expect(performance.now() - begun_ms).toBeGreaterThan(DELAY_US / 1000 - 1);
  await expect(server.call('DEBUG', 'AOF-FLUSH-SLEEP', '-1')).rejects.toThrow('out of range');
});

test('DEBUG SET-SKIP-CHECKSUM-VALIDATION: a file whose last byte is wrong is loaded', async () => {
  const dir = folder();
  const server = await populated({ dir });
  await server.call('SAVE');
  const file = path.join(dir, 'dump.rdb');
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  await expect(server.call('DEBUG', 'RELOAD', 'NOSAVE')).rejects.toThrow('RDB CRC error');
  await server.call('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1');
  expect(await server.call('DEBUG', 'RELOAD', 'NOSAVE')).toBe('OK');
});

test('DEBUG REPLICATE: replicas get what the primary does not do; CHANGE-REPL-ID: its history has another name', async () => {
  const [primary, replica] = await Promise.all([started(DEBUG), started()]);
  await follow(replica, primary.port);
  await Promise.all([
    primary.call('SET', 'k', 'before'),
    primary.call('DEBUG', 'REPLICATE', 'SET', 'k', 'told'),
    primary.call('SET', 'last', '1'),
  ]);
  await until(async () => (await replica.call('GET', 'last')) === '1');
  expect(await replica.call('GET', 'k')).toBe('told');
  expect(await primary.call('GET', 'k')).toBe('before');
  await caughtUp(primary, replica);

  const [before] = await infoOf(primary, 'master_replid');
  await primary.call('DEBUG', 'CHANGE-REPL-ID');
  const [after, second] = await infoOf(primary, 'master_replid', 'master_replid2');
  expect(after).not.toBe(before);
  expect(second).toBe('0'.repeat(40));
  await primary.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await until(async () => (await infoOf(replica, 'master_replid'))[0] === after);
  await linkIsUp(replica);
  expect(await infoOf(primary, 'sync_full')).toEqual(['2']);
  expect(await replica.call('GET', 'k')).toBe('before');
});

test('DEBUG CLUSTERLINK KILL: links of a node end, and are made anew', async () => {
  const node = { ...DEBUG, 'cluster-enabled': true };
  const [one, other] = await Promise.all([started({ ...node, dir: folder() }), started({ ...node, dir: folder() })]);
  await one.call('CLUSTER', 'MEET', '127.0.0.1', other.port);
  const otherId = String(await other.call('CLUSTER', 'MYID'));
  const links = async (): Promise<string[]> => {
    const all = (await one.call('CLUSTER', 'LINKS')) as Map<string, unknown>[];
    const ours = all.filter((link) => link.get('node') === otherId);
    return ours.map((link) => `${link.get('direction')} ${link.get('create-time')}`).sort();
  };
  await until(async () => (await links()).length === 2);
  const [from, to] = await links();
  await one.call('DEBUG', 'CLUSTERLINK', 'KILL', 'TO', otherId);
  await until(async () => (await links()).length === 2 && (await links())[1] !== to);
  expect((await links())[0]).toBe(from);
  await one.call('DEBUG', 'CLUSTERLINK', 'KILL', 'ALL', otherId);
  await until(async () => (await links()).length === 2 && (await links())[0] !== from);
  await expect(one.call('DEBUG', 'CLUSTERLINK', 'KILL', 'ALL', 'nobody')).rejects.toThrow('Unknown node nobody');
  await expect(one.call('DEBUG', 'CLUSTERLINK', 'KILL', 'up', otherId)).rejects.toThrow('Unknown direction up');
});

test('DEBUG PAUSE-CRON: nothing happens by itself', async () => {
  const server = await started({ ...DEBUG, hz: 500 });
  await server.call('SET', 'k', 'v', 'PX', '1');
  await until(async () => (await infoOf(server, 'expired_keys'))[0] === '1');
  await server.call('DEBUG', 'PAUSE-CRON', '1');
  await server.call('SET', 'k', 'v', 'PX', '1');
  // So many ticks of a cron that ran would have removed it, and so would the ends of these turns.
  const until_ms = performance.now() + 50;
  await until(async () => {
    await server.call('PING');
    return performance.now() > until_ms;
  });
  expect(await infoOf(server, 'expired_keys')).toEqual(['1']);
  await server.call('DEBUG', 'PAUSE-CRON', '0');
  await until(async () => (await infoOf(server, 'expired_keys'))[0] === '2');
});

test('DEBUG DROP-CLUSTER-PACKET-FILTER: packets of a type are lost', async () => {
  const node = { ...DEBUG, 'cluster-enabled': true, 'cluster-node-timeout': 500 };
  const [deaf, other] = await Promise.all([started({ ...node, dir: folder() }), started({ ...node, dir: folder() })]);
  const known = async (server: EmbeddedServer): Promise<string | undefined> =>
    /cluster_known_nodes:(\d+)/.exec(String(await server.call('CLUSTER', 'INFO')))?.[1];
  const MEET = 2;
  await deaf.call('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', MEET);
  await other.call('CLUSTER', 'MEET', '127.0.0.1', deaf.port);
  expect(await known(other)).toBe('2');
  // It gives up in the end.
  await until(async () => (await known(other)) === '1');
  expect(await known(deaf)).toBe('1');
  await deaf.call('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '-1');
  await other.call('CLUSTER', 'MEET', '127.0.0.1', deaf.port);
  await until(async () => (await known(deaf)) === '2');
  await expect(deaf.call('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '11')).rejects.toThrow('10 (publishshard)');
});
