import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';
import { SENT_FOLDER } from './test/support/sent-commands.ts';

/*
 * Three projects, so that the whole run stays short. Tests of functions and structures share their worker, and so the
 * modules they import: a process for each file would cost more than its tests. Tests that start servers, bind ports or
 * change the process (signals, environment, the working directory) have a process each. What looks back on all of them
 * comes last.
 */

/** Folders whose tests leave nothing behind in their process. */
const UNITS = ['base', 'config', 'fuzz', 'gossip', 'server', 'view', 'wire'];

const LAST = 'test/wire/every-command.test.ts';

const sentFolder = join(tmpdir(), `rkv-test-sent-${process.pid}`);
process.env[SENT_FOLDER] = sentFolder;
process.once('exit', () => rmSync(sentFolder, { recursive: true, force: true }));

const shared = {
  pool: 'forks' as const,
  // A test that hangs is to be told from one on a machine that is busy with other things.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Output of captured commands must reach the test that asked for it, untouched.
  disableConsoleIntercept: true,
};

export default defineConfig({
  test: {
    // Every worker may have a cluster of servers beside it; more workers would only make deadlines miss.
    maxWorkers: 2,
    passWithNoTests: false,
    reporters: ['default', new ClosingLineReporter()],
    projects: [
      {
        test: {
          ...shared,
          name: 'wholes',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: UNITS.map((folder) => `test/${folder}/**`),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'units',
          include: UNITS.map((folder) => `test/${folder}/**/*.test.{ts,tsx}`),
          exclude: [LAST],
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...shared, name: 'last', include: [LAST], sequence: { groupOrder: 1 } } },
    ],
  },
});
