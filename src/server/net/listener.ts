/*
 * Listening sockets: TCP on every bound address, TLS, and a Unix socket. All of them end in `accepted`, with a socket
 * that does not read yet.
 *
 * Which ports are open changes as a whole or not at all: new ones are opened beside the old, and only then are those
 * closed that are not wanted any more. Only where a port stays the same and the address alone changes does the system
 * want the old one closed first; it is opened again when the new one cannot be.
 */

import { chmodSync, closeSync, constants, openSync, renameSync, unlinkSync } from 'node:fs';
import { createServer, type ListenOptions, type Server as NetServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer, type SecureContextOptions, type TlsOptions } from 'node:tls';
import { pathOf } from '../../base/byte-text.ts';
import { type ListenHost, listenOptionally } from '../../config/addresses.ts';

/** A port to listen at. */
export interface Endpoint extends ListenHost {
  readonly transport: 'tcp' | 'tls';
  readonly port: number;
}

/** Ports that are open and take nobody in yet that was not taken in before: they become ours, or are closed again. */
export interface PreparedPorts {
  commit(): void;
  abandon(): Promise<void>;
}

/** A port could not be opened. Says which, and the system's reason. */
export class ListenFailure extends Error {
  override name = 'ListenFailure';
  readonly code: string;

  constructor(where: string, code: string) {
    super(`could not listen on ${where}: ${reasonOf(code)}`);
    this.code = code;
  }
}

/** By what kind of port a client came in. The port knows; a socket does not say so reliably. */
export type Transport = 'tcp' | 'tls' | 'unix';

export interface Accepted {
  socket: Socket;
  transport: Transport;
}

export type OnAccept = (accepted: Accepted) => void;

interface Open extends Endpoint {
  readonly server: NetServer;
}

export interface ListenerOptions {
  onAccept: OnAccept;
  /** Whether a connection may begin with its TLS handshake; otherwise it is closed. */
  mayShakeHands: (socket: Socket) => boolean;
  backlog: number;
  /** An open port is a reason for the process to go on. */
  keepsAlive: boolean;
}

/** Whoever is a client takes one round trip, or two, for it. */
const HANDSHAKE_MS_MAX = 30_000;

export class Listener {
  /** Connections that are in the middle of a TLS handshake. */
  handshakes = 0;
  readonly #options: ListenerOptions;
  #ports: Open[] = [];
  #unix: { readonly server: NetServer; readonly path: string } | null = null;
  /** Never listens: it makes TLS of what the ports have accepted, and another takes its place when certificates change. */
  #tls: NetServer | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Port of the first open endpoint, which the system chose when it was to be 0; 0 when there is none. */
  portOf(transport: Endpoint['transport']): number {
    return this.#ports.find((each) => each.transport === transport)?.port ?? 0;
  }

