/*
 * A directive is what `maxclients 10000` in a configuration file is one of: a name, a kind of value, what it starts as and
 * what it is for. Here is the record and the simple kinds; directives.ts and its parts are the table; special-kinds.ts has
 * the kinds that only one directive needs.
 *
 * Texts are byte texts, a character a byte, and unset texts are ''. All values are plain and never changed in
 * place: a new value replaces the old one, so that a failed CONFIG SET can put the old one back.
 */
import { quoteWord } from './words.ts';

/** The value is none of those allowed. The message is the reason as CONFIG SET and the loader give it. */
export class DirectiveRefusal extends Error {
  override readonly name = 'DirectiveRefusal';
}

export interface Directive<T> {
  /** For people: 'integer', 'memory size' … and in `allowed` what is. */
  readonly kind: string;
  readonly allowed: string;
  readonly initial: T;
  readonly doc: string;
  /** The first Redis version that knows the name. */
  readonly since: string;
  /** Older names that mean the same; CONFIG GET lists them too. */
  readonly aliases: readonly string[];
  /** 'not-applicable' is accepted, kept and shown, and changes nothing here; `reason` says why. */
  readonly status: 'obeyed' | 'not-applicable';
  readonly reason: string | null;
  /** Cannot be changed by CONFIG SET. */
  readonly fixed: boolean;
  /** Changed by CONFIG SET only where enable-protected-configs allows it. */
  readonly protected: boolean;
  /** A secret: never in logs, MONITOR or the slow log. */
  readonly sensitive: boolean;
  /** Setting it to the value that it has is still a change: the files behind the names are read again. */
  readonly volatile: boolean;
  /** Lives in files only: CONFIG GET and SET do not know it. */
  readonly fileOnly: boolean;
  /** For tests: CONFIG GET shows it to those who name it, and to no pattern. */
  readonly hidden: boolean;
  /** Not changed by CONFIG SET while the data is loaded. */
  readonly deniedWhileLoading: boolean;
  /** Takes several words on a line. */
  readonly multi: boolean;
  /** What one more line of a file makes of the value of the lines before it; without it the last line counts. */
  readonly join: ((before: T, after: T) => T) | null;

  /** The value that a text means, as CONFIG SET has it. Throws DirectiveRefusal. */
  parse(text: string, current?: T): T;
  /** The value that the words of a line mean; `current` is what several lines or partial values add to. */
  parseWords(words: readonly string[], current?: T): T;
  /** As CONFIG GET prints it. */
  format(value: T): string;
  /** What stands behind the name in a file: one text for each line; none when the directive is best left out. */
  formatLines(value: T): readonly string[];
}

/** What every directive says about itself, whatever its kind. */
export interface Traits<T> {
  initial: T;
  doc: string;
  since: string;
  aliases?: readonly string[];
  fixed?: boolean;
  protected?: boolean;
  sensitive?: boolean;
  volatile?: boolean;
  hidden?: boolean;
  deniedWhileLoading?: boolean;
  /** Why the server accepts the directive and does nothing with it. */
  notApplicable?: string;
}

/** What a kind is made of. */
export interface Kind<T> {
  kind: string;
  allowed: string;
  parseWords(words: readonly string[], current: T): T;
  format(value: T): string;
  formatLines?: (value: T) => readonly string[];
  multi?: boolean;
  join?: (before: T, after: T) => T;
  fileOnly?: boolean;
  /** Zero bytes belong to its words. Without it a word ends at one, as a text of C does: so it is in Redis. */
  binary?: boolean;
}

