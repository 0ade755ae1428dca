/*
 * A command is one record beside its handler: what it is called, how many arguments it takes, what it touches, who may
 * run it, and what it does. COMMAND, routing, gates, the documentation and the tests read this record; nothing about a
 * command is written anywhere else.
 */

import type { Request } from '../protocol/request.ts';
import type { Call } from './call.ts';

/** Names as COMMAND INFO prints them. */
export type Flag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'movablekeys'
  | 'no_async_loading'
  | 'no_multi'
  | 'no_mandatory_keys'
  | 'allow_busy';

/** What sets a command apart for the dispatcher, beyond what COMMAND tells of it. */
export type Trait =
  /** Runs at once between MULTI and EXEC, where others are queued. */
  | 'unqueued'
  /** What it does is what the transaction's commands do: it is judged by them. */
  | 'runs_queue'
  /** Ends the transaction of the client. */
  | 'ends_transaction'
  /** What it says is good for the command behind it. */
  | 'prepares_next'
  /** Replicas are told of it though it changes no data: a pause of writes holds it back. */
  | 'may_replicate'
  /** Sends keys elsewhere: those that are here already or still are do not matter. */
  | 'moves_keys'
  /** What it finds counts as used, whoever asks. */
  | 'touches'
  /** May be sent by a client of RESP2 that is subscribed to something. */
  | 'while_subscribed'
  /** Is asked to learn whether all is well, so it is refused when data cannot be kept. */
  | 'tells_health';

/** ACL categories beyond those that follow from the flags (@write, @read, @fast, @slow, @admin, @dangerous …). */
export type Category =
  | 'keyspace'
  | 'string'
  | 'list'
  | 'set'
  | 'hash'
  | 'connection'
  | 'transaction'
  | 'dangerous'
  | 'admin'
  | 'pubsub'
  | 'scripting';

/** Where keys stand. `last` counts from the end when negative. Source: https://redis.io/docs/latest/develop/reference/key-specs/ */
export interface KeySpec {
  flags: readonly (
    | 'RW'
    | 'RO'
    | 'OW'
    | 'RM'
    | 'access'
    | 'update'
    | 'insert'
    | 'delete'
    | 'incomplete'
    | 'variable_flags'
  )[];
  first: number;
  last: number;
  step: number;
  /** The keys follow this word instead, looked for from argument `from` (backwards when negative). */
  keyword?: { word: string; from: number };
  notes?: string;
}

export interface Spec {
  /** Lower case. */
  readonly name: string;
  /** Arguments including the name; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly Flag[];
  readonly traits?: readonly Trait[];
  readonly acl: readonly Category[];
  readonly keys: readonly KeySpec[];
  readonly since: string;
  /** The group of the documentation: 'string', 'generic', 'server' … */
  readonly group: string;
  readonly summary: string;
  /** Of a subcommand, for HELP: the arguments behind its name, '<slot> [<slot> ...]'. */
  readonly usage?: string;
  readonly complexity: string;
  readonly run: (call: Call) => void;
  readonly subcommands?: readonly Spec[];
  /** For keys that no KeySpec can describe: pushes their argument indexes. */
  readonly findKeys?: (request: Request, indexes: number[]) => void;
}

export const READS_ONE_KEY: readonly KeySpec[] = [{ flags: ['RO', 'access'], first: 1, last: 1, step: 1 }];
