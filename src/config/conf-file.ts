/*
 * From files, standard input and the command line to a configuration. All are the same language, one directive a line, and
 * are read one behind the other: a later line replaces what an earlier one said, save points and users add up. Lines,
 * words and paths are byte texts, also those of the command line.
 *
 * A configuration in which anything is wrong is refused as a whole, with the place and the reason: a server that started
 * with half of what its owner wrote would surprise at the worst time.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bytesOf, pathOf, workingFolder } from '../base/byte-text.ts';
import { GlobPattern } from '../base/glob.ts';
import { didYouMean } from '../base/nearest.ts';
import { readRegularFile } from '../base/regular-file.ts';
import { systemReason } from '../base/system-reason.ts';
import { parseCommandLine } from './command-line.ts';
import { DirectiveRefusal } from './directive.ts';
import { type Config, defaultConfig, directiveOf, findName, type Name, names, withoutEffect } from './directives.ts';
import { DEFAULT_PROFILE, profileOf } from './profiles.ts';
import { splitWords, trimLine } from './words.ts';

/** Something in a configuration, or in reading it, is wrong; the message is for the operator, over several lines. */
export class ConfigFailure extends Error {
  override readonly name = 'ConfigFailure';
  /** The path, 'standard input' or 'the command line'; null when no single place is wrong. */
  readonly file: string | null;
  readonly line: number | null;
  readonly directive: string | null;
  readonly reason: string;

  constructor(reason: string, place?: { file: string; line?: number; text?: string; directive?: string }) {
    super(describe(reason, place));
    this.file = place?.file ?? null;
    this.line = place?.line ?? null;
    this.directive = place?.directive ?? null;
    this.reason = reason;
  }
}

/** What the loader needs of the world. */
export interface Files {
  /** The text of a file; throws when there is none. One that is included was not chosen by who starts the server. */
  readFile(path: string, how: { included: boolean }): string;
  readStdin(): string;
  /** The names in a folder; empty when there is none. */
  listFolder?(path: string): readonly string[];
  cwd?: string;
}

export interface Loaded {
  config: Config;
  /** What the operator should know: directives that are accepted and have no effect here. */
  notices: string[];
  /** The absolute path of the file that CONFIG REWRITE writes. */
  configFile: string | null;
  /** The directives that were given, whatever their value. */
  given: ReadonlySet<Name>;
}

/** What templates include where there is nothing to include. */
const NOTHING = '/dev/null';

export const realFiles: Files = {
  // A pipe from a shell is as good as a file.
  readFile: (path, { included }) =>
    included && path !== NOTHING ? readRegularFile(pathOf(path)).latin1Slice() : readFileSync(pathOf(path), 'latin1'),
  readStdin: () => readFileSync(0, 'latin1'),
  listFolder(path) {
    try {
      return readdirSync(pathOf(path), 'latin1');
    } catch {
      // A folder that is not there holds no file that a pattern could mean.
      return [];
    }
  },
};

/** `argv` is what follows the name of the program. Throws ConfigFailure. */
export function loadConfig({ argv, ...files }: { argv: readonly string[] } & Files): Loaded {
  const commandLine = parseCommandLine(argv);
  const cwd = files.cwd ?? workingFolder();
  const loading: Loading = { config: defaultConfig(), given: new Set(), notices: [], files, folder: cwd };
  const configFile = commandLine.file === null ? null : resolve(cwd, commandLine.file);
  if (configFile !== null) readConfigFile(loading, configFile, 0);
  if (commandLine.readsStdin) readText(loading, 'standard input', files.readStdin(), 0);
  commandLine.lines.forEach((line, i) => {
    readLine(loading, { file: 'the command line', line: i + 1, text: line }, 0);
  });
  finish(loading);
  return { config: loading.config, notices: loading.notices, configFile, given: loading.given };
}

/** A file that includes itself, directly or not, ends here. */
const INCLUDE_DEPTH_MAX = 16;

/** Older directives that no longer mean anything, still found in files of those days. */
const FORGOTTEN = new Set(['list-max-ziplist-entries', 'list-max-ziplist-value', 'lua-replicate-commands']);

interface Loading {
  readonly config: Config;
  readonly given: Set<Name>;
  readonly notices: string[];
  readonly files: Files;
  /** Where relative paths start: `dir` moves it for the lines that follow. */
  folder: string;
}

interface Place {
  file: string;
  line: number;
  text: string;
}

function readConfigFile(loading: Loading, path: string, depth: number): void {
  let text: string;
  try {
    text = loading.files.readFile(path, { included: depth > 0 });
  } catch (error) {
    throw new ConfigFailure(`Fatal error, can't open config file '${path}': ${systemReason(error)}`, { file: path });
  }
  readText(loading, path, text, depth);
}

function readText(loading: Loading, file: string, text: string, depth: number): void {
  text.split('\n').forEach((line, i) => {
    readLine(loading, { file, line: i + 1, text: trimLine(line) }, depth);
  });
}

function readLine(loading: Loading, place: Place, depth: number): void {
  if (place.text === '' || place.text.startsWith('#')) return;
  try {
    readDirective(loading, place, depth);
  } catch (error) {
    // No line that Redis takes is read in another way.
    const text = withoutComment(place.text);
    if (!(error instanceof ConfigFailure) || error.file !== place.file || text === null) throw error;
    try {
      readDirective(loading, { ...place, text }, depth);
    } catch {
      throw error;
    }
    loading.notices.push(
      `${place.file}:${place.line}: the comment after '${text}' is ignored; Redis would refuse the line`,
    );
  }
}

