/*
 * A connection of node-client.ts, and what can go wrong on it. A file of its own because the library is large: it is loaded
 * once there is a node to talk to, and not before servers are started.
 */
import { Redis } from 'ioredis';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { Access } from './access.ts';
import { type Address, formatAddress } from './address.ts';
import { explainTrouble, type Trouble } from './connection-trouble.ts';

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
  redis.on('error', (error: Error) => {
    if (!causes.has(redis)) causes.set(redis, error);
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw await unreachable(name, causes.get(redis) ?? (error as Error), { address, access });
  }
  if (access.password !== undefined) {
    const credentials = access.username === undefined ? [access.password] : [access.username, access.password];
    try {
      await redis.call('AUTH', ...credentials);
    } catch (error) {
      // A node without a password refuses AUTH, but lets everyone in.
      if (!/without any password configured|no password is set/i.test(String(error))) {
        redis.disconnect();
        throw await translate(error, redis, { question: 'AUTH', address, access });
      }
    }
  }
  return redis;
}

/** What ended a connection, in the words of the system: its questions only learn that it has ended. */
const causes = new WeakMap<Connection, Error>();

interface Meant {
  readonly address: Address;
  readonly access: Access;
}

/** What a question failed with, in our words. */
export async function translate(
  error: unknown,
  redis: Connection,
  { question, address, access }: Meant & { question: string },
): Promise<CliFailure> {
  const text = error instanceof Error ? error.message : String(error);
  const name = formatAddress(address);
  if (!(error instanceof Error) || error.name !== 'ReplyError') {
    return await unreachable(name, causes.get(redis) ?? (error as Error), { address, access });
  }
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/i.test(text)) {
    return new CliFailure(`node ${name}: authentication failed`, {
      code: 'NODE_DENIED',
      exit: EXIT.unreachable,
      why: `authentication failed: ${text}`,
      suggestions: text.startsWith('NOPERM')
        ? ['--user NAME     # one with more rights']
        : ['-a PASSWORD     # or RKV_PASSWORD'],
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

async function unreachable(name: string, error: Error, { address, access }: Meant): Promise<CliFailure> {
  const { kind, why, suggestions } = await explainTrouble(error, { ...address, tls: access.tls !== undefined });
  return new CliFailure(`node ${name} cannot be reached`, {
    code: CODES[kind] ?? 'NODE_UNREACHABLE',
    exit: EXIT.unreachable,
    why,
    suggestions,
    cause: error,
  });
}

const CODES: Readonly<Partial<Record<Trouble['kind'], string>>> = { tls: 'NODE_TLS', closed: 'NODE_CLOSED' };
