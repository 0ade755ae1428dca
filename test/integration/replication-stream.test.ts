import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestOf } from '../../src/server/protocol/request.ts';
import { canRun, caughtUp, contents, type Node, Servers, until } from './replication-servers.ts';

/*
 * What replicas are told: the same commands are sent to our server and to redis-server, a recording client takes the
 * stream of each, and the two are compared byte by byte, but for points in time.
 */

const servers = new Servers(21_180);
let ours: Node;
let real: Node;
beforeAll(async () => {
  if (!canRun('redis')) return;
  ours = await servers.start('rkv');
  real = await servers.start('redis');
});
afterAll(() => servers.stopAll());

const CONVERSATIONS: Record<string, readonly string[]> = {
  'writes as they came, behind a SELECT of their database': ['set a 1', 'SELECT 3', 'SeT a 2', 'SELECT 0', 'INCR a'],
  'nothing of reads and of writes that changed nothing': ['GET a', 'DEL missing', 'SADD s 1', 'SADD s 1', 'SREM s 9'],
  'absolute points in time': [
    'SET a 1 EX 100',
    'SETEX b 100 v',
    'PSETEX c 100000 v',
    'EXPIRE a 50',
    'PEXPIRE a 50000',
    'PEXPIREAT a 4102444800000',
    'EXPIREAT a 4102444800',
    'GETEX a EX 100',
    'GETEX a PERSIST',
    'SET a 2 KEEPTTL',
  ],
  'a deletion where a deadline lies in the past': ['SET a 1', 'PEXPIRE a -1', 'SET b 1', 'EXPIREAT b 1'],
  'what was stored, not what was computed': [
    'SET a 1.5',
    'INCRBYFLOAT a 0.1',
    'GETSET a 3',
    'SET a 4 GET',
    'GETDEL a',
    'SETNX a 1',
    'SETNX a 2',
    'APPEND a x',
    'SETRANGE a 3 y',
  ],
  'a transaction with several effects as one': ['MULTI', 'SET a 1', 'INCR a', 'GET a', 'EXEC'],
  'a transaction with one effect as that': ['MULTI', 'GET a', 'SET a 1', 'EXEC', 'MULTI', 'GET a', 'EXEC'],
  'a transaction over several databases': ['MULTI', 'SELECT 4', 'SET a 1', 'SELECT 5', 'SET a 1', 'EXEC', 'SELECT 0'],
  'lists and sets': ['RPUSH l 1 2 3', 'LPOP l', 'RPOP l 2', 'LPUSHX l 1', 'SADD t 1 2', 'SREM t 1 2', 'DEL l t'],
  hashes: [
    'HSET h a 1 b 2',
    'hmset h c 3',
    'HSETNX h a 2',
    'HSETNX h d 2',
    'HINCRBY h a 5',
    'HINCRBYFLOAT h a 0.1',
    'hincrbyfloat h f 3.0e3',
    'HDEL h none',
    'HDEL h a none b',
    'HDEL h c d f',
  ],
  'keys that move': ['MSET a 1 b 2', 'RENAME a c', 'COPY c d', 'MOVE d 6', 'UNLINK b c', 'FLUSHALL'],
};

describe.skipIf(!canRun('redis'))('a replica is told', () => {
  for (const [title, commands] of Object.entries(CONVERSATIONS)) {
    test(title, async () => {
      const told = await record(ours, commands);
      expect(told).toEqual(await record(real, commands));
    });
  }
});

/** The commands of the stream, a line each, with points in time as T. */
async function record(node: Node, commands: readonly string[]): Promise<string[]> {
  const socket = connect(node.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  try {
    socket.write(requestOf(['PSYNC', '?', '-1']).buf);
    const stream = (): string | null => {
      const head = /^\n*\+FULLRESYNC \w+ \d+\r\n\n*\$(\d+)\r\n/.exec(received);
      if (head === null) return null;
      const end = head[0].length + Number(head[1]);
      return received.length < end ? null : received.slice(end);
    };
    await until(async () => stream() !== null);
    for (const command of commands) await node.call(...(command.split(' ') as [string, ...string[]]));
    await node.call('SET', 'the-end', '1');
    await until(async () => stream()?.includes('the-end') ?? false);
    return linesOf(stream() as string);
  } finally {
    socket.destroy();
  }
}

function linesOf(stream: string): string[] {
  return stream
    .replaceAll('*1\r\n$4\r\nping\r\n', '')
    .split(/\*\d+\r\n/)
    .filter((command) => command !== '')
    .map((command) =>
      command
        .replaceAll(/\b1\d{12}\b/g, 'T')
        .replaceAll('\r\n', ' ')
        .trimEnd(),
    );
}

describe.each(['rkv', 'redis'] as const)('a snapshot that is being made by %s', (kind) => {
  test.skipIf(!canRun(kind))('serves a replica that comes meanwhile as well', async () => {
    const args = ['--repl-diskless-sync', 'no', '--rdb-key-save-delay', '5000', '--enable-debug-command', 'yes'];
    const primary = await servers.start(kind, ...args);
    await primary.call('DEBUG', 'POPULATE', 200);
    const begun = () => primary.log().split('Starting BGSAVE for SYNC').length - 1;
    const [first, second] = [await servers.start('rkv'), await servers.start('rkv')];
    await first.call('REPLICAOF', '127.0.0.1', primary.port);
    await until(async () => begun() === 1);
    await primary.call('SELECT', 3);
    await primary.call('INCR', 'between');
    await second.call('REPLICAOF', '127.0.0.1', primary.port);
    await until(async () => (await primary.info('connected_slaves')) === '2');
    await primary.call('INCR', 'between');
    expect(await primary.info('rdb_bgsave_in_progress')).toBe('1');
    for (const replica of [first, second]) {
      await caughtUp(primary, replica);
      expect(await contents(replica, 3)).toEqual(await contents(primary, 3));
      expect(await replica.call('DBSIZE')).toBe(200);
    }
    expect([begun(), await primary.info('sync_full')]).toEqual([1, '2']);
  });
});
