/*
 * Who has a port of this machine? Linux tells which sockets there are, and which process has which: those that listen, and
 * those of outgoing connections, which may be in the way as well. Elsewhere nobody is found.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { specFile } from './layout.ts';

export interface PortHolder {
  /** null when the process is somebody else's, and not ours to see. */
  readonly pid: number | null;
  readonly command: string;
  readonly use: 'listens' | 'connection';
  /** The cluster of rkv whose node it is, or null. */
  readonly cluster: string | null;
}

export function findHolder(port: number): PortHolder | null {
  return findHolders([port]).get(port) ?? null;
}

/** By port; one look at all processes, however many ports are asked for. */
export function findHolders(ports: readonly number[]): Map<number, PortHolder> {
  const sockets = socketsAt(new Set(ports));
  const holders = new Map<number, PortHolder>();
  if (sockets.size === 0) return holders;
  for (const { port, use } of sockets.values()) {
    if (use === 'listens' || !holders.has(port)) holders.set(port, { pid: null, command: '', use, cluster: null });
  }
  for (const pid of readFolder('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of readFolder(`/proc/${pid}/fd`)) {
      const socket = sockets.get(inodeOf(readLink(`/proc/${pid}/fd/${fd}`)) ?? '');
      if (socket === undefined || holders.get(socket.port)?.use !== socket.use) continue;
      const cluster = clusterOf(readLink(`/proc/${pid}/cwd`));
      holders.set(socket.port, { pid: Number(pid), command: readCommand(pid), use: socket.use, cluster });
    }
  }
  return holders;
}

interface SocketAt {
  readonly port: number;
  readonly use: PortHolder['use'];
}

/** As the state column of /proc/net/tcp has it. */
const LISTEN = '0A';

/** By inode. Of a port on which somebody listens, the connections that were accepted there do not matter. */
function socketsAt(ports: ReadonlySet<number>): Map<string, SocketAt> {
  const sockets = new Map<string, SocketAt>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = '0'] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
      // Connections that are over, and wait for late packets, belong to nobody and are in nobody's way.
      if (!ports.has(port) || inode === '0') continue;
      sockets.set(inode, { port, use: state === LISTEN ? 'listens' : 'connection' });
    }
  }
  return sockets;
}

function inodeOf(link: string): string | undefined {
  return /^socket:\[(\d+)\]$/.exec(link)?.[1];
}

/** Servers work in the folder of their node, or in its data folder. */
function clusterOf(folder: string): string | null {
  const node = folder.endsWith('/data') ? dirname(folder) : folder;
  const cluster = dirname(dirname(node));
  if (dirname(node) !== join(cluster, 'nodes') || !existsSync(specFile(cluster))) return null;
  return cluster.slice(cluster.lastIndexOf('/') + 1);
}

function readCommand(pid: string): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

// Processes end while they are looked at, and those of others are not shown: both are read as nothing.

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