/** What stands before a blank and a # that are in no quotes; null where there is no such thing. */
function withoutComment(text: string): string | null {
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== '') {
      if (char === '\\') at++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '#' && /[ \t]/.test(text[at - 1] ?? '')) return trimLine(text.slice(0, at));
  }
  return null;
}

function readDirective(loading: Loading, place: Place, depth: number): void {
  const words = splitWords(place.text);
  if (words === null) throw new ConfigFailure('Unbalanced quotes in configuration line', place);
  const [given, ...values] = words;
  if (given === undefined) return;
  const directive = given.toLowerCase();
  const name = findName(directive);
  try {
    if (name !== null) setFromLine(loading, name, values);
    else if (FORGOTTEN.has(directive)) loading.notices.push(`'${directive}' is obsolete and ignored`);
    else throw new DirectiveRefusal(whyUnknown(directive));
  } catch (error) {
    if (!(error instanceof DirectiveRefusal)) throw error;
    throw new ConfigFailure(error.message, { ...place, directive });
  }
  if (name === 'include') readIncluded(loading, { ...place, directive }, values[0]!, depth);
}

function setFromLine(loading: Loading, name: Name, values: readonly string[]): void {
  const directive = directiveOf(name);
  // Alone it means save "": a template whose variable is empty turns saving off, as redis-server takes it.
  if (values.length === 0 && name === 'save') return setFromLine(loading, name, ['']);
  if (values.length === 0) throw new DirectiveRefusal('wrong number of arguments');
  const before = loading.config[name];
  // A quoted list is the list: save "900 1" is save 900 1.
  const isList = directive.multi && !directive.fileOnly && values.length === 1;
  const words = isList && values[0] !== '' ? splitWords(values[0]!) : values;
  if (words === null) throw new DirectiveRefusal('Unbalanced quotes in configuration line');
  let value = directive.parseWords(words, before);
  if (directive.join !== null && loading.given.has(name)) value = directive.join(before, value);
  if (name === 'dir') {
    loading.folder = resolve(loading.folder, value as string);
    value = loading.folder;
  }
  assign(loading.config, name, value);
  loading.given.add(name);
}

function assign(config: Config, name: Name, value: unknown): void {
  (config as Record<Name, unknown>)[name] = value;
}

function whyUnknown(directive: string): string {
  if (directive === 'sentinel') return 'sentinel directive while not in sentinel mode';
  return `Bad directive or wrong number of arguments${didYouMean(directive, names)}`;
}

function readIncluded(loading: Loading, place: Place & { directive: string }, pattern: string, depth: number): void {
  if (depth >= INCLUDE_DEPTH_MAX)
    throw new ConfigFailure(`include files are nested more than ${INCLUDE_DEPTH_MAX} deep`, place);
  for (const path of expand(resolve(loading.folder, pattern), loading.files)) readConfigFile(loading, path, depth + 1);
}

/** The files that a pattern means, sorted; a path without a pattern is itself, even if there is no such file. */
function expand(pattern: string, files: Files): string[] {
  if (!isPattern(pattern)) return [pattern];
  let found = ['/'];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    const glob = new GlobPattern(bytesOf(part));
    found = found.flatMap((folder) => {
      if (!isPattern(part)) return [resolve(folder, part)];
      const names = (files.listFolder?.(folder) ?? []).filter((name) => matchesFileName(part, glob, name));
      return [...names].sort().map((name) => resolve(folder, name));
    });
  }
  const last = pattern.slice(pattern.lastIndexOf('/') + 1);
  // Behind a folder that was a pattern there may be no such file.
  return isPattern(last) ? found : found.filter((path) => matchesInFolder(path, files));
}

function matchesInFolder(path: string, files: Files): boolean {
  const at = path.lastIndexOf('/');
  return (files.listFolder?.(path.slice(0, at)) ?? []).includes(path.slice(at + 1));
}

function matchesFileName(pattern: string, glob: GlobPattern, name: string): boolean {
  // As in a shell: hidden files must be asked for.
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const bytes = bytesOf(name);
  return glob.matches(bytes, 0, bytes.length);
}

function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** What can only be judged or completed when everything has been read. */
function finish({ config, given, notices, folder }: Loading): void {
  if (config.user.length > 0 && config.aclfile !== '') {
    throw new ConfigFailure(
      'Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This ' +
        'setup is very likely to lead to configuration errors and security holes, please define either an ACL file ' +
        'or declare users directly in your redis.conf, but not both.',
    );
  }
  config.dir = folder;
  if (config['cluster-enabled']) config.databases = 1;
  for (const [name, value] of Object.entries(profileOf(config).defaults) as [Name, unknown][]) {
    if (!given.has(name)) assign(config, name, value);
  }
  if (config.daemonize && config.pidfile === '') config.pidfile = '/var/run/redis.pid';
  for (const name of given) {
    const notice = withoutEffect(config, name);
    if (notice !== null) notices.push(notice);
  }
}

function describe(reason: string, place?: { file: string; line?: number; text?: string }): string {
  const lines = ['', `*** FATAL CONFIG FILE ERROR (Redis ${DEFAULT_PROFILE.redisVersion}) ***`];
  if (place?.line !== undefined) {
    const isPath = place.file.startsWith('/');
    lines.push(`Reading ${isPath ? `the configuration file '${place.file}'` : place.file}, at line ${place.line}`);
    lines.push(`>>> '${place.text ?? ''}'`);
  }
  return [...lines, reason].join('\n');
}
