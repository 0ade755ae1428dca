import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CommandFailure, type EmbeddedServer, startServer } from '../../src/index.ts';
import { until } from '../integration/processes.ts';

/* CONFIG SET knows whether what it was told can be done when it answers; and if it cannot, nothing has changed. */

let dir: string;
let server: EmbeddedServer;
let taken: NetServer;
let takenPort: number;

beforeAll(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'rkv-set-')));
  mkdirSync(join(dir, 'data/deeper'), { recursive: true });
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = (taken.address() as { port: number }).port;
});

afterAll(() => {
  taken.close();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(async () => {
  server = await startServer({ dir: join(dir, 'data'), 'enable-protected-configs': 'yes' });
});

afterEach(() => server.close());

async function get(name: string): Promise<string | undefined> {
  return ((await server.call('CONFIG', 'GET', name)) as Map<string, string>).get(name);
}

async function refusal(...pairs: string[]): Promise<string> {
  const answer = await server.call('CONFIG', 'SET', ...pairs).catch((error) => error);
  expect(answer, pairs.join(' ')).toBeInstanceOf(CommandFailure);
  return (answer as CommandFailure).message;
}

function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await new Promise<void>((resolve) => other.close(() => resolve()));
  return port;
}

describe('ports', () => {
  test('CONFIG SET port opens the new port before it answers, and the old one is closed', async () => {
    const port = await freePort();
    expect(await server.call('CONFIG', 'SET', 'port', port)).toBe('OK');
    expect(await accepts(port)).toBe(true);
    expect(await accepts(server.port)).toBe(false);
  });

  test.each([
    ['a port that another process has', () => ['port', `${takenPort}`], /Unable to listen.*Address already in use/],
    ['an address that is not ours', () => ['bind', '192.0.2.1'], /Failed to bind.*Cannot assign requested address/],
    [
      'a name that nobody has',
      () => ['bind', 'no.such.invalid'],
      /Failed to bind.*no\.such\.invalid: Name or service not known|Temporary failure/,
    ],
    ['a good one beside a bad one', () => ['bind', '127.0.0.1 192.0.2.1'], /Failed to bind/],
    ['TLS without a certificate', () => ['tls-port', '23300'], /Unable to update TLS configuration/],
    ['a certificate that is not there', () => ['tls-cluster', 'yes', 'tls-cert-file', '/no/such'], /tls-cert-file/],
    ['many, of which one cannot be', () => ['maxmemory', '77mb', 'port', `${takenPort}`], /Unable to listen/],
  ])('%s is refused, and nothing has changed', async (_what, pairs, reason) => {
    const names = pairs().filter((_, i) => i % 2 === 0);
    const before = await Promise.all(names.map(get));
    expect(await refusal(...pairs())).toMatch(reason);
    expect(await Promise.all(names.map(get))).toEqual(before);
    expect(await accepts(server.port)).toBe(true);
  });

  test('CONFIG SET bind moves to other addresses of the same port', async () => {
    expect(await server.call('CONFIG', 'SET', 'bind', '0.0.0.0')).toBe('OK');
    expect(await accepts(server.port)).toBe(true);
    expect(await server.call('CONFIG', 'SET', 'bind', '127.0.0.2')).toBe('OK');
    expect(await accepts(server.port)).toBe(false);
    expect(await accepts(server.port, '127.0.0.2')).toBe(true);
    expect(await refusal('bind', '0.0.0.0 192.0.2.1')).toMatch(/Failed to bind/);
    expect(await accepts(server.port, '127.0.0.2')).toBe(true);
  });

  test('a name among the addresses is looked up', async () => {
    expect(await server.call('CONFIG', 'SET', 'bind', 'localhost')).toBe('OK');
    expect(await get('bind')).toBe('localhost');
    expect(await accepts(server.port, 'localhost')).toBe(true);
    expect(await accepts(server.port, '127.0.0.2')).toBe(false);
  });

  test('changes that are tried wait for each other', async () => {
    const ports = [await freePort(), takenPort, await freePort()];
    const answers = await Promise.allSettled(ports.map((port) => server.call('CONFIG', 'SET', 'port', port)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await get('port')).toBe(`${ports[2]}`);
    expect([await accepts(ports[0]!), await accepts(ports[2]!)]).toEqual([false, true]);
  });

  test('in a transaction they are refused', async () => {
    await server.call('MULTI');
    await server.call('CONFIG', 'SET', 'port', takenPort);
    const [answer] = (await server.call('EXEC')) as [CommandFailure];
    expect(answer.message).toMatch(/a transaction or a script cannot/);
  });
});

describe('dir', () => {
  test.each([
    ['/no/such/folder', 'No such file or directory'],
    ['/dev/null', 'Not a directory'],
  ])('%s is refused: %s', async (folder, reason) => {
    expect(await refusal('dir', folder)).toBe(`ERR CONFIG SET failed (possibly related to argument 'dir') - ${reason}`);
    expect(await get('dir')).toBe(join(dir, 'data'));
  });

  test('a relative one counts from the one before, and is kept absolute', async () => {
    await server.call('CONFIG', 'SET', 'dir', 'deeper');
    expect(await get('dir')).toBe(join(dir, 'data/deeper'));
    await server.call('CONFIG', 'SET', 'dir', '..');
    expect(await get('dir')).toBe(join(dir, 'data'));
  });
});

test('hz counts from now on', async () => {
  // With once a second, as it begins, the first look at dead keys comes after a second.
  const removedBefore = async (): Promise<boolean> => {
    const begun = performance.now();
    await using slow = await startServer({ hz: 1 });
    await slow.call('SET', 'key', 'v', 'PX', 1);
    await slow.call('CONFIG', 'SET', 'hz', '500');
    await until('the dead key is gone', async () => (await slow.call('DBSIZE')) === 0);
    return performance.now() - begun < 1000;
  };
  // A busy machine may take a second for anything.
  await until('it is gone before that', removedBefore);
});

test('maxclients beyond what the system allows is refused, with what would do', async () => {
  expect(await refusal('maxclients', '4000000000')).toMatch(
    /- The operating system is not able to handle the specified number of clients, try with \d+$/,
  );
  expect(await get('maxclients')).toBe('10000');
});

test('what is accepted but has no effect is said in the log when it is set, once, and not of what has one', async () => {
  const lines: string[] = [];
  await using told = await startServer({ log: (line) => lines.push(line) });
  const said = (): string[] => lines.filter((line) => line.includes('has no effect'));
  await told.call('CONFIG', 'SET', 'hz', '20', 'acllog-max-len', '5', 'timeout', '0');
  await told.call('CONFIG', 'SET', 'acllog-max-len', '5');
  expect(said()).toEqual([expect.stringContaining("'acllog-max-len' is accepted but has no effect: refusals are not")]);
  await told.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
  expect(said()[1]).toContain("'maxmemory-policy' is accepted but has no effect: nothing is evicted yet");
  // Back at the default there is nothing to tell.
  await told.call('CONFIG', 'SET', 'acllog-max-len', '128', 'maxmemory-policy', 'noeviction');
  expect(said()).toHaveLength(2);
});

test('a value ends at a zero byte, as a text of C; a password and a number do not', async () => {
  await server.call('CONFIG', 'SET', 'dbfilename', 'here.rdb\0there', 'dir', `${dir}\0nowhere`, 'save', '60 1\0');
  expect([await get('dbfilename'), await get('dir'), await get('save')]).toEqual(['here.rdb', dir, '60 1']);
  expect(await server.call('SAVE')).toBe('OK');
  expect(existsSync(join(dir, 'here.rdb'))).toBe(true);
  await server.call('CONFIG', 'SET', 'masterauth', 'a\0b');
  expect(await get('masterauth')).toBe('a\0b');
  expect(await refusal('timeout', '1\0')).toMatch(/couldn't be parsed into an integer/);
});
