/*
 * What a hostile or broken peer may send on the cluster bus: packets of real servers with bytes changed, cut, or with other
 * lengths, versions, epochs and senders. The machine is tried alone, where its books can be looked at after every packet,
 * and a real node over sockets. A failing run prints its seed; RKV_SEED replays it, RKV_PACKETS=n tries so many.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { entropySeed, Prng } from '../../src/base/prng.ts';
import type { EmbeddedServer } from '../../src/index.ts';
import { decodeMessage, encodeMessage, HEADER_BYTES } from '../../src/server/gossip/codec.ts';
import { A, B, C, header, heartbeat, Lab, ME, R, range } from '../gossip/support.ts';
import { checkBooks } from '../sim/checkers.ts';
import { started, until } from '../support/embedded.ts';

const SEED = Number(process.env['RKV_SEED'] ?? entropySeed());
const PACKETS = Number(process.env['RKV_PACKETS'] ?? 600);
/** Where fields of the header are, and how long. */
const LENGTH_AT = 4;
const FIELDS: readonly (readonly [at: number, bytes: number])[] = [
  [8, 2],
  [10, 2],
  [12, 2],
  [14, 2],
  [16, 8],
  [24, 8],
  [32, 8],
  [80, 2048],
  [2128, 40],
  [2168, 46],
  [2214, 2],
  [2246, 2],
  [2248, 2],
  [2250, 2],
  [2252, 1],
  [2253, 1],
];
const SENDER_AT = 40;
const PRIMARY_AT = 2128;
const folder = new URL('../gossip/vectors/', import.meta.url);
const real = readdirSync(folder)
  .filter((name) => name.endsWith('.bin') && name !== 'bus_publish_light.bin')
  .map((name) => readFileSync(new URL(name, folder)));

/** One packet with something wrong in it; `sender` is put in when there is one. */
function mutated(prng: Prng, senders: readonly string[]): Buffer {
  let bytes = Buffer.from(prng.pick(real));
  if (senders.length > 0) {
    bytes.write(prng.pick(senders), SENDER_AT, 'latin1');
    if (prng.chance(0.4)) bytes.write(prng.pick(senders), PRIMARY_AT, 'latin1');
    if (prng.chance(0.3)) bytes.write(prng.pick(senders), HEADER_BYTES, 'latin1');
  }
  for (let times = prng.below(4); times > 0; times--) {
    const [at, length] = prng.pick(FIELDS);
    const kind = prng.below(4);
    for (let i = at; i < at + length; i++) bytes[i] = kind === 0 ? 0 : kind === 1 ? 0xff : prng.below(256);
    // Near the bound that epochs have, on both sides.
    if (length === 8 && prng.chance(0.5)) bytes.writeBigUInt64BE(2n ** 52n + BigInt(prng.below(3)) - 1n, at);
  }
  for (let times = prng.below(3); times > 0; times--) bytes[8 + prng.below(bytes.length - 8)] = prng.below(256);
  if (prng.chance(0.2)) bytes = bytes.subarray(0, HEADER_BYTES + prng.below(bytes.length - HEADER_BYTES + 1));
  if (prng.chance(0.1)) bytes = Buffer.concat([bytes, Buffer.alloc(prng.below(300), prng.below(256))]);
  bytes.writeUInt32BE(bytes.length, LENGTH_AT);
  return bytes;
}

test(`the books stay in order whatever nodes that are known say (RKV_SEED=${SEED})`, {
  timeout: 60_000 + PACKETS * 5,
}, () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < PACKETS / 100; round++) {
    const lab = new Lab();
    lab.command({ type: 'addSlots', slots: Array.from({ length: 5461 }, (_, i) => i) });
    lab.know(A, { slots: range(5461, 10_922), epoch: 2 });
    lab.know(B, { slots: range(10_923, 16_383), epoch: 3 });
    lab.know(R, { primary: ME });
    lab.know(C);
    lab.command({ type: 'forget', node: C });
    const senders = [ME, A, B, C, R];
    for (let i = 0; i < 100; i++) {
      const bytes = mutated(prng, prng.chance(0.9) ? senders : []);
      const message = decodeMessage(bytes, 0, bytes.length);
      if (message === null) continue;
      const links = [...lab.state.links.keys()];
      if (links.length > 0 && prng.chance(0.4)) lab.answer(prng.pick(links), message);
      else lab.hear(message, prng.below(10));
      checkBooks(lab.state);
      if (prng.chance(0.2)) lab.wait(100 * (1 + prng.below(30)));
      checkBooks(lab.state);
    }
  }
});

