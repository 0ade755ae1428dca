/*
 * The server as a whole: INFO, TIME, LOLWUT, saving, shutting down.
 */

import { profileOf } from '../../config/profiles.ts';
import type { Call } from '../command/call.ts';
import { ReplyError, SYNTAX } from '../command/errors.ts';
import { answerBlocked } from '../command/serve.ts';
import type { Spec } from '../command/spec.ts';
import { DiskFailure } from '../persistence/disk.ts';
import type { Answer } from '../persistence/persistence-options.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Blocked } from '../state/client.ts';
import { ShutdownAborted, ShutdownRefused } from '../state/server.ts';
import { infoText } from './info-text.ts';

const ADMIN = {
  flags: ['admin', 'noscript', 'no_async_loading'],
  acl: ['admin', 'dangerous'],
  keys: [],
  group: 'server',
} as const;

export const specs: readonly Spec[] = [
  {
    name: 'info',
    arity: -1,
    flags: ['loading', 'stale'],
    acl: ['dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Returns information and statistics about the server.',
    complexity: 'O(1)',
    run: info,
  },
  {
    name: 'time',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: [],
    keys: [],
    since: '2.6.0',
    group: 'server',
    summary: 'Returns the server time.',
    complexity: 'O(1)',
    run: time,
  },
  {
    name: 'lolwut',
    arity: -1,
    flags: ['readonly', 'fast'],
    acl: [],
    keys: [],
    since: '5.0.0',
    group: 'server',
    summary: 'Displays computer art and the Redis version',
    complexity: 'O(1)',
    run: lolwut,
  },
  {
    ...ADMIN,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    name: 'save',
    arity: 1,
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk.',
    complexity: 'O(N) where N is the total number of keys in all databases',
    run: save,
  },
  {
    ...ADMIN,
    name: 'bgsave',
    arity: -1,
    since: '1.0.0',
    summary: 'Asynchronously saves the database(s) to disk.',
    complexity: 'O(1)',
    run: saveInBackground,
  },
  {
    ...ADMIN,
    name: 'bgrewriteaof',
    arity: 1,
    since: '1.0.0',
    summary: 'Asynchronously rewrites the append-only file to disk.',
    complexity: 'O(1)',
    run: (call) => answer(call, call.server.persistence.askForRewrite({ inside: call.depth > 0 })),
  },
  {
    name: 'lastsave',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: ['admin', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Returns the Unix timestamp of the last successful save to disk.',
    complexity: 'O(1)',
    run: (call) => call.reply.integer(call.server.persistence.lastSave_s),
  },
  {
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    acl: ['admin', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'Synchronously saves the database(s) to disk and shuts down the Redis server.',
    complexity: 'O(N) when saving, where N is the total number of keys in all databases, otherwise O(1)',
    run: shutdown,
  },
];

function info(call: Call): void {
  const sections: string[] = [];
  for (let i = 1; i < call.argc; i++) sections.push(call.text(i).toLowerCase());
  call.reply.verbatim(infoText(call.server, sections));
}

function time({ server, reply }: Call): void {
  const now_us = server.clock.now_us();
  reply.array(2);
  reply.bulkText(String(Math.floor(now_us / 1_000_000)));
  reply.bulkText(String(now_us % 1_000_000));
}

const ART_COLUMNS = 66;
const ART_ROWS = 12;

/** Sixteen thousand slots as a landscape: the same for everybody, but seen from wherever the clock stands. */
function lolwut(call: Call): void {
  const shift = (call.server.keyspace.now_ms / 1000) % 360;
  const lines: string[] = [];
  for (let row = 0; row < ART_ROWS; row++) {
    let line = '';
    for (let column = 0; column < ART_COLUMNS; column++) {
      const height = Math.sin((column + shift) / 7) * 2.2 + Math.sin((column - shift) / 3.1) + ART_ROWS / 2;
      line += row > height ? '#' : row > height - 1 ? '-' : ' ';
    }
    lines.push(line.trimEnd());
  }
  call.reply.verbatim(`${lines.join('\n')}\n\nRedis ver. ${profileOf(call.server.config).redisVersion}\n`);
}

function saveInBackground(call: Call): void {
  const schedule = call.argc === 2 && call.is(1, 'SCHEDULE');
  if (call.argc > 1 && !schedule) throw SYNTAX;
  answer(call, call.server.persistence.askForSave({ schedule, inside: call.depth > 0 }));
}

function answer({ reply }: Call, given: Answer): void {
  if ('refusal' in given) throw new ReplyError(`ERR ${given.refusal}`);
  reply.simple(given.reply);
}

function save({ server, reply }: Call): void {
  if (server.persistence.purpose === 'save') throw SAVE_IN_PROGRESS;
  try {
    server.persistence.save();
  } catch (error) {
    if (!(error instanceof DiskFailure)) throw error;
    throw new ReplyError(`ERR ${error.message}`);
  }
  reply.ok();
}

const SAVE_IN_PROGRESS = new ReplyError('ERR Background save already in progress');
const REASONS_TO_GO_ON = [DiskFailure, ShutdownAborted, ShutdownRefused] as const;
const NOTHING_TO_ABORT = new ReplyError('ERR No shutdown in progress.');

function abortShutdown({ server, reply }: Call): void {
  if (!server.abortShutdown()) throw NOTHING_TO_ABORT;
  reply.ok();
}

function shutdown(call: Call): void {
  const { server, client, reply } = call;
  let save: 'as-configured' | 'always' | 'never' = 'as-configured';
  let force = false;
  let now = false;
  for (let i = 1; i < call.argc; i++) {
    if (call.is(i, 'NOSAVE') && save !== 'always') save = 'never';
    else if (call.is(i, 'SAVE') && save !== 'never') save = 'always';
    else if (call.is(i, 'FORCE')) force = true;
    else if (call.is(i, 'NOW')) now = true;
    else if (call.is(i, 'ABORT') && call.argc === 2) return abortShutdown(call);
    else throw SYNTAX;
  }
  // The client is not answered: its connection ends with the server. A save that fails keeps the server up, and so does
  // whoever aborts it.
  const wait: Blocked = { why: 'shutdown', reply, deadline_ms: Number.POSITIVE_INFINITY, expire() {} };
  server.blocking.block(client, wait);
  server.shutdown({ save, force, now }).then(
    () => server.ended(),
    (error: Error) => {
      if (!REASONS_TO_GO_ON.some((kind) => error instanceof kind)) throw error;
      const answer = (to: RespWriter): void => to.error('ERR Errors trying to SHUTDOWN. Check logs.');
      answerBlocked(server, client, { wait, answer });
    },
  );
}
