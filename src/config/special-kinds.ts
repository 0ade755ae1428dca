/** The kinds of value that one or two directives have to themselves. */
import {
  type Directive,
  DirectiveRefusal,
  directive,
  formatMemory,
  formatSize,
  parseMemory,
  parseWhole,
  type Traits,
} from './directive.ts';
import { quoteWord } from './words.ts';

/** Save when `seconds` have passed and at least `changes` happened. */
export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** Lines add up; `""` forgets what was before. CONFIG SET replaces all. */
export function savePoints(traits: Traits<readonly SavePoint[]>): Directive<readonly SavePoint[]> {
  return directive<readonly SavePoint[]>(
    {
      kind: 'save points',
      allowed: 'pairs of seconds and changes, or ""',
      multi: true,
      join: (before, after) => (after.length === 0 ? [] : [...before, ...after]),
      parseWords(words) {
        if (words.length === 1 && words[0] === '') return [];
        const numbers = words.map(parseWhole);
        const points: SavePoint[] = [];
        for (let i = 0; i < numbers.length; i += 2) {
          const seconds = numbers[i] ?? 0;
          const changes = numbers[i + 1] ?? -1;
          if (seconds < 1 || changes < 0) throw new DirectiveRefusal('Invalid save parameters');
          points.push({ seconds, changes });
        }
        return points;
      },
      format: (points) => points.map(({ seconds, changes }) => `${seconds} ${changes}`).join(' '),
      formatLines: (points) =>
        points.length === 0 ? ['""'] : points.map(({ seconds, changes }) => `${seconds} ${changes}`),
    },
    traits,
  );
}

export interface BufferLimit {
  /** Bytes at which a client is closed at once; 0 never. */
  readonly hard: number;
  /** Bytes at which it is closed after `soft_s` seconds above them; 0 never. */
  readonly soft: number;
  readonly soft_s: number;
}

export type BufferLimits = Readonly<Record<'normal' | 'replica' | 'pubsub', BufferLimit>>;

/** Groups of four words; classes that are not named keep their limits. */
export function bufferLimits(traits: Traits<BufferLimits>): Directive<BufferLimits> {
  const show = (name: string, limit: BufferLimit, format: (n: number) => string): string =>
    `${name} ${format(limit.hard)} ${format(limit.soft)} ${limit.soft_s}`;
  return directive<BufferLimits>(
    {
      kind: 'output buffer limits',
      allowed: 'groups of: normal|replica|pubsub hard-limit soft-limit soft-seconds',
      multi: true,
      parseWords: parseBufferLimits,
      format: ({ normal, replica, pubsub }) =>
        [
          show('normal', normal, formatSize),
          show('slave', replica, formatSize),
          show('pubsub', pubsub, formatSize),
        ].join(' '),
      formatLines: (limits) =>
        (['normal', 'replica', 'pubsub'] as const).map((name) => show(name, limits[name], formatMemory)),
    },
    traits,
  );
}

