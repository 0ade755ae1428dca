/*
 * The bytes of messages, as Redis 7.0 speaks them on the cluster bus. Every message begins with the same header of
 * 2256 bytes; integers are big endian, texts are padded with NUL. A decoded message keeps views on the bytes it was
 * decoded from, because heartbeats are frequent and their bitmaps are mostly what the receiver knows already.
 */
import { assert } from '../../base/assert.ts';
import { SLOTS } from '../../base/slot.ts';
import {
  type Extension,
  FAIL,
  FAILOVER_START,
  type GossipEntry,
  HAS_EXTENSIONS,
  type Header,
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
} from './message.ts';

/** Where each field of the header begins. */
const AT = {
  length: 4,
  version: 8,
  port: 10,
  type: 12,
  gossipCount: 14,
  currentEpoch: 16,
  configEpoch: 24,
  offset: 32,
  sender: 40,
  slots: 80,
  primary: 2128,
  ip: 2168,
  extensionCount: 2214,
  unused: 2216,
  plainPort: 2246,
  busPort: 2248,
  flags: 2250,
  state: 2252,
  messageFlags: 2253,
} as const;

const SIGNATURE = 0x52_43_6d_62; // "RCmb"
const VERSION = 1;
export const HEADER_BYTES = 2256;
/** How much of a message must be there before its length is known. */
export const PREFIX_BYTES = 8;
const ID_BYTES = 40;
/** How much of a message must be there before its sender is known. */
export const SENDER_BYTES = AT.sender + ID_BYTES;
const IP_BYTES = 46;
const BITMAP_BYTES = SLOTS / 8;
const GOSSIP_BYTES = 104;
const EXTENSION_HEAD_BYTES = 8;
const UPDATE_BYTES = 8 + ID_BYTES + BITMAP_BYTES;
const PUBLISH_HEAD_BYTES = 8;
const MODULE_HEAD_BYTES = 13;
/** No message of the protocol comes near: what is longer than a bulk string may be is not ours. */
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024 + 64 * 1024;
const NO_ENTRIES: readonly never[] = [];

/** From 8 bytes: the length of the message that begins there, or -1 when the link must be closed. */
export function frameLength(buffer: Buffer, offset: number): number {
  if (buffer.readUInt32BE(offset) !== SIGNATURE) return -1;
  const length = buffer.readUInt32BE(offset + AT.length);
  return length < HEADER_BYTES || length > MESSAGE_BYTES_MAX ? -1 : length;
}

/** From SENDER_BYTES: the id that the message names as its sender's. */
export function senderAt(buffer: Buffer, offset: number): string {
  return buffer.toString('latin1', offset + AT.sender, offset + SENDER_BYTES);
}

/**
 * Answers null for a message that must be ignored: wrong version, wrong length for its type, unknown type. The caller
 * has seen to the frame: `length` is what frameLength said, and all of it is there.
 */
export function decodeMessage(buffer: Buffer, offset: number, length: number): Message | null {
  assert(length >= HEADER_BYTES && offset + length <= buffer.length, 'a message is decoded when all of it is there');
  if (buffer.readUInt16BE(offset + AT.version) !== VERSION) return null;
  const header = readHeader(buffer, offset);
  // Numbers are exact up to 2^53; an offset beyond that is nothing a server reaches by writing. Epochs are judged in epoch.ts.
  if (!Number.isSafeInteger(header.offset)) return null;
  const type = buffer.readUInt16BE(offset + AT.type);
  const body = offset + HEADER_BYTES;
  const bodyLength = length - HEADER_BYTES;
  switch (type) {
    case PING:
    case PONG:
    case MEET:
      return readHeartbeat(buffer, { header, type, body, bodyLength });
    case FAIL:
      return bodyLength !== ID_BYTES ? null : { type, header, failed: readText(buffer, body, ID_BYTES) };
    case PUBLISH:
    case PUBLISH_SHARD:
      return readPublish(buffer, { header, type, body, bodyLength });
    case VOTE_REQUEST:
    case VOTE:
    case FAILOVER_START:
      return bodyLength !== 0 ? null : { type, header };
    case UPDATE:
      return bodyLength !== UPDATE_BYTES ? null : readUpdate(buffer, header, body);
    case MODULE:
      return readModule(buffer, { header, body, bodyLength });
    default:
      return null;
  }
}

