/* Clients that wait, and what that costs; commands that are refused, and what that leaves. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { Logger } from '../../src/base/log.ts';
import { defaultConfig } from '../../src/config/directives.ts';
import { compose, type Running } from '../../src/server/compose.ts';
import { temporaryFolder } from '../support/folder.ts';
import { RawClient, requestBytes } from '../support/resp.ts';

const clients: RawClient[] = [];
let running: Running | null = null;
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await running?.server.shutdown({ save: 'never', why: 'the test is over' });
  running = null;
});

/** A server, and how many timers of one shot it has asked for. */
async function countingServer(): Promise<{ port: number; dir: string; timers: () => number }> {
  let timers = 0;
  const system = systemClock();
  const clock: Clock = {
    ...system,
    setTimeout(task, delay_ms) {
      timers++;
      return system.setTimeout(task, delay_ms);
    },
  };
  const log = new Logger({ level: 'warning', sink() {}, now_ms: () => clock.now_ms(), role: () => 'M', pid: 1 });
  const dir = temporaryFolder();
  running = await compose({
    config: { ...defaultConfig(), 'enable-debug-command': 'yes', dir, bind: ['127.0.0.1'], port: 0, save: [] },
    log,
    configFile: null,
    clock,
    chunkBytes: 64 * 1024,
    anyPort: true,
    unref: true,
    ended() {},
    fatal(reason) {
      throw new Error(reason);
    },
  });
  return { port: running.server.port, dir, timers: () => timers };
}

async function newClients(port: number, count: number): Promise<RawClient[]> {
  const made = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  clients.push(...made);
  // Now the server knows all of them.
  for (const client of made) await client.call('PING');
  return made;
}

const UNBLOCKED = '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n';

test('the first command of a server may be one that it does not know', async () => {
  const { port } = await countingServer();
  const client = await RawClient.connect(port);
  clients.push(client);
  expect(await client.call('NOSUCHCOMMAND')).toMatch(/^-ERR unknown command 'NOSUCHCOMMAND'/);
  expect(await client.call('EXEC', 'x')).toMatch(/^-EXECABORT /);
});

test('DEBUG RELOAD of a file that is cut or damaged is refused, and leaves the data', async () => {
  const { port, dir } = await countingServer();
  const [client] = await newClients(port, 1);
  expect(await client!.call('SET', 'k', 'a value that is long enough to be damaged')).toBe('+OK\r\n');
  expect(await client!.call('SAVE')).toBe('+OK\r\n');
  const file = path.join(dir, 'dump.rdb');
  const whole = readFileSync(file);
  const damaged = Buffer.from(whole);
  damaged[whole.indexOf('enough')]! ^= 1;
  for (const bytes of [whole.subarray(0, -20), damaged]) {
    writeFileSync(file, bytes);
    for (const how of [[], ['NOFLUSH']]) {
      expect(await client!.call('DEBUG', 'RELOAD', 'NOSAVE', ...how)).toMatch(
        /^-ERR Error trying to load the RDB dump/,
      );
      expect(await client!.call('GET', 'k')).toContain('long enough');
    }
  }
  writeFileSync(file, whole);
  expect(await client!.call('DEBUG', 'RELOAD', 'NOSAVE')).toBe('+OK\r\n');
  expect(await client!.call('GET', 'k')).toContain('long enough');
});

test('all who wait are told that the server became a replica, whatever they sent behind, and MIGRATE is one of them', async () => {
  const { port } = await countingServer();
  const silent = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const silentPort = String(address !== null && typeof address === 'object' ? address.port : 0);
  const [other, migrating, ...waiting] = await newClients(port, 60);
  expect(await other!.call('SET', 'k', 'v')).toBe('+OK\r\n');
  const behind = requestBytes(['REPLICAOF', 'NO', 'ONE']) + requestBytes(['SET', 'k', 'w']) + requestBytes(['QUIT']);
  migrating!.send(requestBytes(['MIGRATE', '127.0.0.1', silentPort, 'k', '0', '60000']) + behind);
  for (const client of waiting) client.send(requestBytes(['WAIT', '1', '0']) + behind);
  await other!.call('PING');
  expect(await other!.call('REPLICAOF', '127.0.0.1', '1')).toBe('+OK\r\n');
  for (const client of [migrating!, ...waiting]) expect(await client.takeUntilClosed()).toBe(`${UNBLOCKED}<closed>`);
  expect(await other!.call('GET', 'k')).toBe('$1\r\nv\r\n');
  expect(await other!.call('INFO', 'replication')).toContain('role:slave');
  silent.close();
});

const PAUSE_MS = 300;

test('clients that a pause holds back wait for one event, all together', async () => {
  const { port, timers } = await countingServer();
  const held = await newClients(port, 100);
  expect(await held[0]!.call('CLIENT', 'PAUSE', String(PAUSE_MS), 'WRITE')).toBe('+OK\r\n');
  for (const client of held) client.send(requestBytes(['INCR', 'n']));
  const [other] = await newClients(port, 1);
  expect(await other!.call('GET', 'n')).toBe('$-1\r\n');
  const before = timers();
  const numbers = await Promise.all(held.map((client) => client.take(1)));
  expect(timers() - before).toBeLessThan(5);
  expect(new Set(numbers).size).toBe(held.length);
});

test('the same deadline sets no timer anew, however many turns end before it', async () => {
  const { port, timers } = await countingServer();
  const [waiter, other] = await newClients(port, 2);
  waiter!.send(requestBytes(['WAIT', '1', '60000']));
  await other!.call('PING');
  const before = timers();
  for (let i = 0; i < 100; i++) expect(await other!.call('PING')).toBe('+PONG\r\n');
  expect(timers()).toBe(before);
});
