/*
 * COMMAND: what the records of all commands (command/spec.ts) say, to clients that want to know before they ask.
 */

import { GlobPattern } from '../../base/glob.ts';
import type { Call } from '../command/call.ts';
import { aclCategories } from '../command/categories.ts';
import { ReplyError, SYNTAX } from '../command/errors.ts';
import { findKeys } from '../command/keys.ts';
import type { Command, Registry } from '../command/registry.ts';
import type { KeySpec, Spec } from '../command/spec.ts';
import { type Request, requestOf } from '../protocol/request.ts';

const QUESTION = { flags: ['loading', 'stale'], acl: ['connection'], keys: [], group: 'server' } as const;

export const specs: readonly Spec[] = [
  {
    ...QUESTION,
    name: 'command',
    arity: -1,
    since: '2.8.13',
    summary: 'Returns detailed information about all commands.',
    complexity: 'O(N) where N is the total number of Redis commands',
    run: all,
    subcommands: [
      {
        ...QUESTION,
        name: 'count',
        arity: 2,
        since: '2.8.13',
        summary: 'Return the total number of commands in this Redis server.',
        complexity: 'O(1)',
        run: (call) => call.reply.integer(call.server.commands.all.length),
      },
      {
        ...QUESTION,
        name: 'info',
        arity: -2,
        since: '2.8.13',
        usage: '[<command-name> ...]',
        summary: 'Return details about multiple Redis commands.',
        complexity: 'O(N) where N is the number of commands to look up',
        run: info,
      },
      {
        ...QUESTION,
        name: 'docs',
        arity: -2,
        since: '7.0.0',
        usage: '[<command-name> ...]',
        summary: 'Return documentation details about multiple Redis commands.',
        complexity: 'O(N) where N is the number of commands to look up',
        run: docs,
      },
      {
        ...QUESTION,
        name: 'list',
        arity: -2,
        since: '7.0.0',
        usage: '[FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]',
        summary: 'Return a list of all commands in this Redis server.',
        complexity: 'O(N) where N is the total number of Redis commands',
        run: list,
      },
      {
        ...QUESTION,
        name: 'getkeys',
        arity: -3,
        since: '2.8.13',
        usage: '<full-command>',
        summary: 'Return the keys from a full Redis command.',
        complexity: 'O(N) where N is the number of arguments to the command',
        run: getkeys,
      },
    ],
  },
];

function all(call: Call): void {
  replyInfos(call, call.server.commands.all);
}

function info(call: Call): void {
  if (call.argc === 2) return all(call);
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const command = call.server.commands.byName(call.text(i));
    if (command === null) call.reply.null();
    else replyInfo(call, command);
  }
}

function replyInfos(call: Call, commands: readonly Command[]): void {
  call.reply.array(commands.length);
  for (const command of commands) replyInfo(call, command);
}

function replyInfo(call: Call, command: Command): void {
  const { reply } = call;
  const { spec } = command;
  const legacy = legacyRange(spec.keys);
  reply.array(10);
  reply.bulkText(command.fullName);
  reply.integer(spec.arity);
  reply.set(spec.flags.length);
  for (const flag of spec.flags) reply.simple(flag);
  reply.integer(legacy.first);
  reply.integer(legacy.last);
  reply.integer(legacy.step);
  const categories = aclCategories(spec);
  reply.set(categories.length);
  for (const category of categories) reply.simple(`@${category}`);
  reply.set(0); // Tips.
  reply.set(spec.keys.length);
  for (const keys of spec.keys) replyKeySpec(call, keys);
  replyInfos(call, [...(command.subcommands?.values() ?? [])]);
}

function legacyRange(keys: readonly KeySpec[]): { first: number; last: number; step: number } {
  const ranges = keys.filter((range) => range.keyword === undefined);
  const [range] = ranges;
  if (range === undefined) return { first: 0, last: 0, step: 0 };
  // Two keys in a row, each with a record of its own, are one range to old clients.
  const lasts = ranges.map(({ last }) => last);
  return { first: range.first, last: lasts.includes(-1) ? -1 : Math.max(...lasts), step: range.step };
}

