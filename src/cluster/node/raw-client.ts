/*
 * A connection that hands over replies as they are, for `rkv cli`: no retries, no routing, no conversion. Replies come
 * back in the order of the commands; what nobody asked for (RESP3 pushes, messages of a subscription, MONITOR lines)
 * goes to `onUnasked`, so a terminal can print it the moment it arrives.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodeCommand, type Reply, ReplyDecoder } from './reply.ts';

/** `ca`, `cert` and `key` are PEM texts. */
export interface RawTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly sni?: string | undefined;
  /** Accept any certificate: the link is encrypted, but who is at the other end is not checked. */
  readonly insecure?: boolean | undefined;
}

export interface RawClientOptions {
  readonly host: string;
  readonly port: number;
  /** A Unix socket instead of host and port. */
  readonly path?: string | undefined;
  readonly tls?: RawTls | undefined;
  /** How long the connection may take to be usable; a command may take as long as it likes (BLPOP 0). */
  readonly connectTimeout_ms: number;
  readonly onUnasked?: (reply: Reply) => void;
}

/** The link is gone or was never made. `message` is the system's own sentence about it. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export class RawClient {
  readonly #socket: Socket;
  readonly #decoder = new ReplyDecoder();
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  readonly #onUnasked: ((reply: Reply) => void) | undefined;
  /** Not told of yet. */
  #unasked: Reply[] = [];
  #failure: Error | null = null;

  private constructor(socket: Socket, onUnasked: ((reply: Reply) => void) | undefined) {
    this.#socket = socket;
    this.#onUnasked = onUnasked;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(new ConnectionError(sentence(error), { cause: error })));
    socket.on('close', () => this.#fail(new ConnectionError('Server closed the connection')));
  }

  static async connect(options: RawClientOptions): Promise<RawClient> {
    return new RawClient(await openSocket(options), options.onUnasked);
  }

  get closed(): boolean {
    return this.#failure !== null;
  }

  /** Sends one command and waits for its reply. An error reply is a reply: it does not throw. */
  send(words: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(words));
    });
  }

  /** Settles when the peer goes away; a subscription or MONITOR is read until then. */
  whenClosed(): Promise<void> {
    if (this.#failure !== null) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  close(): void {
    this.#fail(new ConnectionError('interrupted, the connection was closed'));
  }

  #receive(chunk: Buffer): void {
    let replies: Reply[];
    try {
      replies = this.#decoder.feed(chunk);
    } catch (error) {
      // After a byte that is not RESP nothing that follows can be trusted to start a reply.
      this.#fail(new ConnectionError(`Protocol error: ${(error as Error).message}`));
      return;
    }
    for (const reply of replies) {
      const next = reply.type === 'push' && !confirmsSubscription(reply) ? undefined : this.#waiting.shift();
      if (reply.type === 'attribute') {
        // An attribute precedes the reply that it is about; it answers no command of its own.
        if (next !== undefined) this.#waiting.unshift(next);
        continue;
      }
      if (next !== undefined) next.resolve(reply);
      else this.#noteUnasked(reply);
    }
  }

  /** Told a little later: whoever asked for what came just before it, perhaps with the same bytes, has still to take that. */
  #noteUnasked(reply: Reply): void {
    this.#unasked.push(reply);
    if (this.#unasked.length === 1) setImmediate(() => this.#tellUnasked());
  }

  #tellUnasked(): void {
    for (const reply of this.#unasked.splice(0)) this.#onUnasked?.(reply);
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#tellUnasked();
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function openSocket(options: RawClientOptions): Promise<Socket> {
  const { host, port, path, tls, connectTimeout_ms } = options;
  const target = path === undefined ? { host, port } : { path };
  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connectPlain(target) : connectTls({ ...target, ...tlsOptions(tls, host) });
    const timer = setTimeout(() => settle(new ConnectionError('Connection timed out')), connectTimeout_ms);
    const onError = (error: Error) => settle(new ConnectionError(sentence(error), { cause: error }));
    const settle = (failure: Error | null) => {
      clearTimeout(timer);
      socket.off('error', onError);
      if (failure === null) return resolve(socket);
      // Destroying may report once more; an unheard 'error' would end the process.
      socket.on('error', () => {});
      socket.destroy();
      reject(failure);
    };
    socket.setNoDelay(true);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => settle(null));
    socket.once('error', onError);
  });
}

function tlsOptions({ ca, cert, key, sni, insecure }: RawTls, host: string): Record<string, unknown> {
  const servername = sni ?? (isIP(host) === 0 ? host : undefined);
  return {
    ca,
    cert,
    key,
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: insecure !== true,
    // As redis-cli does: the chain must be valid, the name on a node's certificate may be another.
    checkServerIdentity: () => undefined,
  };
}

/** In RESP3 the answers to SUBSCRIBE and its family arrive as pushes, one for each channel. */
function confirmsSubscription(reply: Reply): boolean {
  if (reply.type !== 'push') return false;
  const kind = reply.items[0];
  return kind?.type === 'bulk' && /^[sp]?(un)?subscribe$/i.test(kind.bytes.toString('latin1'));
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ENOTFOUND: 'Name or service not known',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Connection timed out',
};

/** The system's words, as every other tool on the machine prints them. */
function sentence(error: Error): string {
  // A name that resolves to several addresses fails with one error per address; the first one tells enough.
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error;
  const { code = '', reason } = first as NodeJS.ErrnoException & { reason?: string };
  // OpenSSL's message names its source files; its reason is what a person can use.
  return SENTENCES[code] ?? (code.startsWith('ERR_SSL_') && reason !== undefined ? `SSL: ${reason}` : first.message);
}
