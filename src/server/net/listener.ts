/*
 * Listening sockets: TCP on every bound address, TLS, and a Unix socket. All of them end in `accepted`, with a socket
 * that does not read yet.
 */

import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TlsOptions } from 'node:tls';

/** Where to listen. `host` undefined: all addresses. */
export interface Endpoint {
  host?: string;
  port: number;
  backlog: number;
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

export class Listener {
  readonly #onAccept: OnAccept;
  readonly #keepsAlive: boolean;
  readonly #servers: NetServer[] = [];
  #unixPath: string | null = null;

  /** `keepsAlive`: an open port is a reason for the process to go on. */
  constructor(onAccept: OnAccept, { keepsAlive = true } = {}) {
    this.#onAccept = onAccept;
    this.#keepsAlive = keepsAlive;
  }

  /** Opens a TCP endpoint; answers the port, which the system chose when it was 0. */
  async listenTcp(endpoint: Endpoint): Promise<number> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      this.#acceptKnown(socket, 'tcp');
    });
    return this.#listen(server, endpoint);
  }

  async listenTls(endpoint: Endpoint, options: TlsOptions & SecureContextOptions): Promise<number> {
    const server = createTlsServer({ ...options, noDelay: true }, (socket) => {
      // With tls-auth-clients optional Node accepts any certificate; one that is shown and not trusted is refused, as in Redis.
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) socket.destroy();
      else this.#acceptKnown(socket, 'tls');
    });
    // A client that fails the handshake is its own problem: without a listener Node would end the process.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return this.#listen(server, endpoint);
  }

  async listenUnix(path: string, mode: number, backlog: number): Promise<void> {
    removeSocket(path);
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      this.#onAccept({ socket, transport: 'unix' });
    });
    await opened(server, { path, backlog }, path);
    this.#opened(server);
    this.#unixPath = path;
    try {
      if (mode !== 0) chmodSync(path, mode);
    } catch (error) {
      throw new ListenFailure(path, (error as NodeJS.ErrnoException).code ?? 'UNKNOWN');
    }
  }

  /** Stops accepting; resolves when every port is free again. Open connections are not touched. */
  async close(): Promise<void> {
    const closing = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    // `close` waits for connections; the port itself is free at once, so nobody has to wait for the promise.
    await Promise.race([Promise.all(closing), new Promise<void>((resolve) => setImmediate(resolve))]);
    if (this.#unixPath !== null) removeSocket(this.#unixPath);
  }

  async #listen(server: NetServer, { host, port, backlog }: Endpoint): Promise<number> {
    const where = host === undefined ? { port } : { host, port, ipv6Only: host.includes(':') };
    await opened(server, { ...where, backlog }, `${host ?? '*'}:${port}`);
    this.#opened(server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Who has reset the connection has no address any more, and is nobody: nothing of what they sent is looked at. */
  #acceptKnown(socket: Socket, transport: 'tcp' | 'tls'): void {
    if (socket.remoteAddress === undefined) socket.destroy();
    else this.#onAccept({ socket, transport });
  }

  #opened(server: NetServer): void {
    if (!this.#keepsAlive) server.unref();
    this.#servers.push(server);
  }
}

function opened(server: NetServer, options: Parameters<NetServer['listen']>[0], where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenFailure(where, error.code ?? 'UNKNOWN')));
    server.listen(options, () => {
      server.removeAllListeners('error');
      // Errors of accepting, such as too many open files, concern one client and not the server.
      server.on('error', () => {});
      resolve();
    });
  });
}

/** One that a killed server has left behind; where it cannot be removed, listening says why. */
function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // There is none, or it is not ours to remove.
  }
}

function reasonOf(code: string): string {
  if (code === 'EADDRINUSE') return 'Address already in use';
  if (code === 'EACCES') return 'Permission denied';
  if (code === 'EADDRNOTAVAIL') return 'Cannot assign requested address';
  if (code === 'ENOENT') return 'No such file or directory';
  return code;
}
