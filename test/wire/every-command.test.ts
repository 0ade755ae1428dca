/*
 * No command is declared that no wire test sends. It is in a project of its own that runs behind all others, and looks at
 * what they have recorded; so it needs a run of the whole folder (`npx vitest run test/wire`).
 */

import { expect, test } from 'vitest';
import { specs } from '../../src/server/handlers/table.ts';
import { readSent, wireTestsBeside } from '../support/sent-commands.ts';

test('every declared command and subcommand has been sent by a wire test', () => {
  const { commands, files } = readSent();
  const silent = wireTestsBeside(import.meta.filename).filter((name) => !files.has(name));
  expect(
    silent,
    'these wire tests have not run in this run, or sent nothing: this test looks back on the whole folder, so run ' +
      '`npx vitest run test/wire`',
  ).toEqual([]);
  const declared = specs.flatMap(({ name, subcommands = [] }) => [
    name,
    ...subcommands.map((sub) => `${name} ${sub.name}`),
  ]);
  expect(declared.length).toBeGreaterThan(100);
  expect(
    declared.filter((words) => !commands.has(words)),
    'commands that no wire test sends',
  ).toEqual([]);
});
