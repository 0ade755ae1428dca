/*
 * Which command somebody meant who typed one that does not exist: a slip of the fingers, the last word alone (`rkv kill
 * 7000`), a habit from another program (`rkv ps`), or a command of the server (`rkv get key`).
 */
import { nearest } from '../base/nearest.ts';
import { insteadOfRedisCli } from '../cluster/cli/redis-cli-habits.ts';
import { isRedisCommand } from './command-syntax.ts';

export interface Meaning {
  /** The words that name no command, or those too many behind one. */
  readonly words: string;
  /** Known commands that may be meant, the likeliest first; with the words that followed, as they can be typed. */
  readonly commands: readonly string[];
  /** Why they may be meant, where that needs words. */
  readonly why?: string;
}

/** Words of other programs, and our commands that do what is wanted. */
const HABITS: Readonly<Record<string, readonly string[]>> = {
  ps: ['cluster list', 'node list'],
  ls: ['cluster list', 'node list'],
  clusters: ['cluster list'],
  nodes: ['node list'],
  up: ['cluster create', 'cluster start'],
  down: ['cluster stop', 'cluster destroy'],
  new: ['cluster create'],
  init: ['cluster create'],
  rm: ['node remove', 'cluster destroy'],
  delete: ['node remove', 'cluster destroy'],
  remove: ['node remove', 'cluster destroy'],
  info: ['status', 'cli INFO'],
  show: ['status', 'node list'],
  describe: ['status', 'node list'],
  check: ['verify'],
  health: ['verify'],
  doctor: ['verify'],
  test: ['verify'],
  log: ['node logs'],
  tail: ['node logs -f'],
  top: ['watch'],
  monitor: ['watch', 'cli MONITOR'],
  shell: ['cli'],
  prompt: ['cli'],
  connect: ['cli'],
  'redis-cli': ['cli'],
  run: ['server'],
  serve: ['server'],
  'redis-server': ['server'],
  restart: ['node stop', 'node start', 'cluster stop', 'cluster start'],
  unpause: ['node resume'],
  continue: ['node resume'],
  freeze: ['node pause'],
  join: ['node add'],
  meet: ['node add'],
  forget: ['node remove'],
  scale: ['node add', 'node remove'],
  failover: ['cli CLUSTER FAILOVER'],
};

/** What `argv` was meant to be, where `known` are the names of all commands, 'cluster create' among them. */
export function whatWasMeant(argv: readonly string[], known: readonly string[]): Meaning {
  const start = argv.findIndex((word) => !word.startsWith('-'));
  const words = start === -1 ? [] : argv.slice(start);
  const [first = '', second] = words;
  const two = `${first} ${second}`;
  if (known.includes(two)) return { words: words.slice(2).join(' '), commands: [two] };
  const topic = nearest(first, topicsOf(known));
  if (topic !== null && second !== undefined && !second.startsWith('-')) {
    const commands = inTopic(topic, second, known);
    return { words: two, commands: withRest(commands, words.slice(2)) };
  }
  const rest = words.slice(1);
  const commands = anywhere(first, known);
  if (commands.length > 0) return { words: first, commands: withRest(commands, rest) };
  const ofRedisCli = insteadOfRedisCli(first, rest)?.commands;
  if (ofRedisCli !== undefined) return { words: first, commands: ofRedisCli };
  if (!isRedisCommand(first)) return { words: first, commands: [] };
  const why = `${first.toUpperCase()} is a command of the server, and rkv cli sends it`;
  return { words: first, commands: withRest([`cli ${first}`], rest), why };
}

function inTopic(topic: string, verb: string, known: readonly string[]): readonly string[] {
  const verbs = known.filter((name) => name.startsWith(`${topic} `)).map((name) => name.slice(topic.length + 1));
  const exact = verbs.includes(verb.toLowerCase()) ? verb.toLowerCase() : null;
  const habits = HABITS[verb.toLowerCase()] ?? [];
  const here = habits.filter((name) => name.startsWith(`${topic} `));
  if (exact === null && habits.length > 0) return here.length > 0 ? here : habits;
  const meant = exact ?? nearest(verb, verbs);
  return meant === null ? anywhere(verb, known) : [`${topic} ${meant}`];
}

/** `create` is `cluster create`, `stop` that of a cluster or of a node. */
function anywhere(word: string, known: readonly string[]): readonly string[] {
  const lastWord = (name: string): string => name.slice(name.indexOf(' ') + 1);
  const named = known.filter((name) => lastWord(name) === word.toLowerCase());
  if (named.length > 1 || (named.length === 1 && HABITS[word] === undefined)) return named;
  const habits = Object.hasOwn(HABITS, word.toLowerCase()) ? HABITS[word.toLowerCase()] : undefined;
  if (habits !== undefined) return habits;
  const near = nearest(word, known.map(lastWord));
  return known.filter((name) => lastWord(name) === near);
}

function topicsOf(known: readonly string[]): string[] {
  return [...new Set(known.filter((name) => name.includes(' ')).map((name) => name.slice(0, name.indexOf(' '))))];
}

/** Words that followed go on; those that name nodes tell commands about nodes from those about clusters. */
function withRest(commands: readonly string[], rest: readonly string[]): string[] {
  const [first] = rest;
  const isAbout = (topic: string) => (name: string) => name.startsWith(`${topic} `);
  const wrong = first === undefined || first.startsWith('-') ? null : namesNode(first) ? 'cluster' : 'node';
  const fitting = wrong === null ? commands : commands.filter((name) => !isAbout(wrong)(name));
  const chosen = fitting.length > 0 ? fitting : commands;
  return chosen.map((name) => [name, ...rest.map(quoted)].join(' '));
}

function namesNode(word: string): boolean {
  return /^(\d{1,5}|.*:\d+|primary|replica|master|slave|up|down|all|[0-9a-f]{4,40})$/i.test(word);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
