/*
 * What ends a server and what does not, asked of both: signals once and twice, what the configuration makes of them, and
 * the one state in which a server with an append-only file has none yet.
 */

import { existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RawClient } from '../support/resp.ts';
import { hasRedisServer, type Started, startNode, until } from './processes.ts';

const ENGINES = hasRedisServer ? (['rkv', 'redis'] as const) : (['rkv'] as const);
type Engine = (typeof ENGINES)[number];
const REFUSED = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n';
/** Longer than any test lasts. */
const HOURS_S = '10000';
const HOURS_US = '2000000000';

let port = 21_950;

async function started(engine: Engine, ...args: string[]): Promise<{ node: Started; client: RawClient }> {
  port++;
  const node = startNode(engine, { port, args });
  return { node, client: await clientOf(node) };
}

async function clientOf(node: Started): Promise<RawClient> {
  let client: RawClient | null = null;
  await until(`${node.port} accepts`, async () => {
    client = await RawClient.connect(node.port);
    return true;
  });
  onTestFinished(() => client!.close());
  return client!;
}

const says = (node: Started, words: string, times = 1): Promise<void> =>
  until(`'${words}' stands ${times} times in\n${node.output()}`, async () => node.output().split(words).length > times);

/** A replica that has not acknowledged the last write, and never will. */
async function laggingReplica(node: Started, client: RawClient): Promise<void> {
  const replica: Socket = connect(node.port, '127.0.0.1');
  onTestFinished(() => void replica.destroy());
  replica.on('error', () => {});
  replica.write('REPLCONF listening-port 4321\r\n');
  await new Promise((resolve) => replica.once('data', resolve));
  replica.resume();
  replica.write('PSYNC ? -1\r\n');
  await until('the replica is online', async () => {
    replica.write('REPLCONF ACK 0\r\n');
    return (await client.call('INFO', 'replication')).includes('state=online');
  });
  expect(await client.call('SET', 'last', '1')).toBe('+OK\r\n');
}