export function encodeMessage(message: Message): Buffer {
  const length = HEADER_BYTES + bodyBytes(message);
  const out = Buffer.allocUnsafe(length);
  writeHeader(message, out);
  switch (message.type) {
    case PING:
    case PONG:
    case MEET:
      writeGossip(message.gossip, out, HEADER_BYTES);
      writeExtensions(message.extensions, out, HEADER_BYTES + message.gossip.length * GOSSIP_BYTES);
      break;
    case FAIL:
      writePadded(message.failed, out, HEADER_BYTES, ID_BYTES);
      break;
    case PUBLISH:
    case PUBLISH_SHARD:
      out.writeUInt32BE(message.channel.length, HEADER_BYTES);
      out.writeUInt32BE(message.payload.length, HEADER_BYTES + 4);
      message.channel.copy(out, HEADER_BYTES + PUBLISH_HEAD_BYTES);
      message.payload.copy(out, HEADER_BYTES + PUBLISH_HEAD_BYTES + message.channel.length);
      break;
    case UPDATE:
      writeU64(message.ownerEpoch, out, HEADER_BYTES);
      writePadded(message.owner, out, HEADER_BYTES + 8, ID_BYTES);
      message.ownerSlots.copy(out, HEADER_BYTES + 8 + ID_BYTES, 0, BITMAP_BYTES);
      break;
    case MODULE:
      message.moduleId.copy(out, HEADER_BYTES, 0, 8);
      out.writeUInt32BE(message.payload.length, HEADER_BYTES + 8);
      out[HEADER_BYTES + 12] = message.kind;
      message.payload.copy(out, HEADER_BYTES + MODULE_HEAD_BYTES);
      break;
    default:
      break;
  }
  return out;
}

interface Body {
  header: Header;
  body: number;
  bodyLength: number;
}

function readHeader(buffer: Buffer, offset: number): Header {
  const slots = offset + AT.slots;
  return {
    sender: senderAt(buffer, offset),
    port: buffer.readUInt16BE(offset + AT.port),
    plainPort: buffer.readUInt16BE(offset + AT.plainPort),
    busPort: buffer.readUInt16BE(offset + AT.busPort),
    ip: readText(buffer, offset + AT.ip, IP_BYTES),
    currentEpoch: readU64(buffer, offset + AT.currentEpoch),
    configEpoch: readU64(buffer, offset + AT.configEpoch),
    offset: readU64(buffer, offset + AT.offset),
    slots: buffer.subarray(slots, slots + BITMAP_BYTES),
    primary: readText(buffer, offset + AT.primary, ID_BYTES),
    flags: buffer.readUInt16BE(offset + AT.flags),
    ok: buffer[offset + AT.state] === 0,
    messageFlags: buffer[offset + AT.messageFlags] as number,
  };
}

function readHeartbeat(
  buffer: Buffer,
  { header, type, body, bodyLength }: Body & { type: typeof PING | typeof PONG | typeof MEET },
): Message | null {
  const count = buffer.readUInt16BE(body - HEADER_BYTES + AT.gossipCount);
  const gossipBytes = count * GOSSIP_BYTES;
  if (gossipBytes > bodyLength) return null;
  const gossip: GossipEntry[] = new Array<GossipEntry>(count);
  for (let i = 0; i < count; i++) gossip[i] = readGossipEntry(buffer, body + i * GOSSIP_BYTES);
  if ((header.messageFlags & HAS_EXTENSIONS) === 0) {
    return gossipBytes !== bodyLength ? null : { type, header, gossip, extensions: NO_ENTRIES };
  }
  const expected = buffer.readUInt16BE(body - HEADER_BYTES + AT.extensionCount);
  const extensions = readExtensions(buffer, { at: body + gossipBytes, end: body + bodyLength, count: expected });
  return extensions === null ? null : { type, header, gossip, extensions };
}