test('a stranger fills the books neither with one introduction often, nor with many', () => {
  const lab = new Lab();
  const meet = (port: number): void => void lab.hear(heartbeat('meet', header(C, { port, busPort: port })));
  for (let i = 0; i < 50; i++) meet(7003);
  expect(lab.state.list).toHaveLength(2);
  for (let port = 1; port < 3000; port++) meet(port);
  expect(lab.state.list.length).toBeLessThanOrEqual(1001);
  lab.wait(5000);
  expect(lab.state.list).toHaveLength(1);
});

test('a node that is known cannot name more nodes than there are slots', () => {
  const lab = new Lab();
  lab.know(A, { epoch: 1 });
  for (let part = 0; part < 4; part++) {
    const gossip = Array.from({ length: 10_000 }, (_, i) => {
      const id = (part * 10_000 + i).toString(16).padStart(40, '0');
      return { id, pingSent_s: 0, pongReceived_s: 0, ip: '10.1.1.1', port: 1, busPort: 1, flags: 2, plainPort: 0 };
    });
    lab.hear(heartbeat('ping', header(A, { epoch: 1 }), gossip));
  }
  expect(lab.state.list).toHaveLength(16_384);
});

test(`a node stays up and keeps its view whatever strangers send (RKV_SEED=${SEED})`, async () => {
  const { node, busPort } = await nodeWithSlots();
  const before = await ownLine(node);
  const prng = new Prng(SEED);
  for (let i = 0; i < PACKETS / 5; i++) {
    const socket = await open(busPort);
    const bytes = prng.chance(0.2) ? Buffer.from(prng.hex(2 + prng.below(6000)), 'hex') : mutated(prng, []);
    // A MEET introduces, which is what it is for.
    if (bytes.length > 13) bytes[13] = bytes[13] === 2 ? 0 : bytes[13]!;
    socket.end(prng.chance(0.3) ? bytes.subarray(0, prng.below(bytes.length)) : bytes);
  }
  expect(await node.call('PING')).toBe('PONG');
  expect(await ownLine(node)).toBe(before);
  expect(await node.call('SET', 'k', 'v')).toBe('OK');
});

test('a long message is kept for a node that is known, and for nobody else', async () => {
  const { node, busPort } = await nodeWithSlots();
  const message = encodeMessage(heartbeat('ping', header(C)));
  message.writeUInt32BE(200_000_000, LENGTH_AT);
  const stranger = await open(busPort);
  let closed = false;
  stranger.once('close', () => {
    closed = true;
  });
  stranger.write(message);
  await until(() => closed);
  message.write(String(await node.call('CLUSTER', 'MYID')), SENDER_AT, 'latin1');
  const known = await open(busPort);
  known.write(message);
  known.write(Buffer.alloc(1_000_000));
  const held = async (): Promise<number> =>
    Number(/mem_cluster_links:(\d+)/.exec(String(await node.call('INFO', 'memory')))?.[1]);
  await until(async () => (await held()) > 1_000_000);
});

async function nodeWithSlots(): Promise<{ node: EmbeddedServer; busPort: number }> {
  const node = await started({ 'cluster-enabled': 'yes' });
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  return { node, busPort: Number(/@(\d+)/.exec(await ownLine(node))?.[1]) };
}

/** All that it says of the cluster, without the address that it learns from whoever comes. */
async function ownLine(node: EmbeddedServer): Promise<string> {
  return String(await node.call('CLUSTER', 'NODES')).replace(/ [\d.]*:(\d+@\d+)/, ' :$1');
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    onTestFinished(() => void socket.destroy());
  });
}
