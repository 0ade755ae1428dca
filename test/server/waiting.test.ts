/* What it costs a server that clients wait. */

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
async function countingServer(): Promise<{ port: number; timers: () => number }> {
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
  running = await compose({
    config: { ...defaultConfig(), dir: temporaryFolder(), bind: ['127.0.0.1'], port: 0, save: [] },
    log,
    configFile: null,
    clock,
    chunkBytes: 64 * 1024,
    unref: true,
    ended() {},
    fatal(reason) {
      throw new Error(reason);
    },
  });
  return { port: running.server.port, timers: () => timers };
}

async function newClients(port: number, count: number): Promise<RawClient[]> {
  const made = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  clients.push(...made);
  return made;
}

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
