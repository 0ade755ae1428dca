/*
 * No command is declared that no wire test sends. The tests are read, not run: so this holds for a run of one file as for
 * a run of all, and in whatever process each of them is.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { specs } from '../../src/server/handlers/table.ts';

const SOURCES = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(`${import.meta.dirname}/${name}`, 'utf8'))
  .join('\n');
/** Names that a test goes through: `for (const command of ['TTL', 'PTTL'])`. */
const LISTED = [...SOURCES.matchAll(/ of \[([^\]]*)\]/g)].map((found) => found[1]).join(' ');

/** A command begins a list of words or of arguments; a subcommand stands right behind its container. */
function isSent(words: readonly string[]): boolean {
  const literals = words.map((word) => `'${word.toUpperCase()}'`);
  const asFirst = new RegExp(`[[(]\\s*${literals.join(',\\s*')}`);
  return asFirst.test(SOURCES) || (words.length === 1 && LISTED.includes(literals[0] as string));
}

test('every declared command and subcommand is sent by a wire test', () => {
  const missing = specs.flatMap(({ name, subcommands }) => {
    const all = subcommands === undefined ? [[name]] : [[name], ...subcommands.map((sub) => [name, sub.name])];
    return all.filter((words) => !isSent(words)).map((words) => words.join(' '));
  });
  expect(missing).toEqual([]);
});