export function directive<T>(kind: Kind<T>, traits: Traits<T>): Directive<T> {
  const multi = kind.multi ?? false;
  const parseWords = (words: readonly string[], current: T = traits.initial): T => {
    if (!multi && words.length !== 1) throw new DirectiveRefusal('wrong number of arguments');
    return kind.parseWords(kind.binary === true ? words : words.map(upToZero), current);
  };
  return {
    kind: kind.kind,
    allowed: kind.allowed,
    initial: traits.initial,
    doc: traits.doc,
    since: traits.since,
    aliases: traits.aliases ?? [],
    status: traits.notApplicable === undefined ? 'obeyed' : 'not-applicable',
    reason: traits.notApplicable ?? null,
    fixed: traits.fixed ?? false,
    protected: traits.protected ?? false,
    sensitive: traits.sensitive ?? false,
    volatile: traits.volatile ?? false,
    deniedWhileLoading: traits.deniedWhileLoading ?? false,
    fileOnly: kind.fileOnly ?? false,
    hidden: traits.hidden ?? false,
    multi,
    join: kind.join ?? null,
    parseWords,
    // Exactly one space between words, as CONFIG SET has it: more would be an empty word.
    parse: (text, current) => parseWords(multi ? text.split(' ') : [text], current),
    format: kind.format,
    formatLines: kind.formatLines ?? ((value) => [kind.format(value)]),
  };
}

function upToZero(word: string): string {
  return word.split('\0', 1)[0]!;
}

const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
/** The first double above that of INT64_MAX. */
const ABOVE_INT64 = 2 ** 63 + 2048;
const INT32_MAX = 0x7fff_ffff;
const NUMBER = /^(?:0|-?[1-9]\d{0,18})$/;

export interface IntegerTraits extends Traits<number> {
  min?: number;
  max?: number;
  /** What is allowed but makes no sense is moved to the nearest end of this range, without a word. */
  clamp?: readonly [number, number];
}

/** Without `max` the limit is that of 64 bits. Beyond 2^53 a value is kept as the nearest double. */
export function integer(traits: IntegerTraits): Directive<number> {
  const { min = 0, max = Number(INT64_MAX) } = traits;
  const [floor, ceiling] = traits.clamp ?? [min, max];
  const allowed = `between ${formatSize(min)} and ${formatSize(max)} inclusive`;
  return directive(
    {
      kind: 'integer',
      allowed,
      binary: true,
      parseWords([text]) {
        const value = parseWhole(text);
        if (value === null) throw new DirectiveRefusal("argument couldn't be parsed into an integer");
        if (value < min || value > max) throw new DirectiveRefusal(`argument must be ${allowed}`);
        return Math.min(Math.max(value, floor), ceiling);
      },
      format: formatSize,
    },
    traits,
  );
}

/** An integer within 32 bits, as most are. */
export function smallInteger(traits: IntegerTraits): Directive<number> {
  return integer({ max: INT32_MAX, ...traits });
}

export function port(traits: Traits<number>): Directive<number> {
  return integer({ max: 65535, ...traits });
}

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['b', 1n],
  ['k', 1000n],
  ['kb', 1024n],
  ['m', 1_000_000n],
  ['mb', 1n << 20n],
  ['g', 1_000_000_000n],
  ['gb', 1n << 30n],
]);

/** Bytes: `100`, `64mb` (1024 * 1024), `64m` (a million). */
export function memory(traits: IntegerTraits): Directive<number> {
  const { min = 0, max = Number(INT64_MAX) } = traits;
  const [floor, ceiling] = traits.clamp ?? [min, max];
  const allowed = `between ${formatSize(min)} and ${formatSize(max)} inclusive`;
  return directive(
    {
      kind: 'memory size',
      allowed: min === 0 ? 'bytes, or with a unit: 1k 1kb 1m 1mb 1g 1gb' : allowed,
      parseWords([text]) {
        const bytes = parseMemory(text!);
        if (bytes === null) throw new DirectiveRefusal('argument must be a memory value');
        if (bytes < min || bytes > max) throw new DirectiveRefusal(`argument must be ${allowed}`);
        return Math.min(Math.max(bytes, floor), ceiling);
      },
      format: formatSize,
      formatLines: (value) => [formatMemory(value)],
    },
    traits,
  );
}

export function yesNo(traits: Traits<boolean>): Directive<boolean> {
  return directive(
    {
      kind: 'yes or no',
      allowed: 'yes, no',
      parseWords([text]) {
        const word = text!.toLowerCase();
        if (word !== 'yes' && word !== 'no') throw new DirectiveRefusal("argument must be 'yes' or 'no'");
        return word === 'yes';
      },
      format: (value) => (value ? 'yes' : 'no'),
    },
    traits,
  );
}

