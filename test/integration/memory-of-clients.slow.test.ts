import { connect } from 'node:net';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { answers, residentBytes, startNode, until } from './processes.ts';

const MB = 1024 * 1024;
const PORT = 26_020;
/** What a few turns, a compiler and a collection may take besides. */
const SPARE_BYTES = 50 * MB;

test.skipIf(process.platform !== 'linux')(
  'memory of replies that nobody reads goes back when the client is killed',
  async () => {
    const node = startNode('rkv', { port: PORT, byRkv: true });
    await answers(node);
    const client = node.client();
    await client.set('value', 'v'.repeat(500_000));
    const start = residentBytes(node);
    const deaf = connect(PORT, '127.0.0.1');
    deaf.on('error', () => {});
    deaf.pause();
    // A part of a value is copied for each reply.
    deaf.write('GETRANGE value 0 400000\r\n'.repeat(300));
    await until('the replies wait', async () => numberIn(await client.info('memory'), 'mem_clients_normal') > 100 * MB);
    // Long enough to be taken for something that stays.
    const since = await uptime(client);
    await until('some seconds have passed', async () => (await uptime(client)) >= since + 4);
    expect(residentBytes(node) - start).toBeGreaterThan(90 * MB);
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until('the memory of the replies went back', async () => residentBytes(node) < start + SPARE_BYTES);
    deaf.destroy();
  },
);

test.skipIf(process.platform !== 'linux')('memory of thousands of clients goes back when they have left', async () => {
  const node = startNode('rkv', { port: PORT + 1, byRkv: true });
  await answers(node);
  for (let round = 0; round < 12; round++) {
    const sockets = Array.from({ length: 1000 }, () => connect(PORT + 1, '127.0.0.1'));
    const answered = sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve)));
    for (const socket of sockets) socket.write('PING\r\n');
    await Promise.all(answered);
    for (const socket of sockets) socket.destroy();
  }
  const full = residentBytes(node);
  await until('their memory went back', async () => residentBytes(node) < full - 15 * MB);
});

test.skipIf(process.platform !== 'linux')(
  'memory of thousands of strings of 40 KB goes back when they are deleted',
  async () => {
    const node = startNode('rkv', { port: PORT + 2, byRkv: true });
    await answers(node);
    const client = node.client();
    const keys = Array.from({ length: 4000 }, (_, i) => `value:${i}`);
    const start = residentBytes(node);
    for (const key of keys) await client.set(key, 'v'.repeat(40_000));
    expect(residentBytes(node) - start).toBeGreaterThan(140 * MB);
    await client.del(...keys);
    await until('the memory of the strings went back', async () => residentBytes(node) < start + SPARE_BYTES);
  },
);

async function uptime(client: Redis): Promise<number> {
  return numberIn(await client.info('server'), 'uptime_in_seconds');
}

function numberIn(info: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
}