describe.each(ENGINES)('%s', (engine: Engine) => {
  test('SHUTDOWN and SIGTERM are refused while the first AOF is being written; FORCE ends the server', async () => {
    const { node, client } = await started(engine);
    for (const key of ['a', 'b', 'c']) await client.call('SET', key, 'v');
    await client.call('CONFIG', 'SET', 'rdb-key-save-delay', HOURS_US);
    expect(await client.call('CONFIG', 'SET', 'appendonly', 'yes')).toBe('+OK\r\n');
    await until('the AOF is being written', async () =>
      (await client.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:1'),
    );
    for (const words of [[], ['NOSAVE'], ['NOW']]) expect(await client.call('SHUTDOWN', ...words)).toBe(REFUSED);
    await says(node, "Writing initial AOF, can't exit.", 3);
    node.child.kill('SIGTERM');
    await says(node, "Writing initial AOF, can't exit.", 4);
    await says(node, 'Errors trying to shut down the server. Check the logs for more information.', 4);
    // Nothing has changed: the AOF goes on, and so does the server.
    expect(await client.call('SET', 'd', 'v')).toBe('+OK\r\n');
    expect(await client.call('INFO', 'persistence')).toContain('aof_rewrite_in_progress:1');
    expect(await client.call('CONFIG', 'SET', 'shutdown-on-sigterm', 'force')).toBe('+OK\r\n');
    node.child.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    expect(node.output()).toContain('Writing initial AOF. Exit anyway.');
  });

  test('a SIGINT while it loads ends the server without a save', async () => {
    const { node, client } = await started(engine, '--save', '3600 1', '--rdbcompression', 'no');
    for (const key of ['a', 'b', 'c', 'd']) await client.call('SET', key, 'v'.repeat(2000));
    expect(await client.call('SHUTDOWN')).toBe('<closed>');
    await node.ended;
    const saved = statSync(join(node.dir, 'dump.rdb')).mtimeMs;
    const args = ['--key-load-delay', '500000', '--loading-process-events-interval-bytes', '1024', '--save', '3600 1'];
    const again = startNode(engine, { port: node.port, dir: node.dir, args });
    // Not before: until then a signal is one of a server that serves.
    await says(again, 'Loading RDB produced by version');
    again.child.kill('SIGINT');
    expect(await again.ended).toBe(0);
    expect(again.output()).toContain('Received shutdown signal during loading, scheduling shutdown.');
    expect(statSync(join(node.dir, 'dump.rdb')).mtimeMs).toBe(saved);
  });

  test('a rewrite of an AOF that is complete keeps nobody from ending', async () => {
    const { node, client } = await started(engine, '--appendonly', 'yes');
    await client.call('SET', 'a', 'v');
    await client.call('CONFIG', 'SET', 'rdb-key-save-delay', HOURS_US);
    await client.call('BGREWRITEAOF');
    await until('the AOF is being rewritten', async () =>
      (await client.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:1'),
    );
    expect(await client.call('SHUTDOWN')).toBe('<closed>');
    expect(await node.ended).toBe(0);
  });

  test('a second SIGTERM hurries nothing, and a second SIGINT ends the server at once with 1', async () => {
    const { node, client } = await started(engine, '--shutdown-timeout', HOURS_S, '--save', '3600 1');
    await laggingReplica(node, client);
    node.child.kill('SIGTERM');
    await says(node, 'Waiting for replicas before shutting down.');
    node.child.kill('SIGTERM');
    await says(node, 'Received SIGTERM scheduling shutdown...', 2);
    expect(await client.call('GET', 'last')).toBe('$1\r\n1\r\n');
    expect(node.output()).not.toContain('You insist');
    node.child.kill('SIGINT');
    expect(await node.ended).toBe(1);
    expect(node.output()).toContain('You insist... exiting now.');
    expect(node.output()).not.toContain('Saving the final RDB');
  });

  test('a second SIGTERM during the last save does not disturb it', async () => {
    const { node, client } = await started(engine, '--save', '3600 1');
    for (const key of ['a', 'b', 'c', 'd']) await client.call('SET', key, 'v');
    await client.call('CONFIG', 'SET', 'rdb-key-save-delay', '200000');
    node.child.kill('SIGTERM');
    await says(node, 'Saving the final RDB snapshot before exiting.');
    node.child.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    expect(node.output()).toContain('DB saved on disk');
    expect(existsSync(join(node.dir, 'dump.rdb'))).toBe(true);
  });

  test('after SHUTDOWN ABORT a SIGINT is the first again', async () => {
    const { node, client } = await started(engine, '--shutdown-timeout', HOURS_S);
    await laggingReplica(node, client);
    for (const round of [1, 2]) {
      node.child.kill('SIGINT');
      await says(node, 'Waiting for replicas before shutting down.', round);
      expect(await client.call('SHUTDOWN', 'ABORT')).toBe('+OK\r\n');
    }
    expect(await client.call('PING')).toBe('+PONG\r\n');
    // While a client's SHUTDOWN waits, the first one is only noted.
    const other = await clientOf(node);
    other.send('SHUTDOWN\r\n');
    await says(node, 'Waiting for replicas before shutting down.', 3);
    node.child.kill('SIGINT');
    await says(node, 'Received SIGINT scheduling shutdown...', 3);
    expect(await client.call('PING')).toBe('+PONG\r\n');
    node.child.kill('SIGINT');
    expect(await node.ended).toBe(1);
  });

  test('shutdown-on-sigterm and shutdown-on-sigint say how a signal ends the server', async () => {
    const { node, client } = await started(
      engine,
      ...['--shutdown-timeout', HOURS_S, '--save', '3600 1'],
      ...['--shutdown-on-sigterm', 'nosave now', '--shutdown-on-sigint', 'default'],
    );
    await laggingReplica(node, client);
    node.child.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    expect(node.output()).not.toContain('Waiting for replicas');
    expect(node.output()).not.toContain('Saving the final RDB');

    const other = await started(engine);
    await other.client.call('SET', 'a', 'v');
    expect(await other.client.call('CONFIG', 'SET', 'shutdown-on-sigint', 'save')).toBe('+OK\r\n');
    other.node.child.kill('SIGINT');
    expect(await other.node.ended).toBe(0);
    expect(existsSync(join(other.node.dir, 'dump.rdb'))).toBe(true);
  });
});
