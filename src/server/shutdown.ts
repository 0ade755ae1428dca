/*
 * The orderly end, in three parts. First, unless it is to happen now, writes are held back until the replicas have what
 * was written, or the time for that is up; whoever aborts it meanwhile leaves the server as it was. Then everything that
 * was promised is brought to the disk; when that fails, or has to wait, nothing has changed yet either. Then, without a
 * turn in between in which anybody could be promised more, commands stop, and every port, socket, timer and lock goes.
 */

import type { Door } from './door.ts';
import { DiskFailure } from './persistence/disk.ts';
import { type Server, type Shutdown, ShutdownAborted, ShutdownRefused } from './state/server.ts';
import { endOfTurn } from './turn.ts';

/** How long replies may take to leave before their sockets are cut. */
const GRACE_MS = 1000;

interface Surroundings {
  door: Door;
  /** There is no way back, and no timer may go on. */
  committed: () => void;
  ended: () => void;
}

interface Run {
  readonly ended: Promise<void>;
  aborted: boolean;
  /** Monotonic; null unless replicas are waited for. */
  until_ms: number | null;
  /** Ends the wait for replicas. */
  wake: () => void;
}

/** The end that is under way: there is one at most, and all who ask for it wait for the same. */
export class Ending {
  readonly #the: () => Server;
  readonly #surroundings: Surroundings;
  #run: Run | null = null;

  constructor(the: () => Server, surroundings: Surroundings) {
    this.#the = the;
    this.#surroundings = surroundings;
  }

  /** Rejects with a DiskFailure, ShutdownRefused or ShutdownAborted, and the server is as it was. */
  begin(how: Shutdown): Promise<void> {
    if (how.why !== undefined) this.#the().log.warning(how.why);
    if (this.#run === null) {
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
      const run: Run = { ended, aborted: false, until_ms: null, wake() {} };
      this.#run = run;
      this.#end(run, how).then(resolve, (reason) => {
        if (this.#run === run) this.#run = null;
        reject(reason);
      });
    }
    return this.#run.ended;
  }

  abort(): boolean {
    const server = this.#the();
    const run = this.#run;
    if (run === null) return false;
    this.#run = null;
    run.aborted = true;
    run.wake();
    server.links.endWaitForAll();
    server.endPause('shutdown');
    server.log.notice('Shutdown manually aborted.');
    return true;
  }

  left_ms(): number | null {
    const until_ms = this.#run?.until_ms ?? null;
    return until_ms === null ? null : Math.max(0, until_ms - this.#the().clock.monotonic_ms());
  }

  async #end(run: Run, how: Shutdown): Promise<void> {
    const server = this.#the();
    // Out of the command that asked for it: its turn is to end first.
    await new Promise((resolve) => setImmediate(resolve));
    if (run.aborted) throw new ShutdownAborted('The shutdown was aborted');
    endOfTurn(server);
    server.log.warning('User requested shutdown...');
    if (how.now !== true) await waitForReplicas(server, run);
    if (run.aborted) throw new ShutdownAborted('The shutdown was aborted');
    try {
      endOfTurn(server);
      server.links.reportLagging();
      secure(server, how);
    } catch (failure) {
      server.links.endWaitForAll();
      server.endPause('shutdown');
      throw failure;
    }
    await this.#close(server);
  }

  /** As far as the first `await` it is one task with the last of what was secured, and no command gets between. */
  async #close(server: Server): Promise<void> {
    const { door, committed, ended } = this.#surroundings;
    for (const client of server.clients.values()) if (client.connection !== null) client.connection.closing = true;
    committed();
    server.persistence.close();
    door.close();
    const closed = [server.links.close(), server.cluster?.close()];
    server.peers.close();
    await Promise.all(closed);
    await closeClients(server);
    server.log.warning('Redis is now ready to exit, bye bye...');
    ended();
  }
}

async function waitForReplicas(server: Server, run: Run): Promise<void> {
  const { clock, config, links, log } = server;
  const timeout_ms = config['shutdown-timeout'] * 1000;
  if (timeout_ms === 0 || links.areInSync) return;
  log.notice('Waiting for replicas before shutting down.');
  // It ends with the wait, which has a deadline: by itself it could end before, and let a write in.
  server.beginPause('shutdown', 'write', Number.POSITIVE_INFINITY);
  run.until_ms = clock.monotonic_ms() + timeout_ms;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  run.wake = resolve;
  links.waitForAll(resolve);
  const timer = clock.setTimeout(resolve, timeout_ms);
  // Also in a library, where nothing else does: a program that ends now would not have saved.
  if ('ref' in timer) (timer as { ref(): void }).ref();
  await over;
  clock.clear(timer);
  run.until_ms = null;
}

/** Throws a DiskFailure or ShutdownRefused, and nothing has changed. */
function secure(server: Server, how: Shutdown): void {
  const { log } = server;
  try {
    requireCompleteLog(server, how);
    bringToDisk(server, how);
  } catch (failure) {
    log.warning('Errors trying to shut down the server. Check the logs for more information.');
    throw failure;
  }
}

/** The log was turned on a moment ago: until its base is written, the next start would find an empty one. */
function requireCompleteLog({ log, persistence }: Server, { force }: Shutdown): void {
  const isBeingWritten = persistence.active && (!persistence.log.enabled || persistence.log.lacksBase);
  if (!isBeingWritten) return;
  if (force === true) {
    log.warning('Writing initial AOF. Exit anyway.');
    return;
  }
  log.warning("Writing initial AOF, can't exit. SHUTDOWN FORCE ends the server all the same.");
  throw new ShutdownRefused('The append only file is being written for the first time, and is not complete yet');
}

function bringToDisk({ log, config, persistence, loading }: Server, { save, force }: Shutdown): void {
  const wanted = !loading && (save === 'always' || (save === 'as-configured' && config.save.length > 0));
  try {
    if (wanted) log.notice('Saving the final RDB snapshot before exiting.');
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
