import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/server/embedded.ts';
import { type Fault, injectFault, liftFault } from '../../src/server/persistence/disk-fault.ts';
import { RawClient } from '../support/resp.ts';

let dir: string;
let fault: Fault;
let lines: string[];
let server: EmbeddedServer;
let client: RawClient;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-end-'));
  lines = [];
});
afterEach(async () => {
  client.close();
  liftFault(dir);
  await server.close().catch(() => {});
  fs.rmSync(dir, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startServer>[0]): Promise<void> {
  server = await startServer({ dir, log: (line) => lines.push(line), ...options });
  client = await RawClient.connect(server.port);
  fault = injectFault(dir);
}

const REFUSED = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n';

test('a SHUTDOWN whose save fails leaves the server as it was: port, log, timers, and what the client sends behind', async () => {
  await start({ appendonly: true, appendfsync: 'everysec', hz: 100, 'enable-debug-command': 'yes' });
  await client.call('SET', 'before', '1');
  fault.syncFails = true;
  client.send('SHUTDOWN SAVE\r\nGET before\r\n');
  expect(await client.take(2)).toBe(`${REFUSED}$1\r\n1\r\n`);
  expect(lines.join('\n')).toContain("can't exit: fdatasync");
  fault.syncFails = false;
  // Somebody new comes in, writes, and a key dies by the cron alone.
  const other = await RawClient.connect(server.port);
  // The log's own fsync may have failed meanwhile; the next one comes within a second.
  await expect.poll(() => other.call('SET', 'after', '2'), { timeout: 10_000 }).toBe('+OK\r\n');
  await other.call('SET', 'dead', '3', 'PX', '1');
  await expect.poll(() => other.call('DBSIZE'), { timeout: 10_000 }).toBe(':2\r\n');
  other.close();
  await server.close();
  server = await startServer({ dir, appendonly: true });
  expect([await server.call('GET', 'before'), await server.call('GET', 'after'), await server.call('DBSIZE')]).toEqual([
    '1',
    '2',
    2,
  ]);
});

test('an RDB that cannot be saved keeps the server up; FORCE ends it, and so does NOSAVE', async () => {
  await start({ save: '3600 1' });
  await client.call('SET', 'a', '1');
  fault.room = 0;
  expect(await client.call('SHUTDOWN')).toBe(REFUSED);
  expect(await client.call('SHUTDOWN', 'SAVE', 'NOW')).toBe(REFUSED);
  expect(await client.call('GET', 'a')).toBe('$1\r\n1\r\n');
  expect(await client.call('SHUTDOWN', 'SAVE', 'FORCE')).toBe('<closed>');
  expect(await server.ended).toBe(null);
  expect(lines.join('\n')).toMatch(/Error trying to save the DB, but exiting anyway: .*No space left on device/);
  liftFault(dir);
  await start({ save: '3600 1' });
  fault.room = 0;
  expect(await client.call('SHUTDOWN', 'NOSAVE')).toBe('<closed>');
  expect(await server.ended).toBe(null);
});

test('writes that wait for room in the log keep the server up, also with NOSAVE', async () => {
  await start({ appendonly: true });
  fault.room = 0;
  expect(await client.call('SET', 'waits', '1')).toBe('+OK\r\n');
  expect(await client.call('SET', 'refused', '1')).toMatch(
    /^-MISCONF Errors writing to the AOF file: No space left on device/,
  );
  expect(await client.call('SHUTDOWN', 'NOSAVE')).toBe(REFUSED);
  fault.room = Number.POSITIVE_INFINITY;
  await expect.poll(() => client.call('SET', 'accepted', '1'), { timeout: 10_000 }).toBe('+OK\r\n');
  expect(await client.call('SHUTDOWN', 'NOSAVE')).toBe('<closed>');
  await server.ended;
  server = await startServer({ dir, appendonly: true });
  expect(await server.call('MGET', 'waits', 'refused', 'accepted')).toEqual(['1', null, '1']);
});

test('an AOF that is to be written first behind a save that is under way keeps the server up', async () => {
  await start({ save: '3600 1' });
  await client.call('SET', 'a', '1');
  await client.call('CONFIG', 'SET', 'rdb-key-save-delay', '2000000000');
  await client.call('BGSAVE');
  expect(await client.call('CONFIG', 'SET', 'appendonly', 'yes')).toBe('+OK\r\n');
  expect(await client.call('SHUTDOWN', 'NOSAVE')).toBe(REFUSED);
  // A program that closes it is told, and the server ends.
  await expect(server.close()).rejects.toThrow('The append only file is being written for the first time');
  expect(await server.ended).toBe(null);
});

test('no command that arrives behind the save is answered', async () => {
  await start({ save: '3600 1' });
  const writer = await RawClient.connect(server.port);
  let acknowledged = 0;
  const writing = (async () => {
    for (;;) {
      const reply = await writer.call('INCR', 'n');
      if (!reply.startsWith(':')) return;
      acknowledged = Number(reply.slice(1));
    }
  })();
  await expect.poll(() => acknowledged, { timeout: 10_000 }).toBeGreaterThan(50);
  expect(await client.call('SHUTDOWN')).toBe('<closed>');
  await writing;
  await server.ended;
  writer.close();
  server = await startServer({ dir });
  expect(await server.call('GET', 'n')).toBe(String(acknowledged));
});

test('options of SHUTDOWN that exclude each other are refused', async () => {
  await start({});
  for (const words of [['NOSAVE', 'SAVE'], ['ABORT', 'NOW'], ['ABORT', 'SAVE'], ['SOON']]) {
    expect(await client.call('SHUTDOWN', ...words)).toBe('-ERR syntax error\r\n');
  }
  expect(await client.call('SHUTDOWN', 'ABORT')).toBe('-ERR No shutdown in progress.\r\n');
});