  /** For connections that come in from now on. */
  applyTls(options: TlsOptions & SecureContextOptions): void {
    const tls = createTlsServer({ ...options, handshakeTimeout: HANDSHAKE_MS_MAX }, (socket) => {
      this.handshakes--;
      // With tls-auth-clients optional Node accepts any certificate; one that is shown and not trusted is refused, as in Redis.
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) socket.destroy();
      else this.#acceptKnown(socket, 'tls');
    });
    // A client that fails the handshake is its own problem: without a listener Node would end the process.
    tls.on('tlsClientError', (_error, socket) => {
      this.handshakes--;
      socket.destroy();
    });
    this.#tls = tls;
  }

  /** Throws a ListenFailure, and everything is as it was. */
  async prepare(wanted: readonly Endpoint[]): Promise<PreparedPorts> {
    const dropped = this.#ports.filter((open) => !wanted.some((each) => isSame(open, each)));
    const opened: Open[] = [];
    const closedFirst: Open[] = [];
    const abandon = async (): Promise<void> => {
      for (const { server } of opened) server.close();
      for (const each of closedFirst) this.#replace(each, await this.#listen(each));
    };
    try {
      for (const each of wanted) {
        if (this.#ports.some((open) => isSame(open, each))) continue;
        for (const old of dropped) {
          if (old.port !== each.port || closedFirst.includes(old)) continue;
          old.server.close();
          closedFirst.push(old);
        }
        // One port for all addresses, also where the system chooses it.
        const chosen = opened.find(({ transport }) => transport === each.transport)?.port ?? each.port;
        const made = await this.#listenIfThere({ ...each, port: each.port === 0 ? chosen : each.port });
        if (made !== null) opened.push(made);
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    return {
      commit: () => {
        for (const { server } of dropped) server.close();
        this.#ports = [...this.#ports.filter((open) => !dropped.includes(open)), ...opened];
      },
      abandon,
    };
  }

  /** `path` is a byte text. */
  async listenUnix(path: string, mode: number): Promise<void> {
    removeSocket(path);
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      this.#options.onAccept({ socket, transport: 'unix' });
    });
    const known = pathOf(path);
    if (typeof known === 'string') await this.#opened(server, { path: known }, path);
    else await this.#openedAsBytes(server, path);
    this.#unix = { server, path };
    try {
      if (mode !== 0) chmodSync(known, mode);
    } catch (error) {
      throw failureAt(path, error);
    }
  }

  /** Stops accepting; every port is free again. Open connections are not touched. */
  close(): void {
    for (const { server } of this.#ports.splice(0)) server.close();
    if (this.#unix === null) return;
    this.#unix.server.close();
    removeSocket(this.#unix.path);
    this.#unix = null;
  }

  async #listenIfThere(endpoint: Endpoint): Promise<Open | null> {
    let made: Open | null = null;
    await listenOptionally(endpoint, async () => {
      made = await this.#listen(endpoint);
    });
    return made;
  }

  async #listen(endpoint: Endpoint): Promise<Open> {
    const { transport, host, port } = endpoint;
    const server =
      transport === 'tcp'
        ? createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#acceptKnown(socket, 'tcp'))
        : createServer({ noDelay: true }, (socket) => this.#shakeHands(socket));
    const where = host === undefined ? { port } : { host, port, ipv6Only: host.includes(':') };
    await this.#opened(server, where, `${host ?? '*'}:${port}`);
    const address = server.address();
    return { ...endpoint, port: typeof address === 'object' && address !== null ? address.port : port, server };
  }

  /** Ends in one of two events of the TLS server: a client is there, or none will be. */
  #shakeHands(socket: Socket): void {
    if (!this.#options.mayShakeHands(socket)) {
      socket.destroy();
      return;
    }
    this.handshakes++;
    this.#tls!.emit('connection', socket);
  }

  #replace(old: Open, again: Open): void {
    this.#ports = this.#ports.map((open) => (open === old ? again : open));
  }

  /** Who has reset the connection has no address any more, and is nobody: nothing of what they sent is looked at. */
  #acceptKnown(socket: Socket, transport: 'tcp' | 'tls'): void {
    if (socket.remoteAddress === undefined) socket.destroy();
    else this.#options.onAccept({ socket, transport });
  }

  /** Node listens at strings only: the socket is made under another name in its folder, and then gets its own. */
  async #openedAsBytes(server: NetServer, path: string): Promise<void> {
    const folder = openFolder(path);
    try {
      const name = `rkv-${process.pid}.socket`;
      await this.#opened(server, { path: `/proc/self/fd/${folder}/${name}` }, path);
      renameSync(pathOf(join(dirname(path), name)), pathOf(path));
    } catch (error) {
      server.close();
      throw error instanceof ListenFailure ? error : failureAt(path, error);
    } finally {
      closeSync(folder);
    }
  }

  #opened(server: NetServer, options: ListenOptions, where: string): Promise<void> {
    const { backlog, keepsAlive } = this.#options;
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenFailure(where, error.code ?? 'UNKNOWN')));
      server.listen({ ...options, backlog }, () => {
        server.removeAllListeners('error');
        // Errors of accepting, such as too many open files, concern one client and not the server.
        server.on('error', () => {});
        if (!keepsAlive) server.unref();
        resolve();
      });
    });
  }
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.transport === other.transport && one.host === other.host && one.port === other.port;
}

function openFolder(path: string): number {
  try {
    return openSync(pathOf(dirname(path)), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw failureAt(path, error);
  }
}

function failureAt(path: string, error: unknown): ListenFailure {
  return new ListenFailure(path, (error as NodeJS.ErrnoException).code ?? 'UNKNOWN');
}

/** One that a killed server has left behind; where it cannot be removed, listening says why. */
function removeSocket(path: string): void {
  try {
    unlinkSync(pathOf(path));
  } catch {
    // There is none, or it is not ours to remove.
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Address already in use',
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAFNOSUPPORT: 'Address family not supported',
  ENOENT: 'No such file or directory',
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
  ETIMEDOUT: 'The address of this name was not told in time',
};

function reasonOf(code: string): string {
  return REASONS[code] ?? code;
}
