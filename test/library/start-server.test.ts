import { createHook } from 'node:async_hooks';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  CommandFailure,
  type EmbeddedServer,
  OptionFailure,
  ServerFailure,
  type ServerOptions,
  startServer,
} from '../../src/index.ts';
import { RawClient } from '../support/resp.ts';

// Other tests make such folders too; those of this one are to be counted.
const home = mkdtempSync(join(tmpdir(), 'rkv-home-'));
process.env.TMPDIR = home;
afterAll(() => rmSync(home, { recursive: true }));

async function started(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

const closedSocket = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
  });

async function bind(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

function temporaryFolders(): string[] {
  return readdirSync(home);
}

/** Timers and listening ports that are open, also those that would not keep the process from ending. */
async function openHandles(): Promise<{ timers: number; ports: number }> {
  await nextTurn();
  const types = [...OPEN.values()];
  return {
    timers: types.filter((type) => type === 'Timeout').length,
    ports: types.filter((type) => type === 'TCPSERVERWRAP').length,
  };
}

const OPEN = new Map<number, string>();
const hook = createHook({
  init: (id, type) => void OPEN.set(id, type),
  destroy: (id) => void OPEN.delete(id),
});
hook.enable();
afterAll(() => hook.disable());

describe('a server inside this process', () => {
  test('serves clients at a port that the system chose', async () => {
    const server = await started();
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    expect(await client.set('key', 'value')).toBe('OK');
    expect(await server.call('GET', 'key')).toBe('value');
    expect(new URL(server.url).port).toBe(String(server.port));
  });

  test('answers calls with plain values', async () => {
    const server = await started();
    expect(await server.call('SET', 'text', 'grün')).toBe('OK');
    expect(await server.call('GET', 'text')).toBe('grün');
    expect(await server.call('GET', 'missing')).toBeNull();
    expect(await server.call('SET', 'number', 41)).toBe('OK');
    expect(await server.call('INCR', 'number')).toBe(42);
    expect(await server.call('INCRBY', 'big', 2n ** 62n)).toBe(2n ** 62n);
    expect(await server.call('SET', Buffer.from([0, 255]), new Uint8Array([1, 2, 3]))).toBe('OK');
    expect(await server.call('STRLEN', Buffer.from([0, 255]))).toBe(3);
    expect(await server.call('RPUSH', 'list', 'a', 'b')).toBe(2);
    expect(await server.call('LRANGE', 'list', 0, -1)).toEqual(['a', 'b']);
    expect(await server.call('CONFIG', 'GET', 'appendonly')).toEqual(new Map([['appendonly', 'no']]));
  });

  test('takes passwords and paths of any letters, and speaks of them in letters', async () => {
    const dir = mkdtempSync(join(home, 'é☃-'));
    const lines: string[] = [];
    const server = await started({ dir, requirepass: 'é☃/ x', log: (line) => lines.push(line) });
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    expect(await client.set('key', 'value')).toBe('OK');
    expect(await client.config('GET', 'dir')).toEqual(['dir', dir]);
    expect(await client.save()).toBe('OK');
    expect(readdirSync(dir)).toContain('dump.rdb');
    await client.config('SET', 'requirepass', 'ü');
    await expect(server.call('AUTH', 'ü')).resolves.toBe('OK');
    await expect(server.call('CONFIG', 'SET', 'é', '1')).rejects.toThrow("CONFIG SET - 'é'");
    await expect(startServer({ dir: join(dir, 'ñ') })).rejects.toThrow(join(dir, 'ñ'));
    const unix = await started({ unixsocket: join(dir, 'ß'), log: (line) => lines.push(line) });
    expect(unix.url).toBe(`unix://${join(dir, 'ß')}`);
  });

  test('rejects a refused call with the code and the text of the answer', async () => {
    const server = await started();
    await server.call('RPUSH', 'list', 'a');
    const refusal = await server.call('GET', 'list').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CommandFailure);
    expect(refusal).toMatchObject({
      code: 'WRONGTYPE',
      message: 'WRONGTYPE Operation against a key holding the wrong kind of value',
    });
    await expect(server.call('NOSUCH')).rejects.toMatchObject({ code: 'ERR' });
  });

  test('takes calls as one client: in order, and with transactions', async () => {
    const server = await started();
    const replies = await Promise.all([
      server.call('MULTI'),
      server.call('SET', 'key', 'text'),
      server.call('INCR', 'key'),
      server.call('EXEC'),
      server.call('GET', 'key'),
    ]);
    expect(replies.slice(0, 3)).toEqual(['OK', 'QUEUED', 'QUEUED']);
    expect(replies[3]).toEqual(['OK', expect.any(CommandFailure)]);
    expect(replies[4]).toBe('text');
  });

  test('needs no password for calls, and lets nobody else in without', async () => {
    const server = await started({ requirepass: 'a secret' });
    expect(await server.call('PING')).toBe('PONG');
    const client = new Redis(server.url, { lazyConnect: true });
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    const stranger = await RawClient.connect(server.port);
    expect(await stranger.call('GET', 'key')).toBe('-NOAUTH Authentication required.\r\n');
    stranger.close();
  });

  test('obeys directives by their names, whatever the type of their value', async () => {
    const server = await started({ databases: 3, 'maxmemory-policy': 'allkeys-lfu', 'lazyfree-lazy-expire': true });
    expect(await server.call('CONFIG', 'GET', 'databases', 'maxmemory-policy', 'lazyfree-lazy-expire')).toEqual(
      new Map([
        ['databases', '3'],
        ['lazyfree-lazy-expire', 'yes'],
        ['maxmemory-policy', 'allkeys-lfu'],
      ]),
    );
    await expect(server.call('SELECT', 3)).rejects.toThrow('ERR DB index is out of range');
  });

  test('refuses options that cannot be, and leaves nothing behind', async () => {
    const before = temporaryFolders();
    const refusals: [ServerOptions, string, Pick<OptionFailure, 'code' | 'option' | 'suggestion'>][] = [
      [
        { maxmemory: 'much' },
        "'maxmemory': argument must be a memory value",
        { code: 'BAD_VALUE', option: 'maxmemory', suggestion: null },
      ],
      [
        { apendonly: true } as ServerOptions,
        "'apendonly' is not a directive of redis.conf; did you mean 'appendonly'?",
        { code: 'UNKNOWN_OPTION', option: 'apendonly', suggestion: 'appendonly' },
      ],
      [
        { logfile: 'x' } as ServerOptions,
        "'logfile' applies to a server process of its own",
        { code: 'NOT_HERE', option: 'logfile', suggestion: 'log' },
      ],
      [
        { 'shutdown-on-sigterm': 'nosave' } as ServerOptions,
        "'shutdown-on-sigterm' applies to a server process of its own",
        { code: 'NOT_HERE', option: 'shutdown-on-sigterm', suggestion: null },
      ],
      [
        { dir: '/no/such/folder' },
        "'dir' is not a folder: /no/such/folder",
        { code: 'BAD_VALUE', option: 'dir', suggestion: 'omit dir to use a temporary folder' },
      ],
    ];
    for (const [options, text, facts] of refusals) {
      const failure = await startServer(options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OptionFailure);
      expect((failure as Error).message).toContain(text);
      expect(failure).toMatchObject(facts);
    }
    expect(temporaryFolders()).toEqual(before);
  });

  test.each([null, 1, 'port', { maxmemory: {} }, { port: null }, { log: 5 }, { appendonly: Symbol('yes') }])(
    'what is no option is refused as one, whatever a program hands over: %s',
    async (options) => {
      await expect(startServer(options as ServerOptions)).rejects.toMatchObject({ code: 'BAD_VALUE' });
    },
  );

  test('an option that has no effect is told as a warning of the process', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void =>
      void warnings.push(`${(warning as { code?: string }).code}: ${warning.message}`);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    await started({ 'io-threads': 4 });
    await nextTurn();
    expect(warnings).toEqual([
      expect.stringMatching(/^RKV_NO_EFFECT: startServer: 'io-threads' is accepted but has no effect: /),
    ]);
  });

  test('refuses a port that is taken, with the port in the message', async () => {
    const server = await started();
    await expect(startServer({ port: server.port })).rejects.toMatchObject({
      name: 'OptionFailure',
      code: 'CANNOT_LISTEN',
      option: 'port',
      suggestion: 'omit port to use a free one',
      message: expect.stringContaining(`127.0.0.1:${server.port}: Address already in use`),
    });
    await expect(startServer({ bind: '192.0.2.7' })).rejects.toMatchObject({ code: 'CANNOT_LISTEN', option: 'bind' });
    expect(await server.call('PING')).toBe('PONG');
  });

  test('says nothing unless it is asked to', async () => {
    const lines: string[] = [];
    const server = await started({ log: (line) => lines.push(line), loglevel: 'notice' });
    await server.close();
    expect(lines.at(-1)).toContain('Redis is now ready to exit');
  });

  test('listens on a Unix socket, and removes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rkv-unix-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const unixsocket = join(folder, 's');
    const server = await started({ unixsocket });
    expect(server.port).toBe(0);
    expect(server.url).toBe(`unix://${unixsocket}`);
    const client = new Redis({ path: unixsocket });
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    await server.close();
    expect(existsSync(unixsocket)).toBe(false);
  });

  test('keeps data in a folder that it is given', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rkv-data-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const first = await started({ dir, appendonly: true });
    await first.call('SET', 'key', 'kept');
    await first.close();
    const second = await started({ dir, appendonly: true });
    expect(await second.call('GET', 'key')).toBe('kept');
    await second.close();
    const third = await started({ dir, save: '3600 1' });
    expect(await third.call('GET', 'key')).toBeNull();
    await third.call('SET', 'key', 'saved');
    await third.close();
    const fourth = await started({ dir });
    expect(await fourth.call('GET', 'key')).toBe('saved');
  });

  test('is a cluster node when it is told so, with its bus port ten thousand above', async () => {
    const server = await started({ 'cluster-enabled': true });
    await bind(server.port + 10_000).then(
      () => expect.unreachable('nobody listens on the bus port'),
      (error: NodeJS.ErrnoException) => expect(error.code).toBe('EADDRINUSE'),
    );
    expect(await server.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)).toBe('OK');
    await expect.poll(() => server.call('CLUSTER', 'INFO'), { timeout: 10_000 }).toContain('cluster_state:ok');
    expect(await server.call('SET', 'key', 'value')).toBe('OK');
    expect(await server.call('CLUSTER', 'NODES')).toContain(`:${server.port}@${server.port + 10_000} myself,master`);
    await server.close();
    await bind(server.port + 10_000);
  });

  test('shares nothing with fifty others', async () => {
    const servers = await Promise.all(Array.from({ length: 50 }, () => startServer()));
    await Promise.all(servers.map((server, i) => server.call('SET', 'key', i)));
    const values = await Promise.all(servers.map((server) => server.call('GET', 'key')));
    expect(values).toEqual(servers.map((_, i) => String(i)));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(50);
    await Promise.all(servers.map((server) => server.close()));
  });
});

