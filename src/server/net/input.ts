/*
 * How bytes come in. Node's 'data' event allocates 64 KB per read, shrinks it and walks the stream machinery: a fifth to a
 * third of the whole cost of a small request. The documented `onread` option avoids all that, but exists only for sockets
 * that connect. For accepted ones this file uses the one undocumented trick of the server: it takes the handle of the
 * accepted socket and makes a socket of its own around it. Where that does not work (another Node, TLS), 'data' events
 * do, through the same entry point. Nothing else in the server touches a handle.
 *
 * All connections of the process read into one buffer: a reader must be done with its bytes before it returns.
 */

import { Socket } from 'node:net';
import { HEADROOM } from '../protocol/request-parser.ts';

const READ_MAX = 64 * 1024;
/** The parser puts held bytes in front of what was read, so reads begin behind the headroom. */
const INPUT = Buffer.allocUnsafeSlow(HEADROOM + READ_MAX);
const READ_AREA = INPUT.subarray(HEADROOM);

/** Gets what was read: `buf[from, to)`, with HEADROOM writable bytes in front of it. Must copy what it keeps. */
export type Read = (buf: Buffer, from: number, to: number) => void;

export interface Adopted {
  socket: Socket;
  /** The descriptor under the socket, its own for as long as it is not destroyed; -1 where there is none (Windows). */
  fd: number;
}

interface Holder {
  _handle: unknown;
}

/** A socket around the handle of `accepted`, which reads into the shared buffer; or null where Node does not let us. */
export function adopt(accepted: Socket, read: Read): Adopted | null {
  const holder = accepted as unknown as Holder;
  const handle = holder._handle;
  if (handle === null || typeof handle !== 'object') return null;
  const onread = {
    buffer: READ_AREA,
    callback: (bytesRead: number): boolean => {
      read(INPUT, HEADROOM, HEADROOM + bytesRead);
      return true;
    },
  };
  holder._handle = null;
  const socket = new Socket({ handle, onread, allowHalfOpen: false } as ConstructorParameters<typeof Socket>[0]);
  return { socket, fd: (handle as { fd?: number }).fd ?? -1 };
}

/** The documented way, for sockets that cannot be adopted. */
export function readByEvents(socket: Socket, read: Read): void {
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += READ_MAX) {
      const to = Math.min(at + READ_MAX, chunk.length);
      chunk.copy(INPUT, HEADROOM, at, to);
      read(INPUT, HEADROOM, HEADROOM + (to - at));
    }
  });
}
