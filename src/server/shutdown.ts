/*
 * The orderly end: nobody new comes in, what was promised reaches the disk, replies that exist still leave, and then
 * every socket, timer and lock is gone.
 */

import type { Door } from './door.ts';
import type { Server } from './state/server.ts';
import { endOfTurn } from './turn.ts';

/** How long replies may take to leave before their sockets are cut. */
const GRACE_MS = 1000;

export async function shutdown(
  server: Server,
  door: Door,
  { save, why }: { save: 'as-configured' | 'always' | 'never'; why: string },
): Promise<void> {
  const { log, config, persistence } = server;
  log.warning(`${why}, scheduling shutdown...`);
  await door.close();
  const wanted = save === 'always' || (save === 'as-configured' && config.save.length > 0);
  endOfTurn(server);
  if (wanted && !server.loading) log.notice('Saving the final RDB snapshot before exiting.');
  persistence.close({ save: wanted && !server.loading });
  await server.links.close();
  server.peers.close();
  await server.cluster?.close();
  await closeClients(server);
  log.warning('Redis is now ready to exit, bye bye...');
}

/** The start failed: what was opened is closed, and whoever came in meanwhile is cut off. */
export async function abandonStart(server: Server, door: Door): Promise<void> {
  await door.close();
  await server.links.close();
  server.peers.close();
  await server.cluster?.close();
  for (const client of server.clients.values()) client.connection?.destroy();
}

async function closeClients(server: Server): Promise<void> {
  const sockets = [...server.clients.values()].flatMap((client) => client.connection?.socket ?? []);
  const closed = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once('close', () => resolve());
        // What was already written still leaves; the peer's own end is not waited for.
        socket.end(() => socket.destroy());
      }),
  );
  const grace = server.clock.setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, GRACE_MS);
  await Promise.all(closed);
  server.clock.clear(grace);
  server.clients.clear();
}
