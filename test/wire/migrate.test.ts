import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { AS_7_0 } from '../support/as-7-0.ts';
import { startRealServer } from '../support/real-server.ts';
import { RawClient } from '../support/resp.ts';

interface End {
  name: string;
  port: number;
  client: RawClient;
  stop(): Promise<void>;
}

async function ours(config: Record<string, string> = {}): Promise<End> {
  const server = await startServer({ ...AS_7_0, ...config });
  return { name: 'rkv', port: server.port, client: await RawClient.connect(server.port), stop: () => server.close() };
}

async function real(config: Record<string, string> = {}): Promise<End> {
  const server = await startRealServer(Object.entries(config).flatMap(([name, value]) => [`--${name}`, value]));
  return {
    name: 'redis-server',
    port: server.port,
    client: await RawClient.connect(server.port),
    stop: () => server.stop(),
  };
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const KINDS: [string, (config?: Record<string, string>) => Promise<End>][] = [['rkv', ours]];
if (hasRedisServer) KINDS.push(['redis-server', real]);

for (const [from, startSource] of KINDS) {
  for (const [to, startTarget] of KINDS) {
    describe(`MIGRATE from ${from} to ${to}`, () => {
      let source: End;
      let target: End;
      let guarded: End;
      const call = (...words: string[]): Promise<string> => source.client.call(...words);
      const there = (...words: string[]): Promise<string> => target.client.call(...words);
      const migrate = (key: string, ...rest: string[]): Promise<string> =>
        call('MIGRATE', '127.0.0.1', `${target.port}`, key, '0', '5000', ...rest);

      beforeAll(async () => {
        [source, target, guarded] = [
          await startSource(),
          await startTarget(),
          await startTarget({ requirepass: 'secret' }),
        ];
      });
      afterAll(async () => {
        for (const end of [source, target, guarded]) await end?.stop();
      });

      test('moves a key with its value and its time', async () => {
        await call('SET', 'k', 'value', 'EX', '100');
        expect(await migrate('k')).toBe('+OK\r\n');
        expect(await call('EXISTS', 'k')).toBe(':0\r\n');
        expect(await there('GET', 'k')).toBe('$5\r\nvalue\r\n');
        expect(await there('TTL', 'k')).toMatch(/^:(99|100)\r\n$/);
        expect(await migrate('k')).toBe('+NOKEY\r\n');
      });

      test('moves many keys, of any type, and passes over those that are missing', async () => {
        await call('MSET', 'a', '1', 'b', 'x'.repeat(100_000));
        await call('RPUSH', 'list', ...Array.from({ length: 500 }, (_, i) => `${i}`));
        await call('SADD', 'set', 'x', 'y');
        expect(await migrate('', 'KEYS', 'a', 'none', 'b', 'list', 'set')).toBe('+OK\r\n');
        expect(await call('EXISTS', 'a', 'b', 'list', 'set')).toBe(':0\r\n');
        expect(await there('STRLEN', 'b')).toBe(':100000\r\n');
        expect(await there('LINDEX', 'list', '499')).toBe('$3\r\n499\r\n');
        expect(await there('SCARD', 'set')).toBe(':2\r\n');
        expect(await migrate('', 'KEYS', 'none', 'gone')).toBe('+NOKEY\r\n');
      });

      test('copies when it is told so, and replaces only when it is told so', async () => {
        await call('SET', 'c', 'new');
        await there('SET', 'c', 'old');
        expect(await migrate('c', 'COPY')).toBe(
          '-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n',
        );
        expect(await there('GET', 'c')).toBe('$3\r\nold\r\n');
        expect(await migrate('c', 'COPY', 'REPLACE')).toBe('+OK\r\n');
        expect(await there('GET', 'c')).toBe('$3\r\nnew\r\n');
        expect(await call('GET', 'c')).toBe('$3\r\nnew\r\n');
        expect(await migrate('c', 'replace')).toBe('+OK\r\n');
        expect(await call('EXISTS', 'c')).toBe(':0\r\n');
      });

      test('keeps the keys that the target refuses, and moves the others', async () => {
        await call('MSET', 'm1', '1', 'm2', '2', 'm3', '3');
        await there('SET', 'm2', 'taken');
        expect(await migrate('', 'KEYS', 'm1', 'm2', 'm3')).toMatch(
          /^-ERR Target instance replied with error: BUSYKEY/,
        );
        expect(await call('EXISTS', 'm1', 'm3')).toBe(':0\r\n');
        expect(await call('GET', 'm2')).toBe('$1\r\n2\r\n');
        expect(await there('MGET', 'm1', 'm2', 'm3')).toBe('*3\r\n$1\r\n1\r\n$5\r\ntaken\r\n$1\r\n3\r\n');
      });

      test('goes into the database it is told', async () => {
        await call('SET', 'd', 'v');
        expect(await call('MIGRATE', '127.0.0.1', `${target.port}`, 'd', '3', '5000')).toBe('+OK\r\n');
        await there('SELECT', '3');
        expect(await there('GET', 'd')).toBe('$1\r\nv\r\n');
        await there('SELECT', '0');
        await call('SET', 'd', 'v');
        expect(await call('MIGRATE', '127.0.0.1', `${target.port}`, 'd', '99', '5000')).toBe(
          '-ERR Target instance replied with error: ERR DB index is out of range\r\n',
        );
        expect(await call('GET', 'd')).toBe('$1\r\nv\r\n');
        expect(await migrate('d')).toBe('+OK\r\n');
      });

      test('says the password to a target that wants one', async () => {
        const guard = (...rest: string[]): Promise<string> =>
          call('MIGRATE', '127.0.0.1', `${guarded.port}`, 'p', '0', '5000', ...rest);
        await guarded.client.call('AUTH', 'secret');
        await call('SET', 'p', 'v');
        expect(await guard()).toBe('-ERR Target instance replied with error: NOAUTH Authentication required.\r\n');
        expect(await guard('AUTH', 'wrong')).toMatch(/^-ERR Target instance replied with error: WRONGPASS/);
        expect(await call('GET', 'p')).toBe('$1\r\nv\r\n');
        expect(await guard('AUTH', 'secret')).toBe('+OK\r\n');
        expect(await guarded.client.call('GET', 'p')).toBe('$1\r\nv\r\n');
        await call('SET', 'p', 'w');
        expect(await guard('AUTH2', 'default', 'secret', 'REPLACE')).toBe('+OK\r\n');
      });

      test('refuses what it cannot read', async () => {
        await call('SET', 'k', 'v');
        const refused: [string[], string][] = [
          [['127.0.0.1', '1', 'k', '0'], "-ERR wrong number of arguments for 'migrate' command\r\n"],
          [['127.0.0.1', '1', 'k', 'x', '10'], '-ERR value is not an integer or out of range\r\n'],
          [['127.0.0.1', '1', 'k', '0', 'x'], '-ERR value is not an integer or out of range\r\n'],
          [['127.0.0.1', '1', 'k', '0', '10', 'NOSUCH'], '-ERR syntax error\r\n'],
          [['127.0.0.1', '1', 'k', '0', '10', 'AUTH'], '-ERR syntax error\r\n'],
          [['127.0.0.1', '1', 'k', '0', '10', 'AUTH2', 'x'], '-ERR syntax error\r\n'],
          [
            ['127.0.0.1', '1', 'k', '0', '10', 'KEYS', 'a'],
            '-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n',
          ],
        ];
        for (const [words, error] of refused) expect(await call('MIGRATE', ...words), words.join(' ')).toBe(error);
        expect(await call('GET', 'k')).toBe('$1\r\nv\r\n');
        await call('DEL', 'k');
      });

      test('says so when nobody listens, or nobody answers', async () => {
        await call('SET', 'k', 'v');
        const refused = await call('MIGRATE', '127.0.0.1', `${await deadPort()}`, 'k', '0', '1000');
        expect(refused).toMatch(/^-IOERR error or timeout (writing to target instance|connecting to the client)\r\n$/);
        const silent = createServer((socket) => socket.on('error', () => {}));
        await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
        const { port } = silent.address() as { port: number };
        const began_ms = performance.now();
        expect(await call('MIGRATE', '127.0.0.1', `${port}`, 'k', '0', '200')).toBe(
          '-IOERR error or timeout reading to target instance\r\n',
        );
        expect(performance.now() - began_ms).toBeLessThan(4000);
        expect(await call('GET', 'k')).toBe('$1\r\nv\r\n');
        silent.close();
      });
    });
  }
}