function readGossipEntry(buffer: Buffer, at: number): GossipEntry {
  return {
    id: buffer.toString('latin1', at, at + ID_BYTES),
    pingSent_s: buffer.readUInt32BE(at + 40),
    pongReceived_s: buffer.readUInt32BE(at + 44),
    ip: readText(buffer, at + 48, IP_BYTES),
    port: buffer.readUInt16BE(at + 94),
    busPort: buffer.readUInt16BE(at + 96),
    flags: buffer.readUInt16BE(at + 98),
    plainPort: buffer.readUInt16BE(at + 100),
  };
}

/** The records must fill the message exactly; null when they do not. */
function readExtensions(
  buffer: Buffer,
  { at, end, count }: { at: number; end: number; count: number },
): Extension[] | null {
  const extensions: Extension[] = [];
  let next = at;
  for (let i = 0; i < count; i++) {
    if (end - next < EXTENSION_HEAD_BYTES) return null;
    const length = buffer.readUInt32BE(next);
    if (length < EXTENSION_HEAD_BYTES || length % 8 !== 0 || length > end - next) return null;
    const data = buffer.subarray(next + EXTENSION_HEAD_BYTES, next + length);
    extensions.push({ type: buffer.readUInt16BE(next + 4), data });
    next += length;
  }
  return next === end ? extensions : null;
}

function readPublish(
  buffer: Buffer,
  { header, type, body, bodyLength }: Body & { type: typeof PUBLISH | typeof PUBLISH_SHARD },
): Message | null {
  if (bodyLength < PUBLISH_HEAD_BYTES) return null;
  const channelBytes = buffer.readUInt32BE(body);
  const payloadBytes = buffer.readUInt32BE(body + 4);
  if (PUBLISH_HEAD_BYTES + channelBytes + payloadBytes !== bodyLength) return null;
  const channel = body + PUBLISH_HEAD_BYTES;
  const payload = channel + channelBytes;
  return {
    type,
    header,
    channel: buffer.subarray(channel, payload),
    payload: buffer.subarray(payload, payload + payloadBytes),
  };
}

function readUpdate(buffer: Buffer, header: Header, body: number): Message | null {
  const ownerEpoch = readU64(buffer, body);
  const slots = body + 8 + ID_BYTES;
  return {
    type: UPDATE,
    header,
    owner: buffer.toString('latin1', body + 8, slots),
    ownerEpoch,
    ownerSlots: buffer.subarray(slots, slots + BITMAP_BYTES),
  };
}

function readModule(buffer: Buffer, { header, body, bodyLength }: Body): Message | null {
  if (bodyLength < MODULE_HEAD_BYTES) return null;
  const payloadBytes = buffer.readUInt32BE(body + 8);
  if (MODULE_HEAD_BYTES + payloadBytes !== bodyLength) return null;
  return {
    type: MODULE,
    header,
    moduleId: buffer.subarray(body, body + 8),
    kind: buffer[body + 12] as number,
    payload: buffer.subarray(body + MODULE_HEAD_BYTES, body + bodyLength),
  };
}

function bodyBytes(message: Message): number {
  switch (message.type) {
    case PING:
    case PONG:
    case MEET: {
      let bytes = message.gossip.length * GOSSIP_BYTES;
      for (const { data } of message.extensions) bytes += EXTENSION_HEAD_BYTES + padded(data.length);
      return bytes;
    }
    case FAIL:
      return ID_BYTES;
    case PUBLISH:
    case PUBLISH_SHARD:
      return PUBLISH_HEAD_BYTES + message.channel.length + message.payload.length;
    case UPDATE:
      return UPDATE_BYTES;
    case MODULE:
      return MODULE_HEAD_BYTES + message.payload.length;
    default:
      return 0;
  }
}

