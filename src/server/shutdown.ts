/*
 * The orderly end, in two halves. First everything that was promised is brought to the disk; when that fails, nothing has
 * changed yet, and the server goes on exactly as it was. Then, without a turn in between in which anybody could be
 * promised more, commands stop, and every port, socket, timer and lock goes.
 */

import type { Door } from './door.ts';
import { DiskFailure } from './persistence/disk.ts';
import type { Server, Shutdown } from './state/server.ts';
import { endOfTurn } from './turn.ts';

/** How long replies may take to leave before their sockets are cut. */
const GRACE_MS = 1000;

/**
 * `committed`: there is no way back, and no timer may go on. Throws a DiskFailure when the server cannot end without losing
 * something, unless it is to end all the same.
 */
export async function shutdown(
  server: Server,
  { door, committed }: { door: Door; committed: () => void },
  how: Shutdown,
): Promise<void> {
  if (how.why !== undefined) server.log.warning(`${how.why}...`);
  // Out of the command that asked for it: its turn is to end first.
  await new Promise((resolve) => setImmediate(resolve));
  endOfTurn(server);
  secure(server, how);
  // As far as the first `await` all of this is one task, and no command gets between.
  for (const client of server.clients.values()) if (client.connection !== null) client.connection.closing = true;
  committed();
  server.persistence.close();
  door.close();
  const closed = [server.links.close(), server.cluster?.close()];
  server.peers.close();
  await Promise.all(closed);
  await closeClients(server);
  server.log.warning('Redis is now ready to exit, bye bye...');
}

function secure({ log, config, persistence, loading }: Server, { save, force }: Shutdown): void {
  log.warning('User requested shutdown...');
  const wanted = !loading && (save === 'always' || (save === 'as-configured' && config.save.length > 0));
  if (wanted) log.notice('Saving the final RDB snapshot before exiting.');
  try {
    persistence.secure({ save: wanted });
  } catch (failure) {
    if (!(failure instanceof DiskFailure)) throw failure;
    if (force === true) {
      log.warning(`Error trying to save the DB, but exiting anyway: ${failure.message}`);
      return;
    }
    log.warning(
      `Error trying to save the DB, can't exit: ${failure.message}. SHUTDOWN FORCE ends the server all the same.`,
    );
    log.warning('Errors trying to shut down the server. Check the logs for more information.');
    throw failure;
  }
}

/** The start failed: what was opened is closed, and whoever came in meanwhile is cut off. */
export async function abandonStart(server: Server, door: Door): Promise<void> {
  server.persistence.close();
  door.close();
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