function replyKeySpec({ reply }: Call, keys: KeySpec): void {
  reply.map(3 + Number(keys.notes !== undefined));
  if (keys.notes !== undefined) {
    reply.bulkText('notes');
    reply.bulkText(keys.notes);
  }
  reply.bulkText('flags');
  reply.set(keys.flags.length);
  for (const flag of keys.flags) reply.simple(flag);
  reply.bulkText('begin_search');
  reply.map(2);
  reply.bulkText('type');
  if (keys.keyword === undefined) {
    reply.bulkText('index');
    reply.bulkText('spec');
    reply.map(1);
    reply.bulkText('index');
    reply.integer(keys.first);
  } else {
    reply.bulkText('keyword');
    reply.bulkText('spec');
    reply.map(2);
    reply.bulkText('keyword');
    reply.bulkText(keys.keyword.word);
    reply.bulkText('startfrom');
    reply.integer(keys.keyword.from);
  }
  reply.bulkText('find_keys');
  reply.map(2);
  reply.bulkText('type');
  reply.bulkText('range');
  reply.bulkText('spec');
  reply.map(3);
  reply.bulkText('lastkey');
  reply.integer(keys.last < 0 || keys.keyword !== undefined ? keys.last : keys.last - keys.first);
  reply.bulkText('keystep');
  reply.integer(keys.step);
  reply.bulkText('limit');
  reply.integer(0);
}

function docs(call: Call): void {
  const { commands } = call.server;
  const wanted: Command[] = [];
  if (call.argc === 2) wanted.push(...commands.all);
  for (let i = 2; i < call.argc; i++) {
    const command = commands.byName(call.text(i));
    if (command !== null) wanted.push(command);
  }
  call.reply.map(wanted.length);
  for (const command of wanted) {
    call.reply.bulkText(command.fullName);
    replyDocs(call, command);
  }
}

function replyDocs(call: Call, { spec, subcommands }: Command): void {
  const { reply } = call;
  reply.map(4 + Number(subcommands !== null));
  const fields = { summary: spec.summary, since: spec.since, group: spec.group, complexity: spec.complexity };
  for (const [name, value] of Object.entries(fields)) {
    reply.bulkText(name);
    reply.bulkText(value);
  }
  if (subcommands === null) return;
  reply.bulkText('subcommands');
  reply.map(subcommands.size);
  for (const sub of subcommands.values()) {
    reply.bulkText(sub.fullName);
    replyDocs(call, sub);
  }
}

function list(call: Call): void {
  const names = call.argc === 2 ? allNames(call.server.commands) : filteredNames(call);
  call.reply.array(names.length);
  for (const name of names) call.reply.bulkText(name);
}

function allNames(commands: Registry): string[] {
  return flattened(commands).map(({ fullName }) => fullName);
}

function filteredNames(call: Call): string[] {
  if (call.argc !== 5 || !call.is(2, 'FILTERBY')) throw SYNTAX;
  const { commands } = call.server;
  if (call.is(3, 'MODULE')) return [];
  if (call.is(3, 'ACLCAT')) {
    const category = call.text(4).toLowerCase();
    return flattened(commands)
      .filter(({ spec }) => (aclCategories(spec) as readonly string[]).includes(category))
      .map(({ fullName }) => fullName);
  }
  if (!call.is(3, 'PATTERN')) throw SYNTAX;
  const pattern = new GlobPattern(call.bytes(4), true);
  return flattened(commands)
    .map(({ fullName }) => fullName)
    .filter((name) => pattern.matches(Buffer.from(name), 0, name.length));
}

function flattened(commands: Registry): Command[] {
  return commands.all.flatMap((command) => [command, ...(command.subcommands?.values() ?? [])]);
}

const INVALID_COMMAND = new ReplyError('ERR Invalid command specified');
const INVALID_ARITY = new ReplyError('ERR Invalid number of arguments specified for command');
const NO_KEYS = new ReplyError('ERR The command has no key arguments');

function getkeys(call: Call): void {
  const args: Buffer[] = [];
  for (let i = 2; i < call.argc; i++) args.push(call.bytes(i));
  const inner: Request = requestOf(args);
  let command = call.server.commands.find(inner.buf, inner.off[0]!, inner.len[0]!);
  if (command?.subcommands != null && args.length > 1) {
    command = command.subcommands.get(args[1]!.toString('latin1').toLowerCase()) ?? null;
  }
  if (command === null) throw INVALID_COMMAND;
  if (command.spec.keys.length === 0 && command.spec.findKeys === undefined) throw NO_KEYS;
  if (!command.accepts(args.length)) throw INVALID_ARITY;
  const indexes: number[] = [];
  findKeys(command.spec, inner, indexes);
  if (indexes.length === 0) throw new ReplyError('ERR Invalid arguments specified for command');
  call.reply.array(indexes.length);
  for (const i of indexes) call.reply.bulkBuffer(args[i]!);
}
