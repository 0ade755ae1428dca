/*
 * How every node is spoken to: one connection each, opened by the first question, a deadline on every question, and no
 * retries behind the caller's back. What fails comes as a CliFailure that names the node. A client that is made
 * before its server is up has loaded by then what it takes to speak.
 */

import { CliFailure, EXIT } from '../run/failure.ts';
import type { Access } from './access.ts';
import { type Address, formatAddress } from './address.ts';
import type { Connection } from './connection.ts';

export type Reply = string | number | null | Buffer | readonly Reply[];

export interface NodeClient {
  readonly address: Address;
  /** 'host:port', as in every message. */
  readonly name: string;
  /**
   * One command. Fails with NODE_UNREACHABLE, NODE_CLOSED (the connection ended), NODE_SILENT (no answer in time),
   * NODE_TLS, NODE_DENIED (password, rights) or NODE_REPLY (an error reply; its words stand in `why`).
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
  const library = import('./connection.ts');
  let connection: Promise<Connection> | null = null;

  let isClosed = false;
  const opened = (): Promise<Connection> => {
    // What is asked after that is nobody's, and would open a connection that nobody closes.
    if (isClosed) return Promise.reject(closedHere(name));
    connection ??= library
      .then(({ openConnection }) => openConnection(address, access, timeout_ms))
      .then(
        (opening) => {
          // The next question opens a new connection; the one that was asked when this one ended fails.
          opening.once('end', () => {
            connection = null;
          });
          return opening;
        },
        (error: unknown) => {
          connection = null;
          throw error;
        },
      );
    return connection;
  };
  let dropped: Connection | null = null;
  /** Once, however many questions wait on it. */
  const drop = (redis: Connection): void => {
    if (redis === dropped) return;
    dropped = redis;
    redis.disconnect();
    connection = null;
  };

  const ask = async (args: readonly (string | number | Buffer)[], asBytes: boolean): Promise<Reply> => {
    const [command, ...rest] = args as [string, ...(string | number | Buffer)[]];
    const redis = await opened();
    const reply = asBytes ? redis.callBuffer(command, ...rest) : redis.call(command, ...rest);
    try {
      return (await inTime(reply, timeout_ms, () => {
        // A late reply to this question must not be taken for the answer to the next.
        drop(redis);
        return silentFailure(name, describe(args), timeout_ms);
      })) as Reply;
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      throw await (await library).translate(error, redis, { question: describe(args), address, access });
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
      isClosed = true;
      connection?.then(
        (redis) => redis.disconnect(),
        () => {},
      );
      connection = null;
    },
  };
}

/** The reply, or the failure that `whenLate` makes; what comes after that is nobody's. */
async function inTime<Value>(reply: Promise<Value>, timeout_ms: number, whenLate: () => CliFailure): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(whenLate()), timeout_ms);
  });
  try {
    return await Promise.race([reply, silence]);
  } catch (error) {
    reply.catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function closedHere(name: string): CliFailure {
  return new CliFailure(`the connection to node ${name} was closed here`, {
    code: 'NODE_CLOSED',
    exit: EXIT.unreachable,
  });
}

export function silentFailure(name: string, question: string, timeout_ms: number): CliFailure {
  return new CliFailure(`node ${name} did not answer ${question} within ${Math.round(timeout_ms)} ms`, {
    code: 'NODE_SILENT',
    exit: EXIT.timeout,
    why: 'the connection is open, but no reply came: the process may be paused, or busy',
    suggestions: ['--timeout 60     # if it is busy'],
  });
}

/** Words of the command only: values may be passwords or payloads. */
function describe(args: readonly (string | number | Buffer)[]): string {
  const [command, sub] = args;
  const isContainer = /^(cluster|config|client|function|script|acl|debug|memory)$/i.test(String(command));
  return isContainer && sub !== undefined ? `${command} ${sub}` : String(command);
}
