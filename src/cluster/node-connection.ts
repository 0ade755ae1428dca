/*
 * A connection of node-client.ts, and what can go wrong on it. A file of its own because the library is large: it is loaded
 * once there is a node to talk to, and not before servers are started.
 */
import { Redis } from 'ioredis';
import { type Address, formatAddress } from './address.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Access } from './node-client.ts';

export type Connection = Redis;

const LEAVE_MS = 10;

/** A connection that is open, and let in. */
export async function openConnection(address: Address, access: Access, timeout_ms: number): Promise<Connection> {
  const redis = new Redis({
    host: address.host,
    port: address.port,
    lazyConnect: true,
    protocol: 2,
    connectTimeout: timeout_ms,
    // A server that is frozen does not take leave; nobody waits for that.
    disconnectTimeout: LEAVE_MS,
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
    throw unreachable(name, cause ?? (error as Error), access);
  }
  if (access.password !== undefined) {
    const credentials = access.username === undefined ? [access.password] : [access.username, access.password];
    try {
      await redis.call('AUTH', ...credentials);
    } catch (error) {
      // A node without a password refuses AUTH, but lets everyone in.
      if (!/without any password configured|no password is set/i.test(String(error))) {
        redis.disconnect();
        throw translate(error, { name, question: 'AUTH', access });
      }
    }
  }
  return redis;
}

/** What a question failed with, in our words. */
export function translate(
  error: unknown,
  { name, question, access }: { name: string; question: string; access: Access },
): CliFailure {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error) || error.name !== 'ReplyError') return unreachable(name, error as Error, access);
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/i.test(text)) {
    return new CliFailure(`node ${name}: authentication failed`, {
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

function unreachable(name: string, error: Error, access: Access): CliFailure {
  const { code } = error as NodeJS.ErrnoException;
  const failure = (kind: string, why: string, suggestions: readonly string[] = []): CliFailure =>
    new CliFailure(`node ${name} cannot be reached`, {
      code: kind,
      exit: EXIT.unreachable,
      why,
      suggestions,
      cause: error,
    });
  if (/wrong version number|packet length too long/i.test(error.message)) {
    return failure('NODE_TLS', 'it does not speak TLS', ['leave --tls out']);
  }
  if (/ssl|tls|certificate|EPROTO/i.test(`${error.message} ${code ?? ''}`)) {
    return failure('NODE_TLS', `TLS: ${error.message}`, ['--tls with the --cacert of the cluster']);
  }
  if (code === 'ECONNREFUSED') return failure('NODE_UNREACHABLE', 'connection refused: no server listens there');
  if (code === 'ETIMEDOUT')
    return failure('NODE_UNREACHABLE', 'no connection in time: the host or a firewall is silent');
  if (code === 'ENOTFOUND') return failure('NODE_UNREACHABLE', 'the host name is not known (DNS)');
  if (code === 'EAI_AGAIN') return failure('NODE_UNREACHABLE', 'the host name cannot be looked up now (DNS)');
  if (code === 'ECONNRESET' || /closed/i.test(error.message)) {
    const hint = access.tls === undefined ? ': it may want TLS' : '';
    return failure('NODE_CLOSED', `the connection was closed by the server${hint}`, hint === '' ? [] : ['--tls']);
  }
  return failure('NODE_UNREACHABLE', error.message);
}
