import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { requestBytes } from '../support/resp.ts';

let server: EmbeddedServer;
let socket: Socket;

beforeAll(async () => {
  server = await startServer({ 'enable-debug-command': 'yes' });
  socket = connect(server.port, '127.0.0.1');
});
afterAll(async () => {
  socket.destroy();
  await server.close();
});

const BATCH = 1000;
/** Within which all has to happen, on a machine that does nothing else. */
const WITHIN_MS = 3000;

/** Sets keys as fast as they are taken; `options` are those of SET. */
async function setKeys(from: number, to: number, ...options: string[]): Promise<void> {
  for (let n = from; n < to; n += BATCH) {
    let batch = '';
    for (let i = n; i < n + BATCH; i++) batch += requestBytes(['SET', `key:${i}`, 'value', ...options]);
    await sendAll(batch, BATCH * '+OK\r\n'.length);
  }
}

/** Sends requests and waits for so many bytes of replies. */
function sendAll(requests: string, replyBytes: number): Promise<void> {
  return new Promise((resolve) => {
    let missing = replyBytes;
    const count = (chunk: Buffer): void => {
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off('data', count);
      resolve();
    };
    socket.on('data', count);
    socket.write(requests, 'latin1');
  });
}

async function size(): Promise<number> {
  return Number(await server.call('DBSIZE'));
}

async function untilSizeIsBelow(limit: number, within_ms = WITHIN_MS): Promise<void> {
  const deadline = performance.now() + within_ms;
  while ((await size()) >= limit) {
    expect(performance.now(), 'time that is left').toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a hundred thousand keys that die together are gone within seconds', async () => {
  await server.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  const begun_ms = performance.now();
  await setKeys(0, 100_000, 'PX', '1');
  const setting_ms = performance.now() - begun_ms;
  expect(await size()).toBe(100_000);
  await server.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
  // To remove a key takes a tenth of what it takes to set it from here, but may use a quarter of the time only.
  await untilSizeIsBelow(1, WITHIN_MS + setting_ms * 2);
});

test('while keys with short lives come in without end, those that are dead stay few', async () => {
  // As many as live for a twentieth of a second at the speed of this machine, and what dies between two slices.
  let most = 0;
  for (let n = 0; n < 100_000; n += 20_000) {
    await setKeys(n, n + 20_000, 'PX', '50');
    most = Math.max(most, await size());
  }
  expect(most).toBeLessThan(50_000);
});

test('active-expire-effort says how many dead keys among the living ones are worth a search', async () => {
  await server.call('FLUSHALL');
  await server.call('CONFIG', 'SET', 'active-expire-effort', '10');
  await setKeys(0, 20_000, 'PX', '1000000');
  await setKeys(20_000, 21_000, 'PX', '1');
  // One in twenty is dead, which with an effort of 1 would be left alone.
  await untilSizeIsBelow(20_400, WITHIN_MS * 3);
  await server.call('CONFIG', 'SET', 'active-expire-effort', '1');
  await setKeys(20_000, 21_000, 'PX', '1');
  expect(await size()).toBeGreaterThan(20_400);
});