function parseBufferLimits(words: readonly string[], current: BufferLimits): BufferLimits {
  if (words.length % 4 !== 0 || words.length === 0) {
    throw new DirectiveRefusal('Wrong number of arguments in buffer limit configuration.');
  }
  const limits = { ...current };
  for (let i = 0; i < words.length; i += 4) {
    const given = words[i]!.toLowerCase();
    const name = given === 'slave' ? 'replica' : given;
    if (name !== 'normal' && name !== 'replica' && name !== 'pubsub') {
      throw new DirectiveRefusal('Invalid client class specified in buffer limit configuration.');
    }
    const hard = parseMemory(words[i + 1]!);
    const soft = parseMemory(words[i + 2]!);
    const soft_s = /^\d{1,15}$/.test(words[i + 3]!) ? Number(words[i + 3]) : null;
    if (hard === null || soft === null || soft_s === null) {
      throw new DirectiveRefusal('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    limits[name] = { hard, soft, soft_s };
  }
  return limits;
}

/** All the classes that `A` stands for; `m` (misses) and `n` (new keys) must be named. */
const EVERYTHING = 'g$lshzxetd';
const EVENT_ORDER = `${EVERYTHING}nKEm`;

/** The value is the letters in full: `AKE` is kept as `g$lshzxetdKE`, so that asking for one is asking for its letter. */
export function eventClasses(traits: Traits<string>): Directive<string> {
  const show = (letters: string, beside: string): string => {
    if (![...EVERYTHING].every((letter) => letters.includes(letter))) return letters;
    return `A${[...beside].filter((letter) => letters.includes(letter)).join('')}`;
  };
  return directive(
    {
      kind: 'event classes',
      allowed: 'letters out of Ag$lshzxeKEtmdn',
      parseWords([text]) {
        const letters = text!.replaceAll('A', EVERYTHING);
        if (![...letters].every((letter) => EVENT_ORDER.includes(letter))) {
          throw new DirectiveRefusal("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        }
        return [...EVENT_ORDER].filter((letter) => letters.includes(letter)).join('');
      },
      // Beside A, Redis does not show the n that is in force; a file has to keep it.
      format: (letters) => show(letters, 'KEm'),
      formatLines: (letters) => [quoteWord(show(letters, 'nKEm'))],
    },
    traits,
  );
}

/** Words separated by blanks: addresses to listen on. Empty is no address at all. */
export function addresses(traits: Traits<readonly string[]>): Directive<readonly string[]> {
  /** More than anybody has interfaces; the limit of Redis, too. */
  const ADDRESSES_MAX = 16;
  return directive<readonly string[]>(
    {
      kind: 'addresses',
      allowed: `up to ${ADDRESSES_MAX} addresses; * is all, a leading - lets one be missing`,
      multi: true,
      parseWords(words) {
        // One quoted word may hold them all, or none; in no address is a blank or a quote.
        if (words.length === 1 && words[0] === '') return [];
        const list = words.length === 1 ? words[0]!.split(' ') : words;
        if (list.length > ADDRESSES_MAX) throw new DirectiveRefusal('Too many bind addresses specified.');
        if (!list.every((address) => /^[^\s"']+$/.test(address))) throw new DirectiveRefusal('Invalid bind address.');
        return list;
      },
      format: (value) => value.join(' '),
      formatLines: (value) => [value.length === 0 ? '""' : value.join(' ')],
    },
    traits,
  );
}

const OOM_LIMIT = 2000;

export function oomScores(
  traits: Traits<readonly [number, number, number]>,
): Directive<readonly [number, number, number]> {
  return directive<readonly [number, number, number]>(
    {
      kind: 'three integers',
      allowed: `for the primary, replicas and children, each between -${OOM_LIMIT} and ${OOM_LIMIT}`,
      multi: true,
      parseWords(words) {
        if (words.length !== 3) throw new DirectiveRefusal('wrong number of arguments');
        const [primary, replica, child] = words.map(parseWhole);
        for (const value of [primary, replica, child]) {
          if (value === undefined || value === null || Math.abs(value) > OOM_LIMIT) {
            throw new DirectiveRefusal(
              `Invalid oom-score-adj-values, elements must be between -${OOM_LIMIT} and ${OOM_LIMIT}.`,
            );
          }
        }
        return [primary as number, replica as number, child as number];
      },
      format: (value) => value.join(' '),
    },
    traits,
  );
}

export function percentiles(traits: Traits<readonly number[]>): Directive<readonly number[]> {
  return directive<readonly number[]>(
    {
      kind: 'percentiles',
      allowed: 'numbers between 0 and 100, or ""',
      multi: true,
      parseWords(words) {
        if (words.length === 1 && words[0] === '') return [];
        return words.map((word) => {
          const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : Number.NaN;
          if (Number.isNaN(value)) {
            throw new DirectiveRefusal('Invalid latency-tracking-info-percentiles parameters');
          }
          if (value < 0 || value > 100) {
            throw new DirectiveRefusal('latency-tracking-info-percentiles parameters should sit between [0.0,100.0]');
          }
          return value;
        });
      },
      format: (value) => value.join(' '),
      formatLines: (value) => [value.length === 0 ? '""' : value.join(' ')],
    },
    traits,
  );
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `no one` is nobody. */
export function endpoint(traits: Traits<Endpoint | null>): Directive<Endpoint | null> {
  return directive<Endpoint | null>(
    {
      kind: 'host and port',
      allowed: 'a host and a port, or: no one',
      multi: true,
      parseWords(words) {
        if (words.length !== 2) throw new DirectiveRefusal('wrong number of arguments');
        const [host, text] = words as [string, string];
        if (host.toLowerCase() === 'no' && text.toLowerCase() === 'one') return null;
        const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
        if (port < 0 || port > 65535) throw new DirectiveRefusal('Invalid master port');
        return { host, port };
      },
      format: (value) => (value === null ? '' : `${value.host} ${value.port}`),
      formatLines: (value) => (value === null ? [] : [`${value.host} ${value.port}`]),
    },
    traits,
  );
}

export type MemoryOrPercent = { readonly bytes: number } | { readonly percent: number };

/** Bytes, or a part of maxmemory. */
export function memoryOrPercent(traits: Traits<MemoryOrPercent>): Directive<MemoryOrPercent> {
  return directive<MemoryOrPercent>(
    {
      kind: 'memory size or percent',
      allowed: 'bytes, also with a unit, or a percentage of maxmemory up to 100%',
      parseWords([text]) {
        const percent = /^(\d{1,15})%$/.exec(text!);
        if (percent !== null) {
          const value = Number(percent[1]);
          if (value > 100) throw new DirectiveRefusal('percentage argument must be less or equal to 100');
          return value === 0 ? { bytes: 0 } : { percent: value };
        }
        const bytes = parseMemory(text!);
        if (bytes === null) throw new DirectiveRefusal('argument must be a memory or percent value');
        return { bytes };
      },
      format: (value) => ('percent' in value ? `${value.percent}%` : formatSize(value.bytes)),
      formatLines: (value) => ['percent' in value ? `${value.percent}%` : formatMemory(value.bytes)],
    },
    traits,
  );
}

/** File permissions in octal. */
export function octal(traits: Traits<number>): Directive<number> {
  return directive(
    {
      kind: 'permissions',
      allowed: 'an octal number up to 777',
      parseWords([text]) {
        if (!/^[0-7]{1,10}$/.test(text!)) throw new DirectiveRefusal("argument couldn't be parsed as an octal number");
        const value = Number.parseInt(text!, 8);
        if (value > 0o777) throw new DirectiveRefusal('argument must be between 0 and 777 inclusive');
        return value;
      },
      format: (value) => value.toString(8),
    },
    traits,
  );
}

/** A directive of files alone, whose lines are kept as the words they are made of. `why` judges one line. */
export function fileLines(
  traits: Omit<Traits<readonly (readonly string[])[]>, 'initial'> & {
    allowed: string;
    why?: (words: readonly string[]) => string | null;
  },
): Directive<readonly (readonly string[])[]> {
  return directive<readonly (readonly string[])[]>(
    {
      kind: 'line',
      allowed: traits.allowed,
      multi: true,
      fileOnly: true,
      binary: true,
      parseWords(words, current) {
        const wrong = traits.why?.(words) ?? null;
        if (wrong !== null) throw new DirectiveRefusal(wrong);
        return [...current, words];
      },
      format: (lines) => lines.map((words) => words.join(' ')).join('\n'),
      formatLines: (lines) =>
        lines.map((words) =>
          words.map((word) => (/^[!-~]+$/.test(word) && !/["'\\]/.test(word) ? word : quoteWord(word))).join(' '),
        ),
    },
    { ...traits, initial: [] },
  );
}
