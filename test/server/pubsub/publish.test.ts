import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hasRedisServer } from '../../base/real-redis.ts';
import { AS_7_0 } from '../../support/as-7-0.ts';
import { caughtUp, follow, infoOf, started, until } from '../../support/embedded.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startRealServer } from '../../support/real-server.ts';
import { RawClient, requestBytes } from '../../support/resp.ts';

async function connected(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  onTestFinished(() => client.close());
  return client;
}

/** A client of RESP3 that is subscribed to a pattern, and still may do everything. */
async function talkative(port: number, pattern: string): Promise<RawClient> {
  const client = await connected(port);
  await client.call('HELLO', '3');
  await client.call('PSUBSCRIBE', pattern);
  return client;
}

const sent = (pattern: string, channel: string, payload: string): string =>
  `>4\r\n${['pmessage', pattern, channel, payload].map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;

describe('what a client publishes itself, it hears', () => {
  test('behind the reply, and before that of its next command', async () => {
    const { port } = await started();
    const client = await talkative(port, 'n*');
    client.send(
      ['one', 'two'].map((text) => requestBytes(['PUBLISH', 'news', text])).join('') + requestBytes(['PING']),
    );
    expect(await client.take(5)).toBe(`:1\r\n${sent('n*', 'news', 'one')}:1\r\n${sent('n*', 'news', 'two')}+PONG\r\n`);
  });

  test('behind the answer of EXEC, which no message interrupts', async () => {
    const { port } = await started({ 'notify-keyspace-events': 'El' });
    const client = await talkative(port, '__key*');
    const commands = [['MULTI'], ['LPUSH', 'l', 'x'], ['PUBLISH', '__key', 'y'], ['LLEN', 'l'], ['EXEC'], ['PING']];
    client.send(commands.map(requestBytes).join(''));
    await client.take(4);
    expect(await client.take(4)).toBe(
      `*3\r\n:1\r\n:1\r\n:1\r\n${sent('__key*', '__keyevent@0__:lpush', 'l')}${sent('__key*', '__key', 'y')}+PONG\r\n`,
    );
  });

  test('also when it has unsubscribed behind it, in the same transaction', async () => {
    const { port } = await started();
    const client = await connected(port);
    const commands = [['MULTI'], ['SUBSCRIBE', 'c'], ['PUBLISH', 'c', 'x'], ['UNSUBSCRIBE', 'c'], ['EXEC'], ['PING']];
    client.send(commands.map(requestBytes).join(''));
    await client.take(4);
    expect((await client.take(3)).split('\r\n').slice(-9)).toEqual([
      '*3',
      '$7',
      'message',
      '$1',
      'c',
      '$1',
      'x',
      '+PONG',
      '',
    ]);
  });
});

test('messages of one turn come in order, short and long ones among each other', async () => {
  const { port } = await started();
  const [subscriber, publisher] = [await connected(port), await connected(port)];
  await subscriber.call('SUBSCRIBE', 'c');
  const payloads = Array.from({ length: 300 }, (_, i) => (i % 50 === 7 ? `${i}`.padEnd(100_000, '.') : `${i}`));
  publisher.send(payloads.map((payload) => requestBytes(['PUBLISH', 'c', payload])).join(''));
  const heard = await subscriber.take(payloads.length);
  expect(heard.match(/(?<=\r\n)\d+(?=\.*\r\n(?:\*3|$))/g)).toEqual(
    payloads.map((payload) => String(Number.parseInt(payload, 10))),
  );
});

test('a key that dies while nobody does anything is told of at once', async () => {
  const { port } = await started({ 'notify-keyspace-events': 'Ex' });
  const [subscriber, writer] = [await connected(port), await connected(port)];
  await subscriber.call('SUBSCRIBE', '__keyevent@0__:expired');
  await writer.call('SET', 'k', 'v', 'PX', '20');
  expect(await subscriber.take(1)).toContain('$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n');
});

test('a subscriber that does not read is closed at the limit of its class, and those of other classes are not', async () => {
  const server = await started({ 'client-output-buffer-limit': 'pubsub 1mb 0 0' });
  const [subscriber, publisher] = [await connected(server.port), await connected(server.port)];
  await subscriber.call('SUBSCRIBE', 'c');
  subscriber.stall();
  const payload = 'x'.repeat(200_000);
  await until(async () => (await publisher.call('PUBLISH', 'c', payload)) === ':0\r\n');
  expect(await infoOf(server, 'client_output_buffer_limit_disconnections', 'pubsub_channels')).toEqual(['1', '0']);
  await publisher.call('SET', 'k', 'y'.repeat(1_500_000));
  expect(await publisher.call('GET', 'k')).toHaveLength(1_500_012);
});

test('replicas are told of a publication, and the log is not', async () => {
  const dir = temporaryFolder();
  const primary = await started({ dir, appendonly: true });
  const replica = await started();
  await follow(replica, primary.port);
  const subscriber = await connected(replica.port);
  await subscriber.call('SUBSCRIBE', 'c');
  const client = await connected(primary.port);
  await client.call('SET', 'before', '1');
  await client.call('PUBLISH', 'c', 'alone');
  await client.call('MULTI');
  await client.call('PUBLISH', 'c', 'in a transaction');
  await client.call('SET', 'k', 'v');
  await client.call('EXEC');
  expect(await subscriber.take(2)).toMatch(/alone[\s\S]*in a transaction/);
  await caughtUp(primary, replica);
  const folder = path.join(dir, 'appendonlydir');
  const log = readdirSync(folder).find((name) => name.endsWith('.incr.aof'));
  const written = readFileSync(path.join(folder, log!), 'latin1');
  expect(written).toContain('before');
  expect(written).not.toContain('PUBLISH');
  expect(await replica.call('PUBLISH', 'c', 'of the replica')).toBe(1);
});

test.skipIf(!hasRedisServer)(
  'what a redis-server publishes is heard on a replica, and the other way round',
  async () => {
    const real = await startRealServer(['--repl-diskless-sync-delay', '0']);
    onTestFinished(() => real.stop());
    const ours = await started(AS_7_0);
    const [publisher, subscriber] = [await connected(real.port), await connected(ours.port)];
    await subscriber.call('SUBSCRIBE', 'c');
    await follow(ours, real.port);
    await publisher.call('PUBLISH', 'c', 'from redis');
    expect(await subscriber.take(1)).toContain('from redis');
    await ours.call('REPLICAOF', 'NO', 'ONE');
    await publisher.call('REPLICAOF', '127.0.0.1', String(ours.port));
    const listener = await connected(real.port);
    await listener.call('SUBSCRIBE', 'c');
    await until(async () => (await publisher.call('INFO', 'replication')).includes('master_link_status:up'));
    await ours.call('PUBLISH', 'c', 'from us');
    expect(await listener.take(1)).toContain('from us');
  },
);
