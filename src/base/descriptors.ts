/*
 * How many files and sockets this process may have open. The kernel gives the lowest free number to what is opened next,
 * so a socket whose number is near the limit says by itself that hardly any are left: it is closed again at once, whoever
 * wanted to come in, and files can still be opened.
 */

import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** For the files of saves, logs and nodes.conf, and for connections that we open ourselves; as many as Redis keeps. */
export const DESCRIPTORS_RESERVED = 32;

export interface Descriptors {
  /** Infinity where the system does not say. Node has raised it as far as the system allows. */
  readonly limit: number;
  /** How many were open when this was read. */
  readonly open: number;
}

export function readDescriptors(): Descriptors {
  return { limit: readLimit(), open: countOpen() };
}

/** For servers that start one after the other in a process: only prlimit(1) changes the limit later, and the look takes long. */
export function descriptorsAtStart(): Descriptors {
  limitAtStart ??= readLimit();
  return { limit: limitAtStart, open: limitAtStart === Number.POSITIVE_INFINITY ? 0 : countOpen() };
}

let limitAtStart: number | null = null;

function readLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function countOpen(): number {
  try {
    // The folder itself is open while it is read.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

/** A socket that was accepted took one of the last descriptors, which are meant for files. */
export function tookReserved(socket: Socket, { limit }: Descriptors): boolean {
  const { _handle: handle, _parent: parent } = socket as Handled;
  // Node's TLS has no number of its own: it stands before another socket that has.
  const { fd = -1 } = handle?.fd === undefined ? (parent?._handle ?? {}) : handle;
  return fd >= limit - DESCRIPTORS_RESERVED;
}

type Handled = { _handle?: { fd?: number } | null; _parent?: Handled | null };
