/*
 * The same random commands to two servers, in pipelines, and every reply compared; after each pipeline the data sets, by
 * DEBUG DIGEST. Keys die while nobody removes them in the background, so that it shows who looks at dead ones.
 */

import { Prng } from '../../src/base/prng.ts';
import {
  CommandSource,
  type Compared,
  DATABASES_USED,
  type RandomCommand,
  type Vocabulary,
} from './random-commands.ts';
import { type RawClient, readTree, requestBytes, type Tree } from './resp.ts';

interface Difference {
  readonly words: readonly string[];
  readonly ours: string;
  readonly theirs: string;
}

export interface Found extends Difference {
  readonly round: number;
  /** What was sent before, from old to new. */
  readonly before: readonly string[];
}

const PIPELINE_MAX = 24;
/** Every so many rounds both save what they have, and load it again. */
const RELOAD_EVERY = 100;
/** Every so many rounds some keys get little time to live, and are dead in the round after. */
const DEATHS_EVERY = 20;
const DYING_KEYS = 4;
/** Longer than the time that dying keys have. */
const DEATH_SECONDS = '0.04';
const SHOWN_BEFORE = 60;

const DISCARD: RandomCommand = { words: ['DISCARD'], compared: 'exactly' };
/** What has died and was not looked at goes in all databases that are written to: SCAN removes it. */
const REMOVAL: readonly RandomCommand[] = DATABASES_USED.flatMap((db) => [
  { words: ['SELECT', db], compared: 'exactly' },
  { words: ['SCAN', '0', 'COUNT', '100000'], compared: 'scan' },
]);
const SLEEP: readonly string[] = ['DEBUG', 'SLEEP', DEATH_SECONDS];
const RELOAD: RandomCommand = { words: ['DEBUG', 'RELOAD'], compared: 'exactly' };
const DIGEST: RandomCommand = { words: ['DEBUG', 'DIGEST'], compared: 'exactly' };

export function told(seed: number, { round, words, ours, theirs, before }: Found): string {
  const lines = [`seed ${seed}, round ${round}: ${JSON.stringify(words)}`, `  rkv:   ${JSON.stringify(ours)}`];
  return [...lines, `  redis: ${JSON.stringify(theirs)}`, 'after', ...before].join('\n');
}

export class Differential {
  readonly #ours: RawClient;
  readonly #theirs: RawClient;
  readonly #prng: Prng;
  readonly #source: CommandSource;
  readonly #history: string[] = [];
  /** What was answered QUEUED: EXEC answers it all at once. */
  #queued: RandomCommand[] = [];
  commands = 0;
  /** What errors of the second server began with. */
  readonly errorWords = new Set<string>();