function writeHeader(message: Message, out: Buffer): void {
  const { header } = message;
  const heartbeat = message.type === PING || message.type === PONG || message.type === MEET;
  out.writeUInt32BE(SIGNATURE, 0);
  out.writeUInt32BE(out.length, AT.length);
  out.writeUInt16BE(VERSION, AT.version);
  out.writeUInt16BE(header.port, AT.port);
  out.writeUInt16BE(message.type, AT.type);
  out.writeUInt16BE(heartbeat ? message.gossip.length : 0, AT.gossipCount);
  writeU64(header.currentEpoch, out, AT.currentEpoch);
  writeU64(header.configEpoch, out, AT.configEpoch);
  writeU64(header.offset, out, AT.offset);
  writePadded(header.sender, out, AT.sender, ID_BYTES);
  header.slots.copy(out, AT.slots, 0, BITMAP_BYTES);
  writePadded(header.primary, out, AT.primary, ID_BYTES);
  writePadded(header.ip, out, AT.ip, IP_BYTES);
  out.writeUInt16BE(heartbeat ? message.extensions.length : 0, AT.extensionCount);
  out.fill(0, AT.unused, AT.plainPort);
  out.writeUInt16BE(header.plainPort, AT.plainPort);
  out.writeUInt16BE(header.busPort, AT.busPort);
  out.writeUInt16BE(header.flags, AT.flags);
  out[AT.state] = header.ok ? 0 : 1;
  out[AT.messageFlags] = header.messageFlags;
  out[AT.messageFlags + 1] = 0;
  out[AT.messageFlags + 2] = 0;
}

function writeGossip(gossip: readonly GossipEntry[], out: Buffer, start: number): void {
  let at = start;
  for (const entry of gossip) {
    writePadded(entry.id, out, at, ID_BYTES);
    out.writeUInt32BE(entry.pingSent_s >>> 0, at + 40);
    out.writeUInt32BE(entry.pongReceived_s >>> 0, at + 44);
    writePadded(entry.ip, out, at + 48, IP_BYTES);
    out.writeUInt16BE(entry.port, at + 94);
    out.writeUInt16BE(entry.busPort, at + 96);
    out.writeUInt16BE(entry.flags, at + 98);
    out.writeUInt16BE(entry.plainPort, at + 100);
    out.writeUInt16BE(0, at + 102);
    at += GOSSIP_BYTES;
  }
}

function writeExtensions(extensions: readonly Extension[], out: Buffer, start: number): void {
  let at = start;
  for (const { type, data } of extensions) {
    const length = EXTENSION_HEAD_BYTES + padded(data.length);
    out.writeUInt32BE(length, at);
    out.writeUInt16BE(type, at + 4);
    out.writeUInt16BE(0, at + 6);
    data.copy(out, at + EXTENSION_HEAD_BYTES);
    out.fill(0, at + EXTENSION_HEAD_BYTES + data.length, at + length);
    at += length;
  }
}

/** Texts longer than their field lose their end, and keep one NUL unless they are ids. */
function writePadded(text: string, out: Buffer, at: number, bytes: number): void {
  const room = bytes === ID_BYTES ? bytes : bytes - 1;
  const written = text === '' ? 0 : out.write(text, at, Math.min(room, text.length), 'latin1');
  if (written < bytes) out.fill(0, at + written, at + bytes);
}

function readText(buffer: Buffer, at: number, bytes: number): string {
  if (buffer[at] === 0) return '';
  const nul = buffer.indexOf(0, at);
  return buffer.toString('latin1', at, nul === -1 || nul > at + bytes ? at + bytes : nul);
}

function readU64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);
}

function writeU64(value: number, out: Buffer, at: number): void {
  out.writeUInt32BE(Math.floor(value / 0x1_0000_0000) >>> 0, at);
  out.writeUInt32BE(value >>> 0, at + 4);
}

function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}
