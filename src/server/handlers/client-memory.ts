/* What one client takes: the figures of CLIENT LIST, and their sum in INFO memory. */

import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';

export interface ClientMemory {
  /** Bytes that were read and belong to no command that has run, the command under way among them. */
  readonly input: number;
  /** Room in the buffer that holds them. */
  readonly inputFree: number;
  /** Of the command under way: the bytes of its arguments. */
  readonly arguments: number;
  /** Commands queued by MULTI. */
  readonly queued: number;
  /** Replies that the peer has not taken, and in how many pieces. */
  readonly output: number;
  readonly outputParts: number;
  readonly total: number;
}

export function memoryOfClient(server: Server, client: Client): ClientMemory {
  const { connection, transaction } = client;
  const running = server.call.client === client && client.blocked === null ? server.call.request : null;
  let argumentBytes = 0;
  for (let i = 0; i < (running?.argc ?? 0); i++) argumentBytes += running!.len[i]!;
  const held = connection?.parser.held ?? 0;
  const input = held + (connection?.parser.ahead ?? 0) + (running === null ? 0 : running.end - running.start);
  const inputFree = connection?.parser.roomLeft ?? 0;
  const queued = transaction?.queue.bytes ?? 0;
  const stream = client.kind === 'replica' ? server.links.heldBytesOf(client.id) : 0;
  const output = stream + (connection?.pendingOutput ?? 0);
  return {
    input,
    inputFree,
    arguments: argumentBytes,
    queued,
    output,
    outputParts: output === 0 ? 0 : 1,
    total: held + inputFree + queued + output,
  };
}
