/*
 * A connection of node-client.ts, and what can go wrong on it. A file of its own because the library is large: it is loaded
 * once there is a node to talk to, and not before servers are started.
 */
import { Redis } from 'ioredis';
import { type Address, formatAddress } from './address.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Access } from './node-client.ts';

export type Connection = Redis;

/** A connection that is open, and let in. */
export async function openConnection(address: Address, access: Access, timeout_ms: number): Promise<Connection> {
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

/** What a question failed with, in our words. */
export function translate(error: unknown, name: string, question: string): CliFailure {
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
