import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../commands/rkv.ts';
import { connect as client, temporaryFolder, until } from './processes.ts';

/* Few descriptors: clients are refused, while files and the cluster bus still get theirs. */

const PORT = 23_400;
const LINUX = process.platform === 'linux';

function startWith(limit: number, port: number, args: readonly string[] = []) {
  const dir = temporaryFolder();
  const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args];
  const command = `ulimit -n ${limit} && exec "$0" "$@"`;
  const child = spawn('sh', ['-c', command, process.execPath, join(ROOT, 'bin/rkv-server.js'), ...words]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { dir, child, ended, output: () => text };
}

/** Connections that are opened and never closed from here; how each ended, if it did. */
function flood(port: number, count: number): { said: string[]; closed(): number } {
  const said: string[] = [];
  let closed = 0;
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (bytes) => said.push(bytes.toString()));
    socket.on('error', () => {}).on('close', () => closed++);
    sockets.push(socket);
  }
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return { said, closed: () => closed };
}

test.skipIf(!LINUX)('too few for one client end the start with what is needed', async () => {
  const { ended, output } = startWith(50, PORT);
  expect(await ended).toBe(1);
  expect(output()).toMatch(
    /Your current 'ulimit -n' of 50 is not enough for the server to start\. Please increase your open file limit to at least 100\d\d\. Exiting\./,
  );
});

test.skipIf(!LINUX)('a server that is full of clients and links still writes its files', async () => {
  const limit = 220;
  const args = ['--cluster-enabled', 'yes', '--cluster-port', `${PORT + 2}`, '--appendonly', 'yes'];
  const { dir, output } = startWith(limit, PORT + 1, args);
  await until('it is ready', async () => output().includes('Ready to accept connections'));
  expect(output()).toMatch(/# You requested maxclients of 10000 requiring at least 10\d\d\d max file descriptors\./);
  const allowed = Number(
    /# Current maximum open files is 220\. maxclients has been reduced to (\d+) to compensate for low ulimit\./.exec(
      output(),
    )?.[1],
  );
  expect(allowed).toBeGreaterThan(20);
  expect(allowed).toBeLessThan(limit - 64 - 32);

  const inside = client(PORT + 1);
  expect(await inside.call('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', `${allowed}`]);
  const clients = flood(PORT + 1, limit);
  const links = flood(PORT + 2, limit);
  await until('clients were refused', async () => clients.said.some((text) => text.includes('max number of clients')));
  await until('links were refused', async () => links.closed() > 0);

  expect(await inside.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')).toBe('OK');
  await until('the cluster is ok', async () => String(await inside.call('CLUSTER', 'INFO')).includes('state:ok'));
  expect(await inside.set('key', 'value')).toBe('OK');
  expect(await inside.call('SAVE')).toBe('OK');
  expect(await inside.call('BGREWRITEAOF')).toMatch(/started/);
  await until('the log is rewritten', async () => output().includes('rewrite finished successfully'));
  expect(readFileSync(join(dir, 'nodes.conf'), 'utf8')).toContain('0-16383');
});
