/* The vectors are packets captured from redis-server 7.0.15 and valkey-server 8.0.1 on a live bus. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rangesOf } from '../../src/base/slot.ts';
import { decodeMessage, encodeMessage, frameLength, HEADER_BYTES } from '../../src/server/gossip/codec.ts';
import { EPOCH_MAX } from '../../src/server/gossip/epoch.ts';
import {
  FAIL,
  HAS_EXTENSIONS,
  MEET,
  type Message,
  MODULE,
  PING,
  PONG,
  PUBLISH,
  PUBLISH_SHARD,
  UPDATE,
  VOTE,
  VOTE_REQUEST,
  WRITES_PAUSED,
} from '../../src/server/gossip/message.ts';

const folder = new URL('./vectors/', import.meta.url);
const packets = readdirSync(folder).filter((name) => name.endsWith('.bin') && name !== 'bus_publish_light.bin');

function read(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}

function decode(name: string): Message {
  const bytes = read(name);
  const message = decodeMessage(bytes, 0, bytes.length);
  if (message === null) throw new Error(`${name} was refused`);
  return message;
}

describe('captured packets', () => {
  test.each(packets)('%s is encoded to the bytes it was decoded from', (name) => {
    const bytes = read(name);
    expect(frameLength(bytes, 0)).toBe(bytes.length);
    expect(encodeMessage(decode(name)).equals(bytes)).toBe(true);
  });

  test.each(packets)('%s is decoded in the middle of a buffer as at its start', (name) => {
    const bytes = read(name);
    const around = Buffer.concat([Buffer.alloc(13, 0xff), bytes, Buffer.alloc(5, 0xff)]);
    expect(frameLength(around, 13)).toBe(bytes.length);
    expect(decodeMessage(around, 13, bytes.length)).toEqual(decode(name));
  });

  test('a heartbeat tells its sender, its slots, its hostname and what it knows of others', () => {
    const message = decode('ping_gossip3.bin');
    if (message.type !== PING && message.type !== PONG && message.type !== MEET) throw new Error('no heartbeat');
    expect(message.header.sender).toBe('cdf25b84980fa5c8199c08bc7dbd5a01e4fd2c85');
    expect(message.header.port).toBe(17101);
    expect(message.header.busPort).toBe(28101);
    expect(message.header.primary).toBe('');
    expect(message.gossip).toHaveLength(3);
    for (const entry of message.gossip) expect(entry.ip).toBe('127.0.0.1');
    expect(message.extensions).toHaveLength(1);
    expect(message.extensions[0]!.data.toString('latin1').replace(/\0+$/, '')).toBe('node-one.example');
  });

  test('a replica tells the epoch, the slots and the id of its primary', () => {
    const { header, type } = decode('auth_request_auto.bin');
    expect(type).toBe(VOTE_REQUEST);
    expect(header.flags).toBe(18);
    expect(header.currentEpoch).toBe(8);
    expect(header.configEpoch).toBe(7);
    expect(header.primary).toBe('218fdf21fd01fb2a9fd04dabd04758f19b1d5d5d');
  });

  test('a vote carries the epoch it was given in', () => {
    const { header, type } = decode('auth_ack.bin');
    expect(type).toBe(VOTE);
    expect(header.currentEpoch).toBe(7);
    expect(rangesOf(header.slots)).toEqual([{ start: 10923, end: 16383 }]);
  });

  test('a FAIL names the node', () => {
    const message = decode('fail.bin');
    expect(message.type === FAIL && message.failed).toBe('218fdf21fd01fb2a9fd04dabd04758f19b1d5d5d');
  });

  test('an UPDATE names the owner, its epoch and its slots', () => {
    const message = decode('update.bin');
    if (message.type !== UPDATE) throw new Error('no UPDATE');
    expect(message.owner).toBe('cdf25b84980fa5c8199c08bc7dbd5a01e4fd2c85');
    expect(message.ownerEpoch).toBe(8);
    expect(rangesOf(message.ownerSlots)).toEqual([
      { start: 0, end: 99 },
      { start: 101, end: 5460 },
    ]);
  });

  test.each([
    ['publish.bin', PUBLISH, 'news', 'hello bus'],
    ['publishshard.bin', PUBLISH_SHARD, undefined, undefined],
  ])('%s carries channel and message', (name, type, channel, payload) => {
    const message = decode(name);
    expect(message.type).toBe(type);
    if (message.type !== PUBLISH && message.type !== PUBLISH_SHARD) throw new Error('no PUBLISH');
    if (channel !== undefined) expect(message.channel.toString()).toBe(channel);
    if (payload !== undefined) expect(message.payload.toString()).toBe(payload);
    expect(message.channel.length).toBeGreaterThan(0);
  });

  test('a paused primary says so, beside its extensions', () => {
    expect(decode('ping_paused.bin').header.messageFlags).toBe(WRITES_PAUSED | HAS_EXTENSIONS);
  });

  test('a newer server may announce extensions and send none', () => {
    const message = decode('bus_meet_valkey.bin');
    expect(message.header.messageFlags).toBe(HAS_EXTENSIONS);
    expect(message.type === MEET && message.extensions).toEqual([]);
  });
});

describe('bad input', () => {
  test('a wrong signature, or a length below the header, closes the link', () => {
    const bytes = Buffer.from(read('fail.bin'));
    bytes[0] = 0x52 + 1;
    expect(frameLength(bytes, 0)).toBe(-1);
    const light = read('bus_publish_light.bin');
    expect(frameLength(light, 0)).toBe(-1);
  });

  test('another protocol version is ignored', () => {
    const bytes = Buffer.from(read('ping_gossip3.bin'));
    bytes.writeUInt16BE(2, 8);
    expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
  });

  test('an unknown type is ignored', () => {
    const bytes = Buffer.from(read('auth_ack.bin'));
    bytes.writeUInt16BE(11, 12);
    expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
  });

  test.each(packets)('%s with eight bytes too many is ignored', (name) => {
    const bytes = Buffer.concat([read(name), Buffer.alloc(8)]);
    bytes.writeUInt32BE(bytes.length, 4);
    expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
  });

  test.each(packets.filter((name) => read(name).length > HEADER_BYTES))('%s with a byte too few is ignored', (name) => {
    const bytes = read(name).subarray(0, -1);
    expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
  });

  test('an extension record may not be empty, uneven, or longer than the message', () => {
    const bytes = Buffer.from(read('ping_hostname_ext.bin'));
    const at = bytes.length - 32;
    expect(bytes.readUInt32BE(at)).toBe(32);
    for (const length of [0, 31, 40, 24, 0xffff_fff8]) {
      bytes.writeUInt32BE(length, at);
      expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
    }
  });

  test('an offset beyond 2^53 is ignored rather than rounded', () => {
    const bytes = Buffer.from(read('auth_ack.bin'));
    bytes.fill(0xff, 32, 40);
    expect(decodeMessage(bytes, 0, bytes.length)).toBeNull();
  });

  test('an epoch beyond 2^53 is nothing but big: the machine refuses it', () => {
    const bytes = Buffer.from(read('auth_ack.bin'));
    bytes.fill(0xff, 16, 24);
    expect(decodeMessage(bytes, 0, bytes.length)?.header.currentEpoch).toBeGreaterThan(EPOCH_MAX);
  });

  test('random damage never throws', () => {
    const original = read('bus_ping_ext_valkey.bin');
    let seed = 1;
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(original);
      for (let hit = 0; hit < 4; hit++) {
        seed = (seed * 48271) % 2147483647;
        const place =
          seed % 3 === 0 ? seed % bytes.length : [8, 12, 13, 14, 15, 2214, 2215, 2253, 2256, 2260][seed % 10]!;
        bytes[place] = (seed >> 8) & 0xff;
      }
      decodeMessage(bytes, 0, bytes.length);
    }
  });
});

test('a module message keeps its id as raw bytes', () => {
  const { header } = decode('auth_ack.bin');
  const message: Message = {
    type: MODULE,
    header,
    moduleId: Buffer.from('0102030405060708', 'hex'),
    kind: 7,
    payload: Buffer.from('payload'),
  };
  const bytes = encodeMessage(message);
  expect(bytes.length).toBe(2269 + 7);
  expect(decodeMessage(bytes, 0, bytes.length)).toEqual(message);
});