describe('a server that is closed', () => {
  test('leaves neither port nor timer nor listener nor folder, two hundred times', async () => {
    const before = await openHandles();
    const foldersBefore = temporaryFolders();
    for (let round = 0; round < 200; round++) {
      const server = await startServer();
      if (round % 20 === 0) await server.call('SET', 'key', 'value');
      await server.close();
      if (round % 20 === 0) await bind(server.port);
    }
    const { timers, ports } = await openHandles();
    expect(ports).toBe(before.ports);
    // The runner of the tests has timers of its own.
    expect(timers).toBeLessThan(before.timers + 5);
    expect(temporaryFolders()).toEqual(foldersBefore);
    for (const name of ['exit', 'SIGTERM', 'SIGINT', 'uncaughtException']) {
      expect(process.listenerCount(name), name).toBeLessThan(10);
    }
  });

  test('ends the connection of an idle client', async () => {
    const server = await startServer();
    const client = await connected(server.port);
    const ended = closedSocket(client);
    await server.close();
    await ended;
    await bind(server.port);
  });

  test('lets replies out that it has already made', async () => {
    const server = await startServer();
    const client = await connected(server.port);
    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
    });
    const ended = closedSocket(client);
    client.write('PING\r\n'.repeat(10_000));
    await expect.poll(() => received, { timeout: 10_000 }).toBeGreaterThan(0);
    await server.close();
    await ended;
    expect(received % '+PONG\r\n'.length).toBe(0);
  });

  test('does not wait for a client that does not read', async () => {
    const server = await startServer();
    await server.call('SET', 'big', 'x'.repeat(1_000_000));
    const client = await connected(server.port);
    client.pause();
    client.write('GET big\r\n'.repeat(30));
    await expect.poll(() => server.call('INFO', 'commandstats'), { timeout: 10_000 }).toContain('cmdstat_get:calls=30');
    const began_ms = performance.now();
    await server.close();
    expect(performance.now() - began_ms).toBeLessThan(5000);
    client.destroy();
    await bind(server.port);
  });

  test('may be closed again, and at the same time', async () => {
    const server = await startServer();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    expect(await server.ended).toBeNull();
  });

  test('refuses calls, also those that were under way', async () => {
    const server = await startServer();
    await server.call('CLIENT', 'PAUSE', 100_000);
    const waiting = server.call('GET', 'key');
    const refused = expect(waiting).rejects.toBeInstanceOf(ServerFailure);
    await nextTurn();
    await server.close();
    await refused;
    await expect(server.call('PING')).rejects.toBeInstanceOf(ServerFailure);
  });

  test('is disposed of by `await using`', async () => {
    let port = 0;
    {
      await using server = await startServer();
      port = server.port;
      expect(await server.call('PING')).toBe('PONG');
    }
    await bind(port);
  });

  test('may have been ended by SHUTDOWN', async () => {
    const server = await startServer();
    const client = await connected(server.port);
    const ended = closedSocket(client);
    client.write('SHUTDOWN NOSAVE\r\n');
    expect(await server.ended).toBeNull();
    await ended;
    await bind(server.port);
    await server.close();
  });
});
