/*
 * How bytes go out. A socket's own write makes a view, a request and two ticks for every reply, which are all garbage a
 * moment later. Where nothing waits to be sent, the kernel can be given the bytes at once, and nearly always it takes
 * them all. What it leaves goes the way of the socket, which waits until there is room.
 */

import { writeSync } from 'node:fs';

/** Gives `buf[from, to)` to the kernel without waiting; how many bytes it took, perhaps none. */
export function sendNow(fd: number, buf: Buffer, from: number, to: number): number {
  try {
    return writeSync(fd, buf, from, to - from);
  } catch {
    // No room, or no peer any more: the socket, which is given the same bytes next, knows what to do in either case.
    return 0;
  }
}
