/*
 * How every node is spoken to: one connection each, opened by the first question, a deadline on every question, and no
 * retries behind the caller's back. What fails comes as a CliFailure that names the node.
 */
import { Redis } from 'ioredis';
import { type Address, formatAddress } from './address.ts';
import { CliFailure, EXIT } from './failure.ts';

export interface TlsAccess {
  /** PEM texts. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What it takes to be let in. */
export interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsAccess | undefined;
}

export type Reply = string | number | null | Buffer | readonly Reply[];

export interface NodeClient {
  readonly address: Address;
  /** 'host:port', as in every message. */
  readonly name: string;
  /**
   * One command. Fails with NODE_UNREACHABLE, NODE_SILENT (no answer in time), NODE_DENIED (password, ACL, TLS) or
   * NODE_REPLY (an error reply; its words stand in `why`).
   */
  call(...args: readonly (string | number | Buffer)[]): Promise<Reply>;
  /** The same, for commands that answer with text. */
  text(...args: readonly (string | number)[]): Promise<string>;
  /** The same with replies as bytes, for payloads that are not text. */
  bytes(...args: readonly (string | number | Buffer)[]): Promise<Reply>;
  close(): void;
}

/** `timeout_ms` bounds each question, the opening of the connection included. */
export function connectNode(address: Address, access: Access, timeout_ms: number): NodeClient {
  const name = formatAddress(address);
  let connection: Promise<Redis> | null = null;

  const opened = (): Promise<Redis> => {
    connection ??= openConnection(address, access, timeout_ms).then(
      (redis) => {
        // The next question opens a new connection; the one that was asked when this one ended fails.
        redis.once('end', () => {
          connection = null;
        });
        return redis;
      },
      (error: unknown) => {
        connection = null;
        throw error;
      },
    );
    return connection;
  };
  const drop = (redis: Redis): void => {
    redis.disconnect();
    connection = null;
  };

  const ask = async (args: readonly (string | number | Buffer)[], asBytes: boolean): Promise<Reply> => {
    const [command, ...rest] = args as [string, ...(string | number | Buffer)[]];
    const redis = await opened();
    const reply = asBytes ? redis.callBuffer(command, ...rest) : redis.call(command, ...rest);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // A late reply to this question must not be taken for the answer to the next.
        drop(redis);
        reject(silent(name, describe(args), timeout_ms));
      }, timeout_ms);
    });
    try {
      return (await Promise.race([reply, silence])) as Reply;
    } catch (error) {
      if (error instanceof CliFailure) {
        reply.catch(() => {});
        throw error;
      }
      throw translate(error, name, describe(args));
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    address,
    name,
    call: (...args) => ask(args, false),
    bytes: (...args) => ask(args, true),
    async text(...args) {
      return String(await ask(args, false));
    },
    close() {
      connection?.then(
        (redis) => redis.disconnect(),
        () => {},
      );
      connection = null;
    },
  };
}

async function openConnection(address: Address, access: Access, timeout_ms: number): Promise<Redis> {
  const redis = new Redis({
    host: address.host,
    port: address.port,
    lazyConnect: true,
    protocol: 2,
    connectTimeout: timeout_ms,
    // Readiness, passwords and repeats are decided here, where a failure can be told; not inside the library.
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // The certificate is proved by our own authority; nodes are asked by addresses that no name in it needs to cover.
    ...(access.tls && { tls: { ...access.tls, checkServerIdentity: () => undefined } }),
  });
  const name = formatAddress(address);
  let cause: Error | null = null;
  redis.on('error', (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw unreachable(name, cause ?? (error as Error));
  }
  if (access.password !== undefined) {
    const credentials = access.username === undefined ? [access.password] : [access.username, access.password];
    try {
      await redis.call('AUTH', ...credentials);
    } catch (error) {
      // A node without a password refuses AUTH, but lets everyone in.
      if (!/without any password configured|no password is set/i.test(String(error))) {
        redis.disconnect();
        throw translate(error, name, 'AUTH');
      }
    }
  }
  return redis;
}

function translate(error: unknown, name: string, question: string): CliFailure {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error) || error.name !== 'ReplyError') return unreachable(name, error as Error);
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/i.test(text)) {
    return new CliFailure(`node ${name} does not let us in`, {
      code: 'NODE_DENIED',
      exit: EXIT.unreachable,
      why: text,
      suggestions: text.startsWith('NOPERM') ? ['--user with more rights'] : ['--password, or RKV_PASSWORD'],
      cause: error,
    });
  }
  return new CliFailure(`node ${name} refused ${question}`, {
    code: 'NODE_REPLY',
    exit: EXIT.unexpected,
    why: text,
    cause: error,
  });
}

function unreachable(name: string, error: Error): CliFailure {
  const why = error.message;
  const isTls = /ssl|tls|certificate|EPROTO/i.test(`${why} ${(error as NodeJS.ErrnoException).code ?? ''}`);
  return new CliFailure(`node ${name} cannot be reached`, {
    code: isTls ? 'NODE_DENIED' : 'NODE_UNREACHABLE',
    exit: EXIT.unreachable,
    why,
    suggestions: isTls ? ['--tls with the CA of the cluster'] : [],
    cause: error,
  });
}

function silent(name: string, question: string, timeout_ms: number): CliFailure {
  return new CliFailure(`node ${name} did not answer ${question} within ${timeout_ms} ms`, {
    code: 'NODE_SILENT',
    exit: EXIT.timeout,
    why: 'the connection is open, but no reply came: the process may be paused, or busy',
  });
}

/** Words of the command only: values may be passwords or payloads. */
function describe(args: readonly (string | number | Buffer)[]): string {
  const [command, sub] = args;
  const isContainer = /^(cluster|config|client|function|script|acl|debug|memory)$/i.test(String(command));
  return isContainer && sub !== undefined ? `${command} ${sub}` : String(command);
}
