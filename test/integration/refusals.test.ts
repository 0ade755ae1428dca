/* What a server says when it cannot start, or cannot go on: the place, the reason, exit code 1, nothing half made. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../commands/rkv.ts';
import { answers, connect, startNode, temporaryFolder } from './processes.ts';

const SERVER = join(ROOT, 'bin/rkv-server.js');

async function occupy(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
}

test('a bad line of a configuration file is named with its file, its number and the reason', () => {
  const dir = temporaryFolder();
  const file = join(dir, 'redis.conf');
  writeFileSync(file, 'port 20340\nmaxclients many\n');
  const { status, stderr, stdout } = spawnSync(process.execPath, [SERVER, file], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr + stdout).toContain(file);
  expect(stderr + stdout).toContain('line 2');
  expect(stderr + stdout).toContain('maxclients many');
});

test('a port in use ends the start with the port and the reason', async () => {
  await occupy(20_341);
  const node = startNode('rkv', { port: 20_341 });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain('20341');
  expect(node.output()).toContain('Address already in use');
  expect(node.output()).not.toContain('    at ');
});

test('a bus port in use ends the start with the port, the reason and how it is chosen', async () => {
  await occupy(30_342);
  const node = startNode('rkv', { port: 20_342, args: ['--cluster-enabled', 'yes'] });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain('30342');
  expect(node.output()).toContain('port + 10000');
  expect(node.output()).not.toContain('    at ');
});

test('a damaged nodes.conf is named with its line, and left as it is', async () => {
  const dir = temporaryFolder();
  const damaged = `${'a'.repeat(40)} 127.0.0.1:20343@30343 myself,master - 0 0 1 connected\nthis is no node\n`;
  writeFileSync(join(dir, 'nodes.conf'), damaged);
  const node = startNode('rkv', { port: 20_343, dir, args: ['--cluster-enabled', 'yes'] });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain('nodes.conf');
  expect(node.output()).toContain('line 2');
  expect(readFileSync(join(dir, 'nodes.conf'), 'utf8')).toBe(damaged);
  expect(node.output()).not.toContain('    at ');
});

test('a nodes.conf that is a folder ends the start with its path', async () => {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'nodes.conf'));
  const node = startNode('rkv', { port: 20_344, dir, args: ['--cluster-enabled', 'yes'] });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain(join(dir, 'nodes.conf'));
  expect(node.output()).not.toContain('    at ');
});

test('a second server on the same nodes.conf is refused, and the first goes on', async () => {
  const dir = temporaryFolder();
  const first = startNode('rkv', { port: 20_345, dir, args: ['--cluster-enabled', 'yes'] });
  await answers(first);
  const second = startNode('rkv', { port: 20_346, dir, args: ['--cluster-enabled', 'yes'] });
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain('nodes.conf');
  expect(await connect(20_345).ping()).toBe('PONG');
});

/** A file system of a few pages, where this test may make one. */
function tinyDisk(): string | null {
  const dir = temporaryFolder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', dir]).status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', dir]));
  return dir;
}

test('a full disk holds back a nodes.conf without an epoch or a vote in it, and the old file stays whole meanwhile', async (context) => {
  const dir = tinyDisk();
  if (dir === null) return context.skip('no file system can be mounted here');
  const node = startNode('rkv', { port: 20_347, dir, args: ['--cluster-enabled', 'yes'] });
  await answers(node);
  const client = connect(20_347);
  const id = String(await client.call('CLUSTER', 'MYID'));
  const file = (): string => readFileSync(join(dir, 'nodes.conf'), 'utf8');
  spawnSync('dd', ['if=/dev/zero', `of=${join(dir, 'ballast')}`, 'bs=1k']);
  expect(await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')).toBe('OK');
  await expect(client.call('CLUSTER', 'SAVECONFIG')).rejects.toThrow('No space left on device');
  expect(await client.ping()).toBe('PONG');
  expect(file()).toContain(`${id} `);
  rmSync(join(dir, 'ballast'));
  await expect.poll(file, { timeout: 20_000 }).toContain(' 0-16383\n');
});

test('an unwritable folder is named when the append only file cannot be made', async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'appendonlydir'), 'in the way');
  const node = startNode('rkv', { port: 20_348, dir, args: ['--appendonly', 'yes'] });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain('appendonlydir');
  expect(node.output()).not.toContain('    at ');
});

test('a missing certificate is named with its directive', async () => {
  const node = startNode('rkv', {
    port: 0,
    args: ['--tls-port', '20349', '--tls-cert-file', '/nowhere/node.crt', '--tls-key-file', '/nowhere/node.key'],
  });
  expect(await node.ended).toBe(1);
  expect(node.output()).toContain('tls-cert-file');
  expect(node.output()).toContain('/nowhere/node.crt');
  expect(node.output()).not.toContain('    at ');
});

test('SIGTERM ends in order, with exit code 0, and frees the port', async () => {
  const dir = temporaryFolder();
  const node = startNode('rkv', { port: 20_350, dir, args: ['--pidfile', join(dir, 'rkv.pid')] });
  await answers(node);
  expect(existsSync(join(dir, 'rkv.pid'))).toBe(true);
  node.child.kill('SIGTERM');
  expect(await node.ended).toBe(0);
  expect(node.output()).toContain('bye bye');
  expect(readdirSync(dir)).toEqual([]);
  await occupy(20_350);
});
