/*
 * CONFIG: the directive table (src/config) answers and judges; this file only speaks to the client. Names and values are
 * byte texts, here as there.
 */

import { bytesOf } from '../../base/byte-text.ts';
import { rewriteConfig } from '../../config/conf-rewrite.ts';
import { directiveOf, findName } from '../../config/directives.ts';
import { profileOf } from '../../config/profiles.ts';
import { SettingFailure } from '../../config/settings.ts';
import { type Call, mayBlock } from '../command/call.ts';
import { container } from '../command/container.ts';
import { LOADING, ReplyError, SYNTAX } from '../command/errors.ts';
import { answerBlocked } from '../command/serve.ts';
import type { Spec } from '../command/spec.ts';
import { DiskFailure, readSmallFile, writeFileAtomically } from '../persistence/disk.ts';
import type { Blocked } from '../state/client.ts';
import { resetTraffic } from './info-stats.ts';

const ADMIN = {
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['admin', 'dangerous'],
  keys: [],
  group: 'server',
} as const;

import { isLocal } from '../state/client.ts';

export const specs: readonly Spec[] = [
  container({
    name: 'config',
    since: '2.0.0',
    group: 'server',
    acl: [],
    summary: 'A container for server configuration commands.',
    subcommands: [
      {
        ...ADMIN,
        name: 'get',
        arity: -3,
        since: '2.0.0',
        usage: '<pattern>',
        summary: 'Return parameters matching the glob-like <pattern> and their values.',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        run: get,
      },
      {
        ...ADMIN,
        name: 'set',
        arity: -4,
        since: '2.0.0',
        usage: '<directive> <value>',
        summary: 'Set the configuration <directive> to <value>.',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        run: set,
      },
      {
        ...ADMIN,
        name: 'resetstat',
        arity: 2,
        since: '2.0.0',
        summary: 'Reset statistics reported by the INFO command.',
        complexity: 'O(1)',
        run: resetstat,
      },
      {
        ...ADMIN,
        name: 'rewrite',
        arity: 2,
        since: '2.8.0',
        summary: 'Rewrite the configuration file.',
        complexity: 'O(1)',
        run: rewrite,
      },
    ],
  }),
];

function get(call: Call): void {
  const patterns: string[] = [];
  for (let i = 2; i < call.argc; i++) patterns.push(call.text(i));
  const found = call.server.settings.get(patterns);
  call.reply.map(found.length);
  // A name that is no pattern is answered as it was written.
  const asGiven = new Map(patterns.map((pattern) => [pattern.toLowerCase(), pattern]));
  for (const [name, value] of found) {
    call.reply.bulkText(asGiven.get(name) ?? name);
    call.reply.bulkText(value);
  }
}

const NOT_INSIDE = new ReplyError(
  'ERR CONFIG SET of ports and certificates waits until they are open, which a transaction or a script cannot',
);

function set(call: Call): void {
  if (call.argc % 2 !== 0) throw SYNTAX;
  const pairs: [string, string][] = [];
  for (let i = 2; i < call.argc; i += 2) pairs.push([call.text(i), call.text(i + 1)]);
  if (call.server.loading && pairs.some(([name]) => isDeniedWhileLoading(name)))
    throw LOADING[profileOf(call.server.config).product];
  if (!mayBlock(call) && pairs.some(([name]) => call.server.settings.isTried(name))) throw NOT_INSIDE;
  let trial: Promise<void> | null;
  try {
    trial = call.server.settings.set(pairs, mayChangeProtected(call));
  } catch (error) {
    if (!(error instanceof SettingFailure)) throw error;
    throw new ReplyError(`ERR ${error.message}`);
  }
  if (trial !== null) return answerWhenTried(call, trial);
  // Gates ask for directives; which of them, only they know.
  call.server.rearm();
  call.reply.ok();
}

function isDeniedWhileLoading(given: string): boolean {
  const name = findName(given);
  return name !== null && directiveOf(name).deniedWhileLoading;
}

function answerWhenTried({ server, client, reply }: Call, trial: Promise<void>): void {
  // The system answers a listen at once, one way or the other; what may take longer, names, has a deadline of its own.
  const wait: Blocked = { why: 'config', deadline_ms: Number.POSITIVE_INFINITY, expire: () => {}, reply };
  server.blocking.block(client, wait);
  trial.then(
    () => {
      server.rearm();
      answerBlocked(server, client, { wait, answer: (late) => late.ok() });
    },
    (error: Error) => {
      if (!(error instanceof SettingFailure)) throw error;
      answerBlocked(server, client, { wait, answer: (late) => late.error(`ERR ${error.message}`) });
    },
  );
}

function mayChangeProtected({ server, client }: Call): boolean {
  const allowed = server.config['enable-protected-configs'];
  return allowed === 'yes' || (allowed === 'local' && isLocal(client));
}

function resetstat({ server, reply }: Call): void {
  const { stats, keyspace, commandStats } = server;
  stats.reset();
  resetTraffic(server);
  commandStats.reset();
  keyspace.hits = 0;
  keyspace.misses = 0;
  keyspace.expired = 0;
  keyspace.expiry.cappedSlices = 0;
  keyspace.expiry.spent_ms = 0;
  reply.ok();
}

const NO_FILE = new ReplyError('ERR The server is running without a config file');
const CONF_BYTES_MAX = 16 * 1024 * 1024;

function rewrite({ server, reply }: Call): void {
  if (server.configFile === null) throw NO_FILE;
  try {
    const before = readSmallFile(server.configFile, CONF_BYTES_MAX).latin1Slice();
    writeFileAtomically(server.configFile, bytesOf(rewriteConfig(before, server.config)));
  } catch (error) {
    if (!(error instanceof DiskFailure)) throw error;
    server.log.warning(`CONFIG REWRITE failed: ${error.message}`);
    throw new ReplyError(`ERR Rewriting config file: ${error.reason}`);
  }
  server.log.notice('CONFIG REWRITE executed with success.');
  reply.ok();
}
