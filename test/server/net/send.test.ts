import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../../src/index.ts';
import { adopt } from '../../../src/server/net/input.ts';
import { sendNow } from '../../../src/server/net/send.ts';
import { RawClient, requestBytes } from '../../support/resp.ts';

/** Both ends of a connection: ours is adopted, as the server's are. */
async function connected(): Promise<{ socket: Socket; fd: number; peer: Socket }> {
  const server: Server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  const peer = connect(port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const { socket, fd } = adopt(accepted, () => {})!;
  // Both ends are closed harshly on purpose.
  for (const end of [socket, peer]) end.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return { socket, fd, peer };
}

describe('bytes given to the kernel at once', () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) & 255));

  test('are taken up to what it has room for, and are those that arrive', async () => {
    const { fd, peer } = await connected();
    peer.pause();
    let sent = 0;
    const taken: number[] = [];
    for (let last = 1; last > 0; sent += last) {
      last = sendNow(fd, bytes, 10, bytes.length);
      taken.push(last);
    }
    expect(taken[0]).toBe(bytes.length - 10);
    expect(taken.at(-1)).toBe(0);
    const expected = Buffer.concat(taken.map((length) => bytes.subarray(10, 10 + length)));
    const arrived: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => arrived.push(chunk));
    peer.resume();
    await expect.poll(() => arrived.reduce((sum, { length }) => sum + length, 0), { timeout: 10_000 }).toBe(sent);
    expect(Buffer.concat(arrived).equals(expected)).toBe(true);
  });

  test('are not taken when the peer is gone', async () => {
    const { fd, peer } = await connected();
    peer.resetAndDestroy();
    await expect.poll(() => sendNow(fd, bytes, 0, 1), { timeout: 10_000 }).toBe(0);
  });
});

test('a client that resets its connection while replies are on their way is forgotten', async () => {
  await using server = await startServer();
  await server.call('SET', 'k', 'v'.repeat(100_000));
  const other = await RawClient.connect(server.port);
  onTestFinished(() => other.close());
  for (let i = 0; i < 20; i++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const peer = connect(server.port, '127.0.0.1', () => {
      peer.write(requestBytes(['GET', 'k']).repeat(20), () => {
        peer.resetAndDestroy();
        resolve();
      });
    });
    peer.pause().on('error', () => {});
    await promise;
  }
  // Not before all were there: then the few that are connected are those that were not reset.
  await expect.poll(() => server.call('INFO', 'stats'), { timeout: 10_000 }).toContain('connections_received:21\r');
  await expect.poll(() => server.call('INFO', 'clients'), { timeout: 10_000 }).toMatch(/connected_clients:[12]\r/);
  expect(await other.call('ECHO', 'still here')).toBe('$10\r\nstill here\r\n');
});
