/* Who is let in without a password: nobody whose address is not known to be this machine's. */

import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../../src/index.ts';
import { RawClient, requestBytes } from '../../support/resp.ts';

/** An address of this machine that counts as foreign: protected mode trusts loopback only. */
const foreign = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

/** Connects, sends, and resets before the server can have looked at the connection. */
function sendAndReset(host: string, port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on('error', () => resolve());
    socket.on('connect', () => {
      socket.write(bytes);
      socket.resetAndDestroy();
    });
    socket.on('close', () => resolve());
  });
}

test.skipIf(foreign === undefined)('a stranger who resets the connection at once runs nothing', async () => {
  await using server = await startServer({ bind: '0.0.0.0' });
  const set = requestBytes(['SET', 'let', 'in']);
  await Promise.all(Array.from({ length: 50 }, () => sendAndReset(foreign!, server.port, set)));
  const local = await RawClient.connect(server.port);
  onTestFinished(() => local.close());
  expect(await local.call('EXISTS', 'let')).toBe(':0\r\n');
  expect(await server.call('INFO', 'commandstats')).not.toContain('cmdstat_set');
  // The listener went on accepting: the local client came behind all of them.
  expect(await local.call('CLIENT', 'LIST')).toContain('addr=127.0.0.1:');
});

test.skipIf(foreign === undefined)('a stranger who stays is told that protected mode keeps them out', async () => {
  await using server = await startServer({ bind: '0.0.0.0' });
  const socket = connect({ host: foreign!, port: server.port });
  onTestFinished(() => void socket.destroy());
  let told = '';
  socket.on('data', (chunk) => {
    told += chunk.toString('latin1');
  });
  await expect.poll(() => told, { timeout: 10_000 }).toMatch(/^-DENIED Redis is running in protected mode/);
});

test('what is allowed to local clients is allowed by a Unix socket, by loopback and inside the process', async () => {
  const options = { 'enable-debug-command': 'local' } as const;
  await using server = await startServer(options);
  expect(await server.call('DEBUG', 'HELP')).toContain(
    'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  );
  const tcp = await RawClient.connect(server.port);
  onTestFinished(() => tcp.close());
  expect(await tcp.call('DEBUG', 'HELP')).toContain('Subcommands are:');
  const dir = String(((await server.call('CONFIG', 'GET', 'dir')) as Map<string, string>).get('dir'));
  const where = path.join(dir, 'door.sock');
  await using second = await startServer({ ...options, port: 0, unixsocket: where });
  const unix = await RawClient.connect(where);
  onTestFinished(() => unix.close());
  expect(await unix.call('DEBUG', 'HELP')).toContain('Subcommands are:');
  expect(await unix.call('CLIENT', 'INFO')).toContain('flags=U');
  expect(second.port).not.toBe(server.port);
});

test.skipIf(foreign === undefined)('what is allowed to local clients is refused to others', async () => {
  await using server = await startServer({
    bind: '0.0.0.0',
    'protected-mode': false,
    'enable-debug-command': 'local',
  });
  const socket = connect({ host: foreign!, port: server.port });
  onTestFinished(() => void socket.destroy());
  let told = '';
  socket.on('data', (chunk) => {
    told += chunk.toString('latin1');
  });
  socket.write(requestBytes(['DEBUG', 'HELP']));
  await expect.poll(() => told, { timeout: 10_000 }).toMatch(/^-ERR DEBUG command not allowed/);
});
