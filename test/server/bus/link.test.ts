import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Link, type Read } from '../../../src/server/bus/link.ts';
import { decodeMessage, PREFIX_BYTES } from '../../../src/server/gossip/codec.ts';
import type { Message } from '../../../src/server/gossip/message.ts';
import { adopt } from '../../../src/server/net/input.ts';

const folder = new URL('../../gossip/vectors/', import.meta.url);
const packets = readdirSync(folder)
  .filter((name) => /^(ping|pong|fail|update)/.test(name) && name.endsWith('.bin'))
  .map((name) => readFileSync(new URL(name, folder)));
const stream = Buffer.concat(packets);
const expected = packets.map((bytes) => decodeMessage(bytes, 0, bytes.length));

let sockets: Socket[];
let stop: () => void;

beforeEach(() => {
  sockets = [];
  stop = () => {};
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  stop();
});

/** What a link reads with is caught, so that the test says what comes in. */
function caught(): { read: Read; messages: Message[] } {
  const messages: Message[] = [];
  let read: Read = () => {};
  const socket = new Socket();
  sockets.push(socket);
  const events = { isKnown: () => true, message: (message: Message) => void messages.push(message), closed: () => {} };
  new Link(socket, events, (same, given) => {
    read = given;
    return same;
  });
  return { read: (buf, from, to) => read(buf, from, to), messages };
}

test('messages arrive whole, wherever their bytes are cut, from a buffer that is used again', () => {
  const buf = Buffer.alloc(stream.length + 7);
  // Each place in the first prefix, and then one in each part of a message.
  for (let cut = 0; cut <= stream.length; cut += cut < PREFIX_BYTES + 2 ? 1 : 499) {
    const { read, messages } = caught();
    for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
      buf.fill(0xff);
      part.copy(buf, 7);
      read(buf, 7, 7 + part.length);
    }
    buf.fill(0xff);
    expect(messages).toEqual(expected);
  }
});

test('messages arrive whole when their bytes come one by one', () => {
  const { read, messages } = caught();
  const one = Buffer.alloc(1);
  for (const byte of stream) {
    one[0] = byte;
    read(one, 0, 1);
  }
  expect(messages).toEqual(expected);
});

test('an accepted connection that was adopted reads, answers, and ends like another', async () => {
  const received: Message[] = [];
  let isClosed = false;
  const server = createServer((accepted) => {
    const events = {
      isKnown: () => true,
      message: (m: Message) => void received.push(m),
      closed: () => (isClosed = true),
    };
    const link = new Link(accepted, events, (socket, read) => {
      const adopted = adopt(socket, read)?.socket ?? null;
      if (adopted !== null) socket.destroy();
      return adopted;
    });
    link.send(packets[0] as Buffer);
    expect(link.remoteIp).toBe('127.0.0.1');
  });
  stop = () => server.close();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const peer = connect({ port, host: '127.0.0.1' });
  sockets.push(peer);
  let answered = 0;
  peer.on('data', (chunk) => (answered += chunk.length));
  peer.write(stream);
  await expect.poll(() => received.length).toBe(expected.length);
  await expect.poll(() => answered).toBe((packets[0] as Buffer).length);
  peer.destroy();
  await expect.poll(() => isClosed).toBe(true);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