  constructor(ours: RawClient, theirs: RawClient, seed: number, vocabulary?: Vocabulary) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#prng = new Prng(seed);
    this.#source = new CommandSource(this.#prng, vocabulary);
  }

  /** What was sent lately, from old to new. */
  get recent(): readonly string[] {
    return this.#history;
  }

  /** Both begin from nothing, or from the same data. */
  async begin(resp: 2 | 3, data: 'nothing' | 'kept' = 'nothing'): Promise<void> {
    const words = [
      ['RESET'],
      ['HELLO', `${resp}`],
      ...(data === 'kept' ? [] : [['FLUSHALL']]),
      ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
      // The longest value that can be made is still a reply that can be compared.
      ['CONFIG', 'SET', 'proto-max-bulk-len', '1mb'],
    ];
    await this.#both(words.map(requestBytes).join(''), words.length);
    await this.#source.learn(this.#theirs);
  }

  /** One pipeline, and the digests after it; inside MULTI those come with EXEC. */
  async round(round: number): Promise<Found[]> {
    const batch = [...(await this.#batch(round)), DIGEST];
    const [ours, theirs] = await this.#both(batch.map(({ words }) => this.#bytesOf(words)).join(''), batch.length);
    const found: Found[] = [];
    for (const reply of theirs)
      if (reply.startsWith('-')) this.errorWords.add(reply.slice(1).split(/[ \r]/, 1)[0] as string);
    for (const [i, command] of batch.entries()) {
      for (const difference of this.#different(command, ours[i] ?? '', theirs[i] ?? ''))
        found.push({ round, ...difference, before: this.#history.slice(-SHOWN_BEFORE) });
      this.#history.push(command.words.map((word) => JSON.stringify(word.slice(0, 100))).join(' '));
    }
    this.commands += batch.length;
    this.#history.splice(0, this.#history.length - SHOWN_BEFORE);
    return found;
  }

  async #batch(round: number): Promise<RandomCommand[]> {
    const source = this.#source;
    const count = 1 + this.#prng.below(PIPELINE_MAX);
    const phase = round % DEATHS_EVERY;
    if (round % RELOAD_EVERY === RELOAD_EVERY - 1) return [DISCARD, RELOAD];
    if (phase === 0) return [DISCARD, ...Array.from({ length: DYING_KEYS }, () => source.dying())];
    if (phase !== 1) return Array.from({ length: count }, () => source.next());
    await this.#both(requestBytes(SLEEP), 1);
    const looks = Array.from({ length: count }, () => source.next()).filter(({ words }) => !meetsByChance(words));
    return [...looks, DISCARD, ...REMOVAL];
  }

  /** Now and then as a line, where it can be one: what begins with a star is the head of a request, or ends the connection. */
  #bytesOf(words: readonly string[]): string {
    const plain = words.every((word) => /^[!#-&(-~]+$/.test(word)) && !words[0]?.startsWith('*');
    if (!plain || !this.#prng.chance(0.1)) return requestBytes(words);
    return `${words.join(this.#prng.pick([' ', '  ', '\t']))}\r\n`;
  }

  async #both(bytes: string, count: number): Promise<[string[], string[]]> {
    this.#ours.send(bytes);
    this.#theirs.send(bytes);
    const [ours, theirs] = await Promise.all([this.#ours.take(count), this.#theirs.take(count)]);
    return [split(ours), split(theirs)];
  }

  /** Of the replies to a command those that differ: EXEC answers many. */
  #different(command: RandomCommand, ours: string, theirs: string): Difference[] {
    const name = (command.words[0] ?? '').toUpperCase();
    if (ours === '+QUEUED\r\n' && theirs === ours) this.#queued.push(command);
    if (name === 'MULTI' && ours === '+OK\r\n') this.#queued = [];
    const [a, b] = [itemsOf(ours), itemsOf(theirs)];
    const inside = name === 'EXEC' && a.length === this.#queued.length && b.length === a.length;
    if (!inside) return isSameReply(command.compared, ours, theirs) ? [] : [{ words: command.words, ours, theirs }];
    return this.#queued.flatMap(({ words, compared }, i) => {
      const [mine, its] = [a[i] as string, b[i] as string];
      return isException(words) || isSameReply(compared, mine, its) ? [] : [{ words, ours: mine, theirs: its }];
    });
  }
}

/** It removes those dead keys that it meets, and which that is nobody knows. */
function meetsByChance(words: readonly string[]): boolean {
  return /^(randomkey|scan)$/i.test(words[0] ?? '');
}

/** Only inside MULTI, where MIGRATE is refused: docs/compatibility.md. */
function isException(words: readonly string[]): boolean {
  return /^migrate$/i.test(words[0] ?? '');
}

function itemsOf(reply: string): string[] {
  return reply.startsWith('*') ? split(reply.slice(reply.indexOf('\r\n') + 2)) : [];
}

function split(bytes: string): string[] {
  const replies: string[] = [];
  for (let at = 0; ; ) {
    const reply = readTree(bytes, at);
    if (reply === null) return replies;
    replies.push(bytes.slice(at, reply.end));
    at = reply.end;
  }
}

/** Milliseconds that may pass between the two servers' clocks. */
const TIME_APART_MAX = 2000;

/** Whether two replies are the same in what they may be compared by. Errors are always compared byte by byte. */
export function isSameReply(compared: Compared, ours: string, theirs: string): boolean {
  if (ours === theirs) return true;
  const [a, b] = [readTree(ours)?.tree, readTree(theirs)?.tree];
  if (a === undefined || b === undefined) return false;
  // Of a server that cannot be reached, whether connecting failed or the first write.
  if (ours.startsWith('-IOERR ') && theirs.startsWith('-IOERR ')) return true;
  if (a.type === '-' || b.type === '-') return redirected(ours) !== null && redirected(ours) === redirected(theirs);
  if (compared === 'exactly') return false;
  if (compared === 'roughly') return isRoughly(a, b);
  if (compared === 'shape') return a.type === b.type;
  if (compared === 'nullable') return a.type === b.type || isNull(a) || isNull(b);
  if (compared === 'scan') return canonical(a.items[1]!) === canonical(b.items[1]!);
  return canonical(a) === canonical(b);
}

/** Where to is told by the address, which is another for each server; null when it is no redirection. */
function redirected(error: string): string | null {
  return /^-(MOVED|ASK) \d+ (?=127\.0\.0\.1:\d+\r\n$)/.exec(error)?.[0] ?? null;
}

function isNull({ type }: Tree): boolean {
  return type === 'null' || type === '_';
}

/** rkv keeps later deadlines as the moment 2^53 ms (docs/compatibility.md), which in seconds, and from now, is more than this. */
const LAST_MOMENT_S = 9_000_000_000_000;

function isRoughly(a: Tree, b: Tree): boolean {
  const [ours, theirs] = [Number(a.text), Number(b.text)];
  if (a.type !== ':' || b.type !== ':') return a.type === b.type;
  if (ours < 0 || theirs < 0) return false;
  return Math.abs(ours - theirs) <= TIME_APART_MAX || (ours > LAST_MOMENT_S && theirs > LAST_MOMENT_S);
}

/** Whatever the order. */
function canonical({ type, text, items }: Tree): string {
  if (items.length === 0) return `${type}${text}`;
  return `${type}[${items.map(canonical).sort().join(' ')}]`;
}
