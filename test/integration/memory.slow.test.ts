import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { requestBytes } from '../support/resp.ts';
import { answers, residentBytes, startNode, until } from './processes.ts';

const MB = 1024 * 1024;
const PORT = 26_010;

const KEYS = 200_000;

/** What a few turns, a compiler and a collection may take besides. */
const SPARE_BYTES = 50 * MB;

test.skipIf(process.platform !== 'linux')('memory of deleted data goes back to the system within seconds', async () => {
  const node = startNode('rkv', { port: PORT });
  await answers(node);
  const client = node.client();
  const start = residentBytes(node);
  const fellBack = (what: string): Promise<void> =>
    until(`the memory of ${what} went back`, async () => residentBytes(node) < start + SPARE_BYTES);

  await setKeys(PORT, KEYS, 'v'.repeat(500));
  expect(residentBytes(node) - start).toBeGreaterThan(110 * MB);
  await client.flushall();
  await fellBack('many keys');

  for (let n = 0; n < 10; n++) await client.set(`big:${n}`, 'v'.repeat(10 * MB));
  expect(residentBytes(node) - start).toBeGreaterThan(80 * MB);
  for (let n = 0; n < 10; n++) await client.del(`big:${n}`);
  await fellBack('big strings');
});

test.skipIf(process.platform !== 'linux')('memory of a transaction goes back once it has ended', async () => {
  const node = startNode('rkv', { port: PORT + 1 });
  await answers(node);
  const start = residentBytes(node);
  for (const end of ['EXEC', 'DISCARD']) {
    const socket = await queueCommands(PORT + 1, 'v'.repeat(2000), 50_000);
    expect(residentBytes(node) - start).toBeGreaterThan(90 * MB);
    socket.write(`${end}\r\n`);
    await until(`the memory of ${end} went back`, async () => residentBytes(node) < start + SPARE_BYTES);
    socket.destroy();
  }
});

test.skipIf(process.platform !== 'linux')(
  'memory of a large request that was refused goes back to the system',
  async () => {
    const node = startNode('rkv', { port: PORT + 2 });
    await answers(node);
    const client = node.client();
    const start = residentBytes(node);
    await expect(client.call('SET', 'k', Buffer.alloc(200 * MB), 'NONSENSE')).rejects.toThrow('ERR syntax error');
    expect(residentBytes(node) - start).toBeGreaterThan(100 * MB);
    await until('the memory of the request went back', async () => residentBytes(node) < start + SPARE_BYTES);
  },
);

/** Written as text: a client that keeps a promise for each command would take longer than the server. */
async function setKeys(port: number, keys: number, value: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let answered = 0;
  socket.on('data', (bytes) => {
    answered += bytes.length;
  });
  for (let n = 0; n < keys; n += 1000) {
    socket.write(Array.from({ length: 1000 }, (_, i) => requestBytes(['SET', `key:${n + i}`, value])).join(''));
  }
  await until('all keys were set', async () => answered === keys * '+OK\r\n'.length);
  socket.destroy();
}

/** A connection with so many commands behind a MULTI. */
async function queueCommands(port: number, value: string, commands: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  let answered = 0;
  socket.on('data', (bytes) => {
    answered += bytes.length;
  });
  const batch = Buffer.from(`*3\r\n$3\r\nSET\r\n$6\r\nqueued\r\n$${value.length}\r\n${value}\r\n`.repeat(1000));
  socket.write('MULTI\r\n');
  for (let sent = 0; sent < commands; sent += 1000) socket.write(batch);
  const expected = '+OK\r\n'.length + commands * '+QUEUED\r\n'.length;
  await until('all commands were queued', async () => answered === expected);
  return socket;
}
