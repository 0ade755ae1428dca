/*
 * The catalogue of refusals: every error text that more than one command answers, word for word as Redis has it (spec:
 * resp.md, section 3). A ReplyError is a value, not an Error: it is thrown, answered and forgotten, and no stack is
 * captured for a client's mistake.
 */

import type { Profile } from '../../config/profiles.ts';

export class ReplyError {
  /** The error line without its dash and line end. */
  readonly line: string;

  constructor(line: string) {
    this.line = line;
  }
}

export const SYNTAX = new ReplyError('ERR syntax error');
export const NOT_INTEGER = new ReplyError('ERR value is not an integer or out of range');
/** Word for word as Redis says it. */
export const NOT_INT32 = new ReplyError('ERR value is out of range, value must between -2147483648 and 2147483647');
export const NOT_FLOAT = new ReplyError('ERR value is not a valid float');
export const NOT_POSITIVE = new ReplyError('ERR value is out of range, must be positive');
export const OVERFLOW = new ReplyError('ERR increment or decrement would overflow');
export const OFFSET_OUT_OF_RANGE = new ReplyError('ERR offset is out of range');
export const STRING_TOO_LONG = new ReplyError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
export const NO_SUCH_KEY = new ReplyError('ERR no such key');
export const SAME_OBJECT = new ReplyError('ERR source and destination objects are the same');
export const WRONG_TYPE = new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');
export const BUSY_KEY = new ReplyError('BUSYKEY Target key name already exists.');
export const DB_INDEX_OUT_OF_RANGE = new ReplyError('ERR DB index is out of range');
export const INVALID_CURSOR = new ReplyError('ERR invalid cursor');

export const NO_AUTH = new ReplyError('NOAUTH Authentication required.');
export const WRONG_PASSWORD = new ReplyError('WRONGPASS invalid username-password pair or user is disabled.');
export const NOT_IN_MULTI = new ReplyError('ERR Command not allowed inside a transaction');
export const EXEC_ABORTED = new ReplyError('EXECABORT Transaction discarded because of previous errors.');
export const READ_ONLY = new ReplyError("READONLY You can't write against a read only replica.");
export const MASTER_DOWN = new ReplyError(
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
export const NO_REPLICAS = new ReplyError('NOREPLICAS Not enough good replicas to write.');
/** In the name of whose server this one is seen as (compat-profile). */
export const LOADING = byProduct((name) => `LOADING ${name} is loading the dataset in memory`);
export const SNAPSHOTS_FAIL = byProduct(
  (name) =>
    `MISCONF ${name} is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may ` +
    'modify the data set are disabled, because this instance is configured to report errors during writes if RDB ' +
    `snapshotting fails (stop-writes-on-bgsave-error option). Please check the ${name} logs for details about the RDB error.`,
);
export const CLUSTER_DISABLED = new ReplyError('ERR This instance has cluster support disabled');

function byProduct(text: (name: string) => string): Readonly<Record<Profile['product'], ReplyError>> {
  return { redis: new ReplyError(text('Redis')), valkey: new ReplyError(text('Valkey')) };
}

/** `reason` in the words of strerror(3). */
export function aofFails(reason: string): ReplyError {
  return new ReplyError(`MISCONF Errors writing to the AOF file: ${reason}`);
}

/** `name` as the client knows the command: 'get', or 'config|get' for a subcommand. */
export function wrongArity(name: string): ReplyError {
  return new ReplyError(`ERR wrong number of arguments for '${name}' command`);
}

/** Redis quotes about this many characters of what it does not know. */
export const QUOTED_MAX = 128;

/** As C prints a text: up to its first zero byte. */
export function quoted(text: string, length = QUOTED_MAX): string {
  return text.slice(0, length).split('\0', 1)[0]!;
}

export function unknownSubcommand(given: string, command: string): ReplyError {
  return new ReplyError(`ERR unknown subcommand '${quoted(given)}'. Try ${command.toUpperCase()} HELP.`);
}

/** Where the subcommand itself looks how many arguments it got. */
export function misusedSubcommand(given: string, command: string): ReplyError {
  return new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${quoted(given)}'. Try ${command.toUpperCase()} HELP.`,
  );
}

/** Something that this version cannot do yet; better said than pretended. */
export function unsupported(what: string): ReplyError {
  return new ReplyError(`ERR ${what} is not supported by this version of rkv`);
}
