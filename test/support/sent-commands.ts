/*
 * Which commands the wire tests have sent to our server, recorded while they run: each worker writes what it saw to a
 * file of one folder, and test/wire/every-command.test.ts, which runs last, reads them all. The folder belongs to one run:
 * vitest.config.ts names it in the environment that all workers inherit.
 */

import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const SENT_FOLDER = 'RKV_TEST_SENT_FOLDER';

const seen = new Set<string>();

/** Notes the first two words of a request: a command, and the subcommand that it may have. */
export function recordSent(words: readonly (string | Buffer)[]): void {
  const folder = process.env[SENT_FOLDER];
  if (folder === undefined) return;
  const [name = '', sub = ''] = words.slice(0, 2).map((word) => word.toString('latin1').slice(0, 64).toLowerCase());
  const line = JSON.stringify([name, sub]);
  if (seen.has(line)) return;
  seen.add(line);
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${process.pid}`), `${line}\n`);
}

/** What all workers have recorded, as 'name' and 'name sub'; empty when no wire test has run. */
export function readSent(): ReadonlySet<string> {
  const folder = process.env[SENT_FOLDER] ?? '';
  const sent = new Set<string>();
  for (const file of namesIn(folder)) {
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)) {
      const [name, sub] = JSON.parse(line) as [string, string];
      sent.add(name);
      sent.add(`${name} ${sub}`);
    }
  }
  return sent;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
