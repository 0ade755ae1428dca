/* The bytes of messages, as Redis 7.0 speaks them on the cluster bus. */
import type { Message } from './message.ts';

export const HEADER_BYTES = 2256;

/** From 8 bytes: the length of the message that begins there, or -1 when the link must be closed. */
export function frameLength(buffer: Buffer, offset: number): number {
  throw new Error(`${buffer.length} ${offset}`);
}

/** Answers null for a message that must be ignored: wrong version, wrong length for its type, unknown type. */
export function decodeMessage(buffer: Buffer, offset: number, length: number): Message | null {
  throw new Error(`${buffer.length} ${offset} ${length}`);
}

export function encodeMessage(message: Message): Buffer {
  throw new Error(`${message.type}`);
}
