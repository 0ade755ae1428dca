/* What clients may do to a server, and where it ends: numbers of clients, silence, replies that nobody reads, sockets. */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../src/index.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { startRealServer } from '../support/real-server.ts';
import { RawClient, requestBytes } from '../support/resp.ts';

type Config = Readonly<Record<string, string>>;

interface Started {
  port: number;
  stop(): Promise<void>;
}

const SERVERS: [name: string, start: (config: Config) => Promise<Started>][] = [
  [
    'rkv',
    async (config) => {
      const server = await startServer(config as ServerOptions);
      return { port: server.port, stop: () => server.close() };
    },
  ],
];
if (hasRedisServer) {
  SERVERS.push([
    'redis-server',
    async (config) => {
      const { port, stop } = await startRealServer(
        Object.entries(config).flatMap(([name, value]) => [`--${name}`, value]),
      );
      return { port, stop };
    },
  ]);
}

for (const [name, start] of SERVERS) {
  describe(`limits of ${name}`, () => {
    let server: Started;
    beforeAll(async () => {
      server = await start({});
    });
    afterAll(() => server?.stop());

    /** A server needs a moment to see that a client has left, and counts it until then. */
    async function admitted(): Promise<RawClient> {
      for (let attempt = 0; attempt < 500; attempt++) {
        const one = await RawClient.connect(server.port);
        onTestFinished(() => one.close());
        if ((await one.call('PING')) === '+PONG\r\n') return one;
        one.close();
      }
      throw new Error('the server admits nobody');
    }

    /** Commands of somebody who is not concerned: on a connection of its own, which no limit has closed meanwhile. */
    const admin = {
      async call(...words: string[]): Promise<string> {
        const one = await admitted();
        const reply = await one.call(...words);
        one.close();
        return reply;
      },
    };

    async function client(): Promise<RawClient> {
      const made = await RawClient.connect(server.port);
      onTestFinished(() => made.close());
      return made;
    }

    async function configured(name: string, value: string): Promise<void> {
      const before = (await admin.call('CONFIG', 'GET', name)).split('\r\n').at(-2) as string;
      expect(await admin.call('CONFIG', 'SET', name, value)).toBe('+OK\r\n');
      onTestFinished(async () => {
        await admin.call('CONFIG', 'SET', name, before);
      });
    }

    test('clients beyond maxclients are told so and closed', async () => {
      await configured('maxclients', '3');
      const [, , third] = [await admitted(), await admitted(), await admitted()];
      const fourth = await client();
      expect(await fourth.takeUntilClosed()).toBe('-ERR max number of clients reached\r\n<closed>');
      third?.close();
      await admitted();
    });

    test('a client that is silent for longer than timeout is closed', async () => {
      const silent = await client();
      await configured('timeout', '1');
      expect(await silent.takeUntilClosed(5000)).toBe('<closed>');
    });

    test('a client that does not read what it asks for is closed at the hard limit', async () => {
      await configured('client-output-buffer-limit', 'normal 1000000 0 0');
      await admin.call('SET', 'big', 'x'.repeat(500_000));
      const greedy = await client();
      greedy.stall();
      greedy.send(requestBytes(['GET', 'big']).repeat(100));
      const address = `addr=127.0.0.1:${greedy.localPort} `;
      await expect.poll(() => admin.call('CLIENT', 'LIST'), { timeout: 5000 }).not.toContain(address);
      await admin.call('DEL', 'big');
    });

    test('a request above client-query-buffer-limit closes the connection without a word', async () => {
      await configured('client-query-buffer-limit', '1048576');
      const big = await client();
      big.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n${'x'.repeat(3_000_000)}`);
      expect(await big.takeUntilClosed()).toBe('<closed>');
    });

    test('a value above proto-max-bulk-len is refused by its length', async () => {
      await configured('proto-max-bulk-len', '1048576');
      const big = await client();
      big.send('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n');
      expect(await big.takeUntilClosed()).toBe('-ERR Protocol error: invalid bulk length\r\n<closed>');
      await admin.call('SET', 's', 'x'.repeat(1_000_000));
      expect(await admin.call('APPEND', 's', 'x'.repeat(100_000))).toBe(
        '-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n',
      );
      expect(await admin.call('STRLEN', 's')).toBe(':1000000\r\n');
      await admin.call('DEL', 's');
    });

    test('many clients at once are all served', async () => {
      const clients = await Promise.all(Array.from({ length: 200 }, () => client()));
      await admin.call('DEL', 'n');
      for (const one of clients) one.send(requestBytes(['INCR', 'n']).repeat(5));
      await Promise.all(clients.map((one) => one.take(5)));
      expect(await admin.call('GET', 'n')).toBe('$4\r\n1000\r\n');
    });

    test('a client that leaves in the middle of a request harms nobody', async () => {
      for (const part of [
        '*',
        '*3\r\n$3\r\nSE',
        '*2\r\n$3\r\nGET\r\n$1000000\r\nxx',
        'GET',
        `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n${'x'.repeat(100_000)}`,
      ]) {
        const gone = await RawClient.connect(server.port);
        gone.send(part);
        gone.close();
      }
      expect(await admin.call('PING')).toBe('+PONG\r\n');
      expect(await admin.call('EXISTS', 'k')).toBe(':0\r\n');
    });
  });
}

describe('a Unix socket', () => {
  test('serves clients, with the mode that was asked for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rkv-unix-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const unixsocket = join(folder, 's');
    const server: EmbeddedServer = await startServer({ unixsocket, unixsocketperm: 700, port: 0 });
    onTestFinished(() => server.close());
    expect(statSync(unixsocket).mode & 0o777).toBe(0o700);
    const client = await RawClient.connect(unixsocket);
    expect(await client.call('SET', 'k', 'v')).toBe('+OK\r\n');
    const line = await client.call('CLIENT', 'INFO');
    expect(line).toContain(`addr=${unixsocket}:0 laddr=${unixsocket}:0`);
    expect(line).toContain('flags=U');
    client.close();
  });
});
