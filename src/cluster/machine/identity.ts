/*
 * Is the server that answers on a port the one that we mean? A port alone does not say: another command may have been
 * quicker, and a pid file may be damaged or missing while its server runs.
 */
import { readlinkSync } from 'node:fs';
import type { Access } from '../node/access.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { connectNode, type NodeClient } from '../node/client.ts';
import { parseInfo } from '../node/facts.ts';
import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import type { NodeFiles } from './layout.ts';
import { findHolder } from './port-holder.ts';
import {
  accepts,
  findRunning,
  type Launched,
  type RunningProcess,
  rememberProcess,
  runningProcess,
} from './process.ts';

/** A server that loads its data answers between two slices, on a busy machine seconds apart. */
const QUESTION_MS = 10_000;

/**
 * The process of a node, by its pid file; where that does not name one, by its port: a server counts as the node when it
 * was started with the node's own configuration. The pid file is then written anew.
 */
export async function findNodeProcess(
  files: NodeFiles,
  address: Address,
  access: Access,
): Promise<RunningProcess | null> {
  const known = findRunning(files);
  if (known !== null) return known;
  if (!(await accepts(address))) return null;
  const pid = (await askForPid(files, address, access)) ?? pidInFolder(files, address);
  const found = pid === null ? null : runningProcess(pid);
  if (found !== null) tryToRemember(files, found);
  return found;
}

/** On a disk that is full it is found by its port again. */
function tryToRemember(files: NodeFiles, found: RunningProcess): void {
  try {
    rememberProcess(files, found);
  } catch {
    // A stop or a destroy is what may help, and needs no file.
  }
}

/** Fails with PORT_IN_USE when another server answers in place of the one that was launched. Nothing is changed there. */
export async function confirmLaunched(client: NodeClient, { pid, files, address }: Launched): Promise<void> {
  const info = parseInfo(await readServerInfo(client));
  // A program that was given as the engine may be a script that starts the server as its child.
  if (info.get('process_id') === String(pid) || info.get('config_file') === files.config) return;
  throw new CliFailure(`port ${address.port} is not free`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    why: `the server that answers at ${formatAddress(address)} is process ${info.get('process_id')}, not the one that was started here`,
    suggestions: ['the same command again', '--port auto'],
  });
}

/** The same over a connection of its own. */
export async function confirmStarted(launched: Launched, access: Access): Promise<void> {
  const client = connectNode(launched.address, access, QUESTION_MS);
  try {
    await confirmLaunched(client, launched);
  } finally {
    client.close();
  }
}

async function readServerInfo(client: NodeClient): Promise<string> {
  try {
    return await client.text('INFO', 'server');
  } catch (error) {
    // Ours would have let us in, and ours has INFO.
    if (isFailure(error, 'NODE_DENIED') || isFailure(error, 'NODE_REPLY')) return '';
    throw error;
  }
}

async function askForPid(files: NodeFiles, address: Address, access: Access): Promise<number | null> {
  const client = connectNode(address, access, QUESTION_MS);
  try {
    const info = parseInfo(await client.text('INFO', 'server'));
    return info.get('config_file') === files.config ? Number(info.get('process_id')) : null;
  } catch (error) {
    if (error instanceof CliFailure) return null;
    throw error;
  } finally {
    client.close();
  }
}

/** A server that does not answer, or does not let us in, still shows in which folder it works. */
function pidInFolder({ folder }: NodeFiles, { port }: Address): number | null {
  const holder = findHolder(port);
  if (holder === null) return null;
  try {
    return `${readlinkSync(`/proc/${holder.pid}/cwd`)}/`.startsWith(`${folder}/`) ? holder.pid : null;
  } catch {
    return null;
  }
}
