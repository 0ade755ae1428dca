/*
 * Which commands the wire tests have sent to our server, recorded while they run: each worker writes what it saw to a
 * file of one folder, and test/wire/every-command.test.ts, which runs last, reads them all. The folder belongs to one run:
 * vitest.config.ts names it in the environment that all workers inherit.
 */

import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';

export const SENT_FOLDER = 'RKV_TEST_SENT_FOLDER';

const WIRE = join(import.meta.dirname, '../wire');

const seen = new Set<string>();

interface Sent {
  /** As 'name' and 'name sub'. */
  readonly commands: ReadonlySet<string>;
  /** Names of the test files that have sent them. */
  readonly files: ReadonlySet<string>;
}

/** Notes the first two words of a request: a command, and the subcommand that it may have. Of wire tests alone. */
export function recordSent(words: readonly (string | Buffer)[]): void {
  const folder = process.env[SENT_FOLDER];
  const { testPath } = expect.getState();
  if (folder === undefined || testPath === undefined || dirname(testPath) !== WIRE) return;
  const [name = '', sub = ''] = words.slice(0, 2).map((word) => word.toString('latin1').slice(0, 64).toLowerCase());
  const line = JSON.stringify([basename(testPath), name, sub]);
  if (seen.has(line)) return;
  seen.add(line);
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${process.pid}`), `${line}\n`);
}

/** What all workers have recorded; empty when no wire test has run. */
export function readSent(): Sent {
  const folder = process.env[SENT_FOLDER] ?? '';
  const commands = new Set<string>();
  const files = new Set<string>();
  for (const name of namesIn(folder)) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean)) {
      const [file, command, sub] = JSON.parse(line) as [string, string, string];
      files.add(file);
      commands.add(command).add(`${command} ${sub}`);
    }
  }
  return { commands, files };
}

/** All test files of the folder of wire tests but one. */
export function wireTestsBeside(file: string): string[] {
  return readdirSync(WIRE).filter((name) => name.endsWith('.test.ts') && name !== basename(file));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
