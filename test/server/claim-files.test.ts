import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../src/server/embedded.ts';

let dir: string;
let running: EmbeddedServer[];

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-claims-'));
  running = [];
});
afterEach(async () => {
  for (const server of running) await server.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

async function start(options: ServerOptions): Promise<EmbeddedServer> {
  const server = await startServer({ dir, ...options });
  running.push(server);
  return server;
}

const USED = 'is already used by another server, of this process';

test.each<[string, ServerOptions, string]>([
  ['append only file', { appendonly: true }, path.join('appendonlydir', 'appendonly.aof')],
  ['RDB file', { save: '3600 1' }, 'dump.rdb'],
  ['nodes.conf', { 'cluster-enabled': true }, 'nodes.conf'],
])('a second server on one %s does not start, and the first notices nothing', async (_, options, name) => {
  const first = await start(options);
  const rejected = start(options);
  await expect(rejected).rejects.toThrow(`${path.join(dir, name)} ${USED}`);
  expect(await first.call('PING')).toBe('PONG');
  await first.close();
  expect(await (await start(options)).call('PING')).toBe('PONG');
});

test('servers with files of their own share a folder', async () => {
  const own = (n: number): ServerOptions => ({
    save: '3600 1',
    appendonly: true,
    'cluster-enabled': true,
    dbfilename: `dump-${n}.rdb`,
    appendfilename: `appendonly-${n}.aof`,
    'cluster-config-file': `nodes-${n}.conf`,
  });
  const [one, two] = [await start(own(1)), await start(own(2))];
  expect([await one?.call('SAVE'), await two?.call('SAVE')]).toEqual(['OK', 'OK']);
});

test('what is not configured to be written is claimed when it is asked for', async () => {
  const first = await start({ save: '3600 1', appendonly: true });
  const second = await start({});
  await expect(second.call('SAVE')).rejects.toThrow(USED);
  expect(await second.call('BGSAVE')).toBe('Background saving started');
  await expect.poll(() => second.call('INFO', 'persistence')).toContain('rdb_last_bgsave_status:err');
  await expect(second.call('CONFIG', 'SET', 'appendonly', 'yes')).rejects.toThrow(USED);
  await first.close();
  expect(await second.call('SAVE')).toBe('OK');
  expect(await second.call('CONFIG', 'SET', 'appendonly', 'yes')).toBe('OK');
  // Until then it cannot be closed.
  const written = /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/;
  await expect.poll(() => second.call('INFO', 'persistence')).toMatch(written);
});

test('what a save or a rewrite that was killed left is removed at the next start', async () => {
  fs.mkdirSync(path.join(dir, 'appendonlydir'));
  const left = ['temp-bgsave-dump.rdb', 'temp-save-dump.rdb', 'temp-pid7-nodes.conf'];
  for (const name of left) fs.writeFileSync(path.join(dir, name), 'x');
  for (const name of ['temp-rewrite-appendonly.aof', 'temp-arriving-appendonly.aof']) {
    fs.writeFileSync(path.join(dir, 'appendonlydir', name), 'x');
  }
  await start({ save: '3600 1', appendonly: true, 'cluster-enabled': true });
  const names = [...fs.readdirSync(dir), ...fs.readdirSync(path.join(dir, 'appendonlydir'))];
  expect(names.filter((name) => name.startsWith('temp-'))).toEqual([]);
});

test('nothing but the data is left behind by servers that end', async () => {
  const server = await start({ save: '3600 1', appendonly: true, 'cluster-enabled': true });
  await server.call('SAVE');
  await server.close();
  expect(fs.readdirSync(dir).sort()).toEqual(['appendonlydir', 'dump.rdb', 'nodes.conf']);
  expect(
    fs.readdirSync(path.join(dir, 'appendonlydir')).filter((name) => !/^appendonly\.aof\.(\d|manifest)/.test(name)),
  ).toEqual([]);
});

test('a file is one file by whatever path, and a server does not stand in its own way', async () => {
  const linked = `${dir}-linked`;
  fs.symlinkSync(dir, linked);
  const server = await start({ save: '3600 1', 'enable-protected-configs': 'yes' });
  await server.call('CONFIG', 'SET', 'dir', linked);
  const saved = await server.call('SAVE').finally(() => fs.rmSync(linked));
  await server.call('CONFIG', 'SET', 'dir', dir);
  expect([saved, await server.call('SAVE')]).toEqual(['OK', 'OK']);
});

test('a folder that took the place of another has not been claimed by whoever claimed the first', async () => {
  const data = path.join(dir, 'data');
  const options: ServerOptions = { dir: data, save: '3600 1' };
  fs.mkdirSync(data);
  const first = await start(options);
  expect(await first.call('SAVE')).toBe('OK');
  fs.renameSync(data, `${data}-before`);
  fs.mkdirSync(data);
  const second = await start(options);
  await expect(first.call('SAVE')).rejects.toThrow(USED);
  await first.call('CONFIG', 'SET', 'save', '');
  await first.close();
  await expect(start(options)).rejects.toThrow(USED);
  expect(await second.call('SAVE')).toBe('OK');
});

test('what is written no more is free for others: the RDB file of before dir or dbfilename, and a log that is off', async () => {
  const options: ServerOptions = { dir, save: '3600 1', appendonly: true, 'enable-protected-configs': 'yes' };
  const first = await start(options);
  for (const name of ['second', 'third']) fs.mkdirSync(path.join(dir, name));
  await first.call('CONFIG', 'SET', 'appendonly', 'no');
  await first.call('CONFIG', 'SET', 'dir', path.join(dir, 'second'));
  const second = await start(options);
  expect([await first.call('SAVE'), await second.call('SAVE')]).toEqual(['OK', 'OK']);
  await first.call('CONFIG', 'SET', 'dbfilename', 'other.rdb');
  const third = await start({ ...options, dir: path.join(dir, 'second') });
  expect([await first.call('SAVE'), await third.call('SAVE')]).toEqual(['OK', 'OK']);
});

test('a file that a save in the background goes to is free when that has ended', async () => {
  const first = await start({
    save: '3600 1',
    'rdb-key-save-delay': 300,
    'enable-debug-command': 'yes',
    'enable-protected-configs': 'yes',
  });
  await first.call('DEBUG', 'POPULATE', '1000');
  await first.call('BGSAVE');
  await expect.poll(() => first.call('INFO', 'persistence')).toContain('rdb_bgsave_in_progress:1');
  await first.call('CONFIG', 'SET', 'dbfilename', 'other.rdb');
  const second = await start({});
  await expect(second.call('SAVE')).rejects.toThrow(USED);
  await expect.poll(() => first.call('INFO', 'persistence')).toContain('rdb_bgsave_in_progress:0');
  expect(await second.call('SAVE')).toBe('OK');
});
