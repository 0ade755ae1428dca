/*
 * A connection that is not taken in: it is told why, and closed.
 */

import type { Socket } from 'node:net';

/**
 * Does not wait for the other end: whoever stays connected would keep a descriptor for as long as they like. They may
 * also have reset the connection already, and without a listener that error would end the process.
 */
export function turnAway(socket: Socket, text: string): void {
  socket.on('error', () => socket.destroy());
  socket.write(text);
  socket.destroySoon();
}
