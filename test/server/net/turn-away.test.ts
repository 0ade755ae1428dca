/* Whoever is not taken in can neither stay nor do harm by leaving. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { turnAway } from '../../../src/server/net/turn-away.ts';

/** Both ends of a connection; the accepted end is closed when its peer closes only if somebody does it. */
async function connected(): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    unknown,
  ];
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, client };
}

test('a connection that its peer has reset already is turned away without an error for anybody', async () => {
  const { accepted, client } = await connected();
  const closed = new Promise((resolve) => accepted.once('close', resolve));
  client.resetAndDestroy();
  turnAway(accepted, '-ERR go away\r\n');
  await closed;
});

test('a peer that does not hang up is told why, and keeps no descriptor', async () => {
  const { accepted, client } = await connected();
  const told = once(client, 'data');
  const closed = new Promise((resolve) => accepted.once('close', resolve));
  turnAway(accepted, '-ERR go away\r\n');
  await closed;
  expect(String((await told)[0])).toBe('-ERR go away\r\n');
});
