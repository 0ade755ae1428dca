import { basename, dirname } from 'node:path/posix';
import type { Finding } from './finding.ts';
import { checkImports } from './imports.ts';
import { functionsOf, importsOf, lineAt, type Source } from './source.ts';

/* Everything tidy checks, beyond what the compiler and the linter know. One finding is one line of its output. */

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;

export function checkAll(sources: readonly Source[]): Finding[] {
  const findings = sources.flatMap((source) => [
    ...checkName(source),
    ...checkSize(source),
    ...checkBarrel(source),
    ...checkPatterns(source),
  ]);
  findings.push(...checkImports(sources));
  return findings.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

export function format({ path, line, rule, what }: Finding): string {
  return `${path}:${line}: ${rule}: ${what}`;
}

const SAYS_NOTHING = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'types', 'constants', 'misc', 'shared']);

/** Where the name does say it: what the types are of is the folder's subject. */
const VALUE_TYPES = /^(?:src|test)\/server\/types\//;

function checkName({ path }: Source): Finding[] {
  const folder = dirname(path.replace(VALUE_TYPES, ''));
  const words = [...folder.split('/'), basename(path).replace(/\..*$/, '')];
  const word = words.find((each) => SAYS_NOTHING.has(each));
  if (word === undefined) return [];
  return [{ path, line: 1, rule: 'names', what: `'${word}' does not say what is inside` }];
}

function checkSize(source: Source): Finding[] {
  const { path, text } = source;
  const findings: Finding[] = [];
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > FILE_LINES_MAX) {
    findings.push({ path, line: 1, rule: 'size', what: `${lines} lines; a file ends at ${FILE_LINES_MAX}` });
  }
  // The function around the tests of a suite is a chapter, not a function.
  if (path.startsWith('test/')) return findings;
  for (const { name, line, lines } of functionsOf(source)) {
    if (lines <= FUNCTION_LINES_MAX) continue;
    findings.push({
      path,
      line,
      rule: 'size',
      what: `${name} has ${lines} lines; a function ends at ${FUNCTION_LINES_MAX}`,
    });
  }
  return findings;
}

function checkBarrel(source: Source): Finding[] {
  const findings: Finding[] = [];
  for (const match of source.code.matchAll(/^export\s+(?:type\s+)?\*/gm)) {
    const line = lineAt(source.text, match.index);
    findings.push({
      path: source.path,
      line,
      rule: 'barrels',
      what: 'name what is exported, or import it where it is',
    });
  }
  const reexports = importsOf(source).filter(({ isReexport }) => isReexport);
  if (source.path === 'src/index.ts' || !source.path.startsWith('src/')) return findings;
  for (const { line } of reexports) {
    findings.push({ path: source.path, line, rule: 'barrels', what: 'only src/index.ts passes on what others export' });
  }
  return findings;
}

interface Pattern {
  readonly rule: string;
  /** Looked for in code (strings and comments blanked), in comments, or in all of the text. */
  readonly in: 'code' | 'comments' | 'text';
  readonly under: RegExp;
  readonly pattern: RegExp;
  readonly what: string;
}

const DATA_PLANE = /^src\/server\/(handlers|keyspace|data)\//;
const SERVER = /^src\/server\//;
const EVERYWHERE = /^/;

/**
 * Own clocks of the server that its injected clock replaces. A method of that name is somebody else's, and the default
 * of an option (`?? (() => performance.now())`) is a clock that can be handed in.
 */
const OWN_TIME =
  /(?<![.\w#]|\?\? \(\(\) => )(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|new Date)\(/g;

const patterns: readonly Pattern[] = [
  {
    rule: 'leftovers',
    in: 'comments',
    under: EVERYWHERE,
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    what: 'do it or drop it',
  },
  {
    rule: 'leftovers',
    in: 'comments',
    under: EVERYWHERE,
    pattern: /@ts-(?:ignore|nocheck)/g,
    what: 'say the type instead',
  },
  { rule: 'leftovers', in: 'code', under: EVERYWHERE, pattern: /\bas any\b/g, what: 'say the type instead' },
  { rule: 'leftovers', in: 'code', under: EVERYWHERE, pattern: /\bdebugger\b/g, what: 'a breakpoint was left behind' },
  {
    rule: 'leftovers',
    in: 'code',
    under: /^src\//,
    pattern: /\bconsole\./g,
    what: 'output has one place, and this is not it',
  },
  {
    rule: 'leftovers',
    in: 'code',
    under: /^test\//,
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.only\b/g,
    what: 'other tests do not run',
  },
  {
    rule: 'leftovers',
    in: 'code',
    under: /^test\//,
    pattern: /\b(?:test|it|describe|suite)\.(?:skip|todo)\b/g,
    what: 'skipIf says why',
  },
  {
    rule: 'data plane',
    in: 'code',
    under: DATA_PLANE,
    pattern: /\b(?:async|await)\b/g,
    what: 'a command runs to its end; nothing waits here',
  },
  {
    rule: 'state',
    in: 'code',
    under: SERVER,
    pattern: /^(?:export )?(?:let|var)\b/gm,
    what: 'two servers in one process would share it',
  },
  {
    rule: 'state',
    in: 'code',
    under: SERVER,
    pattern: /^(?:export )?const [^=\n]*= new (?:Map|Set|WeakMap|WeakSet)(?:<[^(\n]*>)?\(\);/gm,
    what: 'two servers in one process would share it',
  },
  {
    rule: 'value types',
    in: 'code',
    under: /^src\/server\/(?!types\/|data\/)/,
    pattern: /\binstanceof (?:\w+Object|MemberTable)\b|\bcase (?:\w+\.)?TYPE_[A-Z]+\b/g,
    what: 'ask the record of the type (server/types/table.ts)',
  },
  {
    rule: 'time',
    in: 'code',
    under: SERVER,
    pattern: OWN_TIME,
    what: 'time and chance come from the clock and the generator handed in',
  },
  {
    rule: 'workplace',
    in: 'text',
    under: EVERYWHERE,
    pattern: /\b(?:sub)?[a]gents?\b|\b[c]laude\b|\b[a]nthropic\b|\b[c]ontracts\.md\b|\/[w]ork\/(?:main|shared)\b/gi,
    what: 'the project speaks of itself alone',
  },
];

function checkPatterns(source: Source): Finding[] {
  const findings: Finding[] = [];
  for (const { rule, in: part, under, pattern, what } of patterns) {
    if (!under.test(source.path)) continue;
    for (const match of source[part].matchAll(pattern)) {
      const line = lineAt(source.text, match.index);
      findings.push({ path: source.path, line, rule, what: `'${match[0].trim()}': ${what}` });
    }
  }
  return findings;
}
