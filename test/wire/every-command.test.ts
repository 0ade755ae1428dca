/*
 * No command is declared that no wire test sends. It is in a project of its own that runs behind all others, and looks at
 * what they have recorded; so it needs a run of the whole folder (`npx vitest run test/wire`).
 */

import { expect, test } from 'vitest';
import { specs } from '../../src/server/handlers/table.ts';
import { readSent } from '../support/sent-commands.ts';

test('every declared command and subcommand has been sent by a wire test', () => {
  const sent = readSent();
  expect(sent.size, 'commands that were recorded; run all of test/wire').toBeGreaterThan(0);
  const declared = specs.flatMap(({ name, subcommands = [] }) => [
    name,
    ...subcommands.map((sub) => `${name} ${sub.name}`),
  ]);
  expect(declared.filter((words) => !sent.has(words))).toEqual([]);
});
