/*
 * cluster.yaml: what a cluster should be. The same file is the input of `cluster create --file` and the record of what
 * was applied, kept in the cluster's folder. Every mistake is told with its line and column, all of them at once.
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument, stringify } from 'yaml';
import { CliFailure, EXIT } from '../run/failure.ts';
import { type ClusterSpec, type ConfigValue, DEFAULT_SPEC } from './spec.ts';
import { findMistakes, type Mistake } from './validate.ts';

/** Of a file with anchors, counted as they unfold. */
const ALIASES_MAX = 100;

export function readSpec(file: string): ClusterSpec {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, error);
  }
  return parseSpec(text, file);
}

/** The cluster.yaml of a cluster of ours, which is never empty. Fails as readSpec does, with what can still be done. */
export function readRecord(file: string): ClusterSpec {
  try {
    const found = statSync(file);
    if (!found.isFile()) throw badSpec(file, ['it is not a regular file']);
    if (found.size === 0) throw badSpec(file, [`${file} is empty`]);
    return readSpec(file);
  } catch (error) {
    const { code, exit, message, why, evidence } = error instanceof CliFailure ? error : cannotRead(file, error);
    const name = basename(dirname(file));
    const suggestions = [`restore ${file} from a backup`, `rkv cluster destroy ${name}`];
    throw new CliFailure(message, { code, exit, why: why ?? undefined, evidence, suggestions, cause: error });
  }
}

function cannotRead(file: string, error: unknown): CliFailure {
  return new CliFailure(`cannot read ${file}`, {
    code: 'NO_SPEC',
    exit: EXIT.usage,
    why: (error as Error).message,
    cause: error,
  });
}

/** What the text leaves out is as in DEFAULT_SPEC. */
export function parseSpec(text: string, file: string): ClusterSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw badSpec(
      file,
      document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`),
    );
  }
  const raw: unknown = valuesOf(document, file) ?? {};
  const mistakes = findMistakes(raw);
  if (mistakes.length > 0) {
    throw badSpec(
      file,
      mistakes.map((mistake) => `${place(offsetOf(document, mistake))}: ${mistake.text}`),
    );
  }
  const given = raw as Partial<ClusterSpec>;
  return { ...DEFAULT_SPEC, ...given, config: textual(given.config ?? {}) };
}

/** Fails for aliases that would unfold to more than anybody writes by hand. */
function valuesOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    throw badSpec(file, [`its aliases cannot be resolved: ${(error as Error).message}`]);
  }
}

function formatSpec(spec: ClusterSpec): string {
  return stringify(
    Object.fromEntries(
      Object.entries(spec).filter(([, value]) => {
        const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
        return value !== null && !isEmpty;
      }),
    ),
  );
}

/** Readable by its owner alone: it may hold the password. */
export function writeSpec(file: string, spec: ClusterSpec): void {
  writeFileSync(file, formatSpec(spec), { mode: 0o600 });
}

/** YAML reads `maxmemory: 100` as a number and `appendonly: no` as text; redis.conf knows text alone. */
function textual(config: Readonly<Record<string, unknown>>): Record<string, ConfigValue> {
  const word = (value: unknown): string => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value));
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, Array.isArray(value) ? value.map(word) : word(value)]),
  );
}

/** Where the value of a mistake stands, or the nearest thing around it that the file does have. */
function offsetOf(document: Document.Parsed, mistake: Mistake): number {
  for (let depth = mistake.path.length; depth > 0; depth--) {
    const node = document.getIn(mistake.path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function badSpec(file: string, mistakes: readonly string[]): CliFailure {
  return new CliFailure(`${file} is not a valid cluster file`, {
    code: 'BAD_SPEC',
    exit: EXIT.usage,
    why: mistakes[0],
    evidence: mistakes.slice(1),
    suggestions: [`rkv cluster create --file ${file} --dry-run     # checks it again, and starts nothing`],
  });
}