export function oneOf<const W extends string>(words: readonly W[], traits: Traits<NoInfer<W>>): Directive<W> {
  return directive<W>(
    {
      kind: 'one of',
      allowed: words.join(', '),
      parseWords([text]) {
        const word = text!.toLowerCase();
        const found = words.find((one) => one === word);
        if (found === undefined) {
          throw new DirectiveRefusal(`argument(s) must be one of the following: ${words.join(', ')}`);
        }
        return found;
      },
      format: (value) => value,
    },
    traits,
  );
}

/** Any number of the words; the first one stands for none of the others. */
export function someOf<const W extends string>(
  words: readonly W[],
  traits: Traits<readonly W[]> & { why?: (words: readonly string[]) => string | null },
): Directive<readonly W[]> {
  const none = words[0]!;
  return directive<readonly W[]>(
    {
      kind: 'some of',
      allowed: words.join(', '),
      multi: true,
      parseWords(given) {
        const folded = given.map((word) => word.toLowerCase());
        if (folded.length === 0 || !folded.every((word) => words.some((one) => one === word))) {
          throw new DirectiveRefusal(`argument(s) must be one of the following: ${words.join(', ')}`);
        }
        const wrong = traits.why?.(folded) ?? null;
        if (wrong !== null) throw new DirectiveRefusal(wrong);
        return words.filter((word) => word !== none && folded.includes(word));
      },
      format: (value) => (value.length === 0 ? none : value.join(' ')),
    },
    traits,
  );
}

/** A text; `why` answers what is wrong with it, or null. */
export function text(
  traits: Traits<string> & { why?: (value: string) => string | null; binary?: boolean },
): Directive<string> {
  return directive(
    {
      kind: 'text',
      allowed: 'any text',
      binary: traits.binary ?? false,
      parseWords([value]) {
        const wrong = traits.why?.(value!) ?? null;
        if (wrong !== null) throw new DirectiveRefusal(wrong);
        return value!;
      },
      format: (value) => value,
      // A text that is unset by default has no line that would unset it.
      formatLines: (value) => (value === '' && traits.initial === '' ? [] : [quoteWord(value)]),
    },
    traits,
  );
}

/** The name of a file or folder within `dir`. */
export function nameInDir(
  name: string,
  traits: Traits<string> & { noun: string; mayBeEmpty?: boolean },
): Directive<string> {
  return text({
    ...traits,
    why(value) {
      if (value === '' && traits.mayBeEmpty !== true) return `${name} can't be empty`;
      return value.includes('/') || value.includes('\\') ? `${name} can't be a path, just a ${traits.noun}` : null;
    },
  });
}

/** An int64 in canonical decimal, as a number; null for anything else. */
export function parseWhole(text: string | undefined): number | null {
  if (text === undefined || !NUMBER.test(text)) return null;
  const value = BigInt(text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? null : Number(value);
}

/** Unlike Redis, which takes an empty size for 0: a variable that was empty must not lift a limit. */
export function parseMemory(text: string): number | null {
  const found = /^(\d{1,127})([a-z]*)$/i.exec(text);
  const unit = UNITS.get((found?.[2] ?? '?').toLowerCase());
  if (found === null || unit === undefined) return null;
  const bytes = BigInt(found[1]!) * unit;
  // Beyond a limit of 64 bits must not look like it, which the nearest double would.
  if (bytes > INT64_MAX && Number(bytes) < ABOVE_INT64) return ABOVE_INT64;
  return Math.min(Number(bytes), 2 ** 64);
}

/** With the biggest unit that loses nothing. */
export function formatMemory(bytes: number): string {
  if (bytes === 0) return '0';
  if (bytes % 2 ** 30 === 0) return `${bytes / 2 ** 30}gb`;
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20}mb`;
  return bytes % 1024 === 0 ? `${bytes / 1024}kb` : formatSize(bytes);
}

/** A whole number without an exponent; what was rounded up to 2^63 or 2^64 shows as the largest integer below. */
export function formatSize(value: number): string {
  if (Number.isSafeInteger(value)) return `${value}`;
  if (value >= 2 ** 64) return '18446744073709551615';
  return value === 2 ** 63 ? `${INT64_MAX}` : `${BigInt(value)}`;
}
