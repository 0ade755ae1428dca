/*
 * Random calls of every command that rkv has. Which there are says its table; what arguments they take is asked of a
 * redis-server (COMMAND DOCS), and so is by what their replies can be compared (the hints of COMMAND INFO). What must not
 * be sent stands here with the reason.
 */

import type { Prng } from '../../src/base/prng.ts';
import { specs } from '../../src/server/handlers/table.ts';
import { UNKNOWN_TO_7_0 } from './as-7-0.ts';
import type { Compared, RandomCommand } from './random-commands.ts';
import { type RawClient, readTree, type Tree } from './resp.ts';

interface Argument {
  readonly name: string;
  readonly type: string;
  readonly token: string;
  readonly optional: boolean;
  readonly multiple: boolean;
  readonly multipleToken: boolean;
  readonly parts: readonly Argument[];
}

interface Documented {
  readonly words: readonly string[];
  readonly parts: readonly Argument[];
  readonly compared: Compared;
}

const ENDS = 'it ends the connection, or makes something else of it';
const STATE = 'it changes more than data, and nothing would be comparable after it';
const OWN = 'its answer is about the server itself';
const BY_FORM = 'it is there with arguments that mean something';

const SUBSCRIPTIONS = ['subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe'];

/** They say how long keys live. */
const TIMES = ['ttl', 'pttl', 'expiretime', 'pexpiretime'];

/** Commands by their whole name. */
const UNSENT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['quit', 'reset', 'client reply', 'client kill', 'psync', 'sync', 'replconf', ...SUBSCRIPTIONS].map((n) => [
      n,
      ENDS,
    ]),
  ),
  ...Object.fromEntries(
    [
      'shutdown',
      'replicaof',
      'slaveof',
      'client pause',
      'client unpause',
      'client no-evict',
      'config set',
      'config rewrite',
    ].map((name) => [name, STATE]),
  ),
  ...Object.fromEntries(['config resetstat', 'save', 'bgsave', 'bgrewriteaof', 'lastsave'].map((n) => [n, STATE])),
  ...Object.fromEntries(
    ['info', 'lolwut', 'role', 'client list', 'client info', 'client id', 'memory usage'].map((name) => [name, OWN]),
  ),
  ...Object.fromEntries(
    ['command', 'command info', 'command docs', 'command list', 'command count'].map((n) => [n, OWN]),
  ),
  ...Object.fromEntries(
    [
      'wait',
      'migrate',
      'command getkeys',
      'config get',
      'scan',
      'hscan',
      'hrandfield',
      'object refcount',
      'debug',
      'hello',
      ...TIMES,
    ].map((name) => [name, BY_FORM]),
  ),
};
const UNSENT_KINDS: readonly RegExp[] = [/ help$/, /^cluster /, /^(asking|readonly|readwrite|restore-asking)$/];
/** What Redis 7.0 has not. */
const YOUNGER: readonly string[] = [...UNKNOWN_TO_7_0].map((name) => name.replace('|', ' '));

/** Names of commands and subcommands, as they are typed. */
function tableNames(): string[] {
  return specs.flatMap(({ name, subcommands = [] }) => [
    ...(subcommands.length === 0 ? [name] : []),
    ...subcommands.map((sub) => `${name} ${sub.name}`),
  ]);
}

/** Not even by chance: whatever is there for another reason may. */
export function mayBeSent(name: string): boolean {
  return UNSENT[name] !== ENDS && UNSENT[name] !== STATE && UNSENT[name] !== OWN;
}

function isSent(name: string): boolean {
  return UNSENT[name] === undefined && !YOUNGER.includes(name) && !UNSENT_KINDS.some((kind) => kind.test(name));
}

/** Names in the list above that no command has. */
export function unknownUnsent(): string[] {
  const names = new Set([...tableNames(), ...specs.map(({ name }) => name)]);
  return [...Object.keys(UNSENT), ...YOUNGER].filter((name) => !names.has(name));
}

