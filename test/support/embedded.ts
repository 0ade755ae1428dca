/* Servers in the process of the test, and what INFO says of them. */

import { onTestFinished, vi } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../src/index.ts';

/** Generous: the machine may be busy with other tests. */
const DEADLINE_MS = 20_000;

/** A server that is closed when the test ends. */
export async function started(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: DEADLINE_MS, interval: 5 });
}

/** The values of these fields of INFO, '' for one that is not there. */
export async function infoOf(server: EmbeddedServer, ...fields: string[]): Promise<string[]> {
  const text = String(await server.call('INFO'));
  return fields.map((field) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? '');
}

export async function linkIsUp(replica: EmbeddedServer): Promise<void> {
  await until(async () => (await infoOf(replica, 'master_link_status'))[0] === 'up');
}

export async function follow(replica: EmbeddedServer, port: number): Promise<void> {
  await replica.call('REPLICAOF', '127.0.0.1', String(port));
  await linkIsUp(replica);
}

/** Has the replica all of the primary's stream? */
export async function caughtUp(primary: EmbeddedServer, replica: EmbeddedServer): Promise<void> {
  await until(async () => {
    const [theirs] = await infoOf(primary, 'master_repl_offset');
    const ours = await infoOf(replica, 'master_repl_offset', 'master_link_status');
    return ours[0] === theirs && ours[1] === 'up';
  });
}
