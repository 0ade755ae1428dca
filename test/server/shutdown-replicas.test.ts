/* What a shutdown does about replicas that lag behind; the replica is a socket that says what the test wants it to. */

import fs from 'node:fs';
import { connect, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/server/embedded.ts';
import { injectFault, liftFault } from '../../src/server/persistence/disk-fault.ts';
import { infoOf, until } from '../support/embedded.ts';
import { RawClient } from '../support/resp.ts';

const REFUSED = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n';
const NONE = '-ERR No shutdown in progress.\r\n';

let dir: string;
let lines: string[];
let server: EmbeddedServer;
let clients: RawClient[];
let replica: Socket;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-lag-'));
  lines = [];
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  replica.destroy();
  liftFault(dir);
  await server.close().catch(() => {});
  fs.rmSync(dir, { recursive: true, force: true });
});

/** A server with a replica that has not acknowledged the last write. */
async function start(options: Parameters<typeof startServer>[0] = {}): Promise<void> {
  server = await startServer({ dir, log: (line) => lines.push(line), ...options });
  replica = connect(server.port, '127.0.0.1');
  replica.on('error', () => {});
  replica.write('REPLCONF listening-port 4321\r\n');
  await new Promise((resolve) => replica.once('data', resolve));
  replica.resume();
  replica.write('PSYNC ? -1\r\n');
  await until(async () => {
    // The stream begins behind the copy once the replica is heard of.
    replica.write('REPLCONF ACK 0\r\n');
    return (await infoOf(server, 'slave0'))[0]!.includes('state=online');
  });
  await server.call('SET', 'last', '1');
}

async function client(): Promise<RawClient> {
  const made = await RawClient.connect(server.port);
  clients.push(made);
  return made;
}

async function acknowledge(): Promise<void> {
  const [offset] = await infoOf(server, 'master_repl_offset');
  replica.write(`REPLCONF ACK ${offset}\r\n`);
}

const left_ms = async (): Promise<number> =>
  Number((await infoOf(server, 'shutdown_in_milliseconds'))[0] || Number.NaN);
const waits = (): Promise<void> => until(async () => !Number.isNaN(await left_ms()));

test('a SHUTDOWN holds back writes until the replica has acknowledged the last one, and nothing else', async () => {
  await start({ 'shutdown-timeout': 1000 });
  const [asks, writes, other] = [await client(), await client(), await client()];
  asks.send('SHUTDOWN\r\n');
  await waits();
  expect(await left_ms()).toBeGreaterThan(900_000);
  expect(await left_ms()).toBeLessThanOrEqual(1_000_000);
  expect(await server.call('CLIENT', 'LIST')).toMatch(/flags=b .*cmd=shutdown/);
  writes.send('SET late 1\r\n');
  // The pause is none of CLIENT UNPAUSE.
  expect(await other.call('CLIENT', 'UNPAUSE')).toBe('+OK\r\n');
  expect(await other.call('GET', 'last')).toBe('$1\r\n1\r\n');
  expect(await other.call('EXISTS', 'late')).toBe(':0\r\n');
  await acknowledge();
  expect(await asks.take(1)).toBe('<closed>');
  expect(await writes.take(1)).toBe('<closed>');
  expect(await server.ended).toBe(null);
  const log = lines.join('\n');
  expect(log).toMatch(/User requested shutdown\.\.\.\n.*Waiting for replicas before shutting down\./);
  expect(log).toContain('1 of 1 replicas are in sync when shutting down.');
});

test('when the time is up the server ends, and its log names the replica that lags', async () => {
  await start({ 'shutdown-timeout': 1 });
  const asks = await client();
  expect(await asks.call('SHUTDOWN')).toBe('<closed>');
  const log = lines.join('\n');
  expect(log).toContain('Waiting for replicas before shutting down.');
  expect(log).toMatch(/Lagging replica 127\.0\.0\.1:4321 reported offset \d+ behind master, lag=\d+, state=online\./);
  expect(log).toContain('0 of 1 replicas are in sync when shutting down.');
});

