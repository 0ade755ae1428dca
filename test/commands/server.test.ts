import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RawClient } from '../support/resp.ts';
import { rkv, startRkv, until } from './rkv.ts';

const folder = mkdtempSync(join(tmpdir(), 'rkv-server-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const answers = (port: number) => until(async () => (await ask(port, 'PING').catch(() => '')) === '+PONG\r\n');

test('rkv server hands its words to the server as they are, and SIGTERM ends it with 0', async () => {
  const { child, ended } = startRkv([
    'server',
    '--port',
    '14090',
    '--dir',
    folder,
    '--save',
    '',
    '--maxmemory',
    '10mb',
  ]);
  await answers(14_090);
  expect(await ask(14_090, 'CONFIG', 'GET', 'maxmemory')).toBe('*2\r\n$9\r\nmaxmemory\r\n$8\r\n10485760\r\n');
  child.kill('SIGTERM');
  expect((await ended).status).toBe(0);
});

test('rkv server reads a redis.conf, also from standard input', async () => {
  const file = join(folder, 'redis.conf');
  writeFileSync(file, `port 14091\ndir ${folder}\nsave ""\n`);
  const fromFile = startRkv(['server', file, '--appendonly', 'no']);
  const fromPipe = startRkv(['server', '-'], { input: `port 14092\ndir ${folder}\nsave ""\n` });
  await Promise.all([answers(14_091), answers(14_092)]);
  fromFile.child.kill('SIGINT');
  fromPipe.child.kill('SIGINT');
  expect([(await fromFile.ended).status, (await fromPipe.ended).status]).toEqual([0, 0]);
});

test('the process of rkv server is the server', async () => {
  const { child, ended } = startRkv(['server', '--port', '14093', '--dir', folder, '--save', '']);
  await answers(14_093);
  expect(await ask(14_093, 'INFO', 'server')).toContain(`process_id:${child.pid}\r\n`);
  child.kill('SIGTERM');
  await ended;
});

test('a directive that does not exist ends rkv server with an error of the server', async () => {
  const { status, stdout, stderr } = await rkv(['server', '--nosuch', '1']);
  expect(status).toBe(1);
  expect(stdout + stderr).toContain('nosuch');
});

async function ask(port: number, ...words: string[]): Promise<string> {
  const client = await RawClient.connect(port);
  try {
    return await client.call(...words);
  } finally {
    client.close();
  }
}
