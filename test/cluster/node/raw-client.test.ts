import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CliSession } from '../../../src/cluster/cli/cli-session.ts';
import { ConnectionError, RawClient } from '../../../src/cluster/node/raw-client.ts';
import type { Reply } from '../../../src/cluster/node/reply.ts';

/* The client against peers that no real server would be: silent, garbled, pointing at each other. */

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function peer(answer: (socket: Socket, bytes: string) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => answer(socket, chunk.toString('latin1')));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as { port: number }).port;
}

const connect = (port: number, onUnasked?: (reply: Reply) => void) =>
  RawClient.connect({
    host: '127.0.0.1',
    port,
    connectTimeout_ms: 2000,
    ...(onUnasked === undefined ? {} : { onUnasked }),
  });

describe('a connection', () => {
  test('that is refused says so in the words of the system', async () => {
    await expect(connect(1)).rejects.toEqual(new ConnectionError('Connection refused'));
  });

  test('that is never made ends at its deadline', async () => {
    const attempt = RawClient.connect({ host: '192.0.2.1', port: 6379, connectTimeout_ms: 50 });
    await expect(attempt).rejects.toBeInstanceOf(ConnectionError);
  });

  test('to something that does not speak RESP ends with what it said', async () => {
    const port = await peer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const client = await connect(port);
    await expect(client.send(['PING'])).rejects.toThrow('Protocol error: a reply cannot start with byte 0x48');
    expect(client.closed).toBe(true);
    await expect(client.send(['PING'])).rejects.toBeInstanceOf(ConnectionError);
  });

  test('gives replies to the commands in order, and what nobody asked for to the listener', async () => {
    const port = await peer((socket) =>
      socket.write('>2\r\n+invalidate\r\n*0\r\n:1\r\n|1\r\n+a\r\n:9\r\n:2\r\n+late\r\n'),
    );
    const unasked: Reply[] = [];
    const client = await connect(port, (reply) => unasked.push(reply));
    const [first, second] = await Promise.all([client.send(['A']), client.send(['B'])]);
    expect([first, second]).toEqual([
      { type: 'integer', text: '1' },
      { type: 'integer', text: '2' },
    ]);
    await vi.waitUntil(() => unasked.length === 2);
    expect(unasked.map(({ type }) => type)).toEqual(['push', 'status']);
    client.close();
  });

  test('rejects what still waits when the peer goes away', async () => {
    const port = await peer((socket) => socket.destroy());
    const client = await connect(port);
    await expect(client.send(['PING'])).rejects.toBeInstanceOf(ConnectionError);
    await client.whenClosed();
  });
});

describe('a session in a cluster', () => {
  const session = (port: number) =>
    new CliSession({ host: '127.0.0.1', port, db: 0, protocol: 2, cluster: true, connectTimeout_ms: 2000 });

  test('stops following nodes that point at each other', async () => {
    let there = 0;
    const here = await peer((socket) => socket.write(`-MOVED 1 127.0.0.1:${there}\r\n`));
    there = await peer((socket) => socket.write(`-MOVED 1 127.0.0.1:${here}\r\n`));
    const talk = session(here);
    const { reply, redirects } = await talk.exchange(['GET', 'k']);
    expect(reply.type).toBe('error');
    expect(redirects).toHaveLength(16);
    talk.close();
  });

  test('asks ASKING first, on the same link, where ASK points', async () => {
    const heard: string[] = [];
    const target = await peer((socket, bytes) => {
      heard.push(
        bytes
          .replace(/[*$]\d+\r\n/g, '')
          .trim()
          .replaceAll('\r\n', ' '),
      );
      socket.write('+OK\r\n');
    });
    const port = await peer((socket) => socket.write(`-ASK 7 127.0.0.1:${target}\r\n`));
    const talk = session(port);
    const { reply } = await talk.exchange(['SET', 'k', 'v']);
    expect(reply).toMatchObject({ type: 'status' });
    expect(heard).toEqual(['ASKING', 'SET k v']);
    talk.close();
  });

  test('takes the host of the node that answered where a redirection names none', async () => {
    const target = await peer((socket) => socket.write('+here\r\n'));
    const port = await peer((socket) => socket.write(`-MOVED 7 :${target}\r\n`));
    const talk = session(port);
    expect((await talk.exchange(['GET', 'k'])).redirects).toEqual([
      { asking: false, slot: 7, to: { host: '127.0.0.1', port: target } },
    ]);
    talk.close();
  });

  test('goes on at a node that it knows when the one where it is has gone', async () => {
    let first = 0;
    const second = await peer((socket, bytes) => socket.end(bytes.includes('last') ? '' : '+second\r\n'));
    first = await peer((socket, bytes) =>
      socket.write(bytes.includes('far') ? `-MOVED 7 127.0.0.1:${second}\r\n` : '+first\r\n'),
    );
    const talk = session(first);
    await talk.exchange(['GET', 'far']);
    expect(talk.address.port).toBe(second);
    // The second node has ended the connection, and now it is gone altogether.
    servers.at(0)?.close();
    await expect.poll(() => talk.connected).toBe(false);
    const { reply } = await talk.exchange(['GET', 'near']);
    expect(reply).toEqual({ type: 'status', bytes: Buffer.from('first') });
    expect(talk.address.port).toBe(first);
    talk.close();
  });
});