test('a replica that is gone is not waited for', async () => {
  await start({ 'shutdown-timeout': 1000 });
  const asks = await client();
  asks.send('SHUTDOWN\r\n');
  await waits();
  replica.destroy();
  expect(await asks.take(1)).toBe('<closed>');
});

test('SHUTDOWN NOW does not wait, nor does a shutdown-timeout of 0', async () => {
  await start({ 'shutdown-timeout': 1000 });
  expect(await (await client()).call('SHUTDOWN', 'NOW')).toBe('<closed>');
  await server.ended;
  replica.destroy();
  await start({ 'shutdown-timeout': 0 });
  expect(await (await client()).call('SHUTDOWN')).toBe('<closed>');
  expect(lines.join('\n')).not.toContain('Waiting for replicas');
});

test('SHUTDOWN ABORT tells all who asked, and the server is as it was', async () => {
  await start({ 'shutdown-timeout': 1000, save: '3600 1' });
  const [first, second, gone, writes, other] = await Promise.all([client(), client(), client(), client(), client()]);
  first.send('SHUTDOWN\r\nGET last\r\n');
  await waits();
  // While one is under way, NOW makes it no faster.
  second.send('SHUTDOWN NOSAVE NOW\r\n');
  gone.send('SHUTDOWN\r\n');
  writes.send('INCR last\r\n');
  const blocked = (count: string): Promise<void> =>
    until(async () => (await infoOf(server, 'blocked_clients'))[0] === count);
  await blocked('4');
  gone.close();
  await blocked('3');
  expect(await other.call('SHUTDOWN', 'ABORT')).toBe('+OK\r\n');
  expect(await first.take(2)).toMatch(/^-ERR Errors trying to SHUTDOWN\. Check logs\.\r\n\$1\r\n[12]\r\n$/);
  expect(await second.take(1)).toBe(REFUSED);
  expect(await writes.take(1)).toBe(':2\r\n');
  expect(await other.call('SHUTDOWN', 'ABORT')).toBe(NONE);
  expect(await left_ms()).toBeNaN();
  expect(lines.filter((line) => line.includes('Shutdown manually aborted.'))).toHaveLength(1);
  expect(lines.join('\n')).not.toContain('bye bye');
  // The next one waits anew.
  first.send('SHUTDOWN\r\n');
  await waits();
  await acknowledge();
  expect(await first.take(1)).toBe('<closed>');
});

test('a SHUTDOWN that is aborted and asked for again in one go is the second one', async () => {
  await start({ 'shutdown-timeout': 1000 });
  const [first, other] = [await client(), await client()];
  first.send('SHUTDOWN\r\n');
  await waits();
  other.send('SHUTDOWN ABORT\r\nSHUTDOWN ABORT\r\nSHUTDOWN NOW\r\n');
  expect(await other.take(3)).toBe(`+OK\r\n${NONE}<closed>`);
});

test('when the disk fails after the wait, writes go on', async () => {
  await start({ 'shutdown-timeout': 1000, save: '3600 1' });
  const asks = await client();
  injectFault(dir).room = 0;
  asks.send('SHUTDOWN\r\n');
  await waits();
  await acknowledge();
  expect(await asks.take(1)).toBe(REFUSED);
  expect(await left_ms()).toBeNaN();
  await server.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
  expect(await asks.call('INCR', 'last')).toBe(':2\r\n');
});

test('a program that closes its server waits for the replica, and no client may abort that', async () => {
  await start({ 'shutdown-timeout': 1000, save: '3600 1' });
  const other = await client();
  const closed = server.close();
  await until(() => lines.some((line) => line.includes('Waiting for replicas')));
  expect(await other.call('SHUTDOWN', 'ABORT')).toBe('+OK\r\n');
  await closed;
  expect(fs.existsSync(path.join(dir, 'dump.rdb'))).toBe(true);
});