export class DocumentedCommands {
  readonly #prng: Prng;
  readonly #commands: readonly Documented[];
  readonly #word: (kind: string) => string;

  private constructor(prng: Prng, commands: readonly Documented[], word: (kind: string) => string) {
    this.#prng = prng;
    this.#commands = commands;
    this.#word = word;
  }

  /** `word` answers something random of a kind: key, value, int, float, pattern, date, word. */
  static async of(redis: RawClient, prng: Prng, word: (kind: string) => string): Promise<DocumentedCommands> {
    const commands: Documented[] = [];
    for (const name of tableNames().filter(isSent)) {
      const full = name.replace(' ', '|');
      const docs = tree(await redis.call('COMMAND', 'DOCS', full));
      const info = tree(await redis.call('COMMAND', 'INFO', full)).items[0];
      const hints = (info?.items[7]?.items ?? []).map(({ text }) => text);
      const parts = (field(docs.items[1], 'arguments')?.items ?? []).map(argumentOf);
      commands.push({ words: name.split(' '), parts, compared: comparedBy(hints) });
    }
    return new DocumentedCommands(prng, commands, word);
  }

  next(): RandomCommand {
    const { words, parts, compared } = this.#prng.pick(this.#commands);
    return { words: [...words.map((name) => name.toUpperCase()), ...this.#fillAll(parts)], compared };
  }

  #fillAll(parts: readonly Argument[]): string[] {
    return parts.flatMap((part) => this.#fill(part));
  }

  #fill(part: Argument): string[] {
    const prng = this.#prng;
    if (part.optional && !prng.chance(0.35)) return [];
    const times = part.multiple ? 1 + prng.below(3) : 1;
    return Array.from({ length: times }, (_, i) => {
      const token = part.token !== '' && (i === 0 || part.multipleToken) ? [part.token] : [];
      return [...token, ...this.#value(part)];
    }).flat();
  }

  #value({ type, name, parts }: Argument): string[] {
    if (type === 'pure-token') return [];
    if (type === 'block') return this.#fillAll(parts);
    if (type === 'oneof') return this.#fill(this.#prng.pick(parts));
    if (/^(index|db|destination-db|index1|index2)$/.test(name)) return [this.#word('db')];
    if (/seconds$/.test(name) && type === 'integer') return [this.#word('far')];
    if (name === 'field') return [this.#word('field')];
    if (name === 'offset') return [this.#word('offset')];
    return [this.#word(KINDS[type] ?? 'value')];
  }
}

/** Types of arguments in COMMAND DOCS, in the words of random-commands.ts. */
const KINDS: Readonly<Record<string, string>> = {
  key: 'key',
  string: 'value',
  integer: 'int',
  double: 'float',
  pattern: 'pattern',
  'unix-time': 'date',
};

function comparedBy(hints: readonly string[]): Compared {
  if (hints.includes('nondeterministic_output')) return 'roughly';
  return hints.includes('nondeterministic_output_order') ? 'unordered' : 'exactly';
}

function tree(reply: string): Tree {
  return readTree(reply)?.tree ?? { type: 'null', text: '', items: [] };
}

function field(map: Tree | undefined, name: string): Tree | undefined {
  const at = (map?.items ?? []).findIndex(({ text }, i) => i % 2 === 0 && text === name);
  return at < 0 ? undefined : map?.items[at + 1];
}

function argumentOf(map: Tree): Argument {
  const text = (name: string): string => field(map, name)?.text ?? '';
  const flags = (field(map, 'flags')?.items ?? []).map((flag) => flag.text);
  return {
    name: text('name'),
    type: text('type'),
    token: text('token'),
    optional: flags.includes('optional'),
    multiple: flags.includes('multiple'),
    multipleToken: flags.includes('multiple_token'),
    parts: (field(map, 'arguments')?.items ?? []).map(argumentOf),
  };
}
