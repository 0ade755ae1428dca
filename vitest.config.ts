import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';
import { SENT_FOLDER } from './test/support/sent-commands.ts';

/*
 * Four projects, so that the usual run stays short. Tests that change the process they run in (signals, environment, the
 * working directory), or measure it, have one for each file. All others share their worker, and so the modules they import:
 * a process for each file would cost more than most of their tests. What looks back on all of them comes last. And what
 * must be slow, because many rounds or much data are its point, is called *.slow.test.ts: `npm test` leaves it out, and
 * `npm run test:slow` and the CI run it.
 */

/** Files whose tests need a process of their own: they set its environment, and count its listeners. */
const APART = ['test/library/start-server.test.ts'];
const SLOW = 'test/**/*.slow.test.ts';
const LAST = 'test/wire/every-command.test.ts';

const sentFolder = join(tmpdir(), `rkv-test-sent-${process.pid}`);
process.env[SENT_FOLDER] = sentFolder;
process.once('exit', () => rmSync(sentFolder, { recursive: true, force: true }));

/** Twice the cores of a usual machine of the CI: tests with servers wait for much of their time. */
const WORKERS = 4;
/** What is slow keeps its processors busy, and some of it measures how soon a cluster reacts. */
const SLOW_WORKERS = 2;

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
    passWithNoTests: false,
    reporters: ['default', new ClosingLineReporter()],
    projects: [
      {
        test: {
          ...shared,
          name: 'apart',
          maxWorkers: WORKERS,
          include: APART,
          exclude: [SLOW],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'together',
          maxWorkers: WORKERS,
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: [...APART, SLOW, LAST],
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...shared, name: 'slow', maxWorkers: SLOW_WORKERS, include: [SLOW], sequence: { groupOrder: 1 } } },
      { test: { ...shared, name: 'last', maxWorkers: 1, include: [LAST], sequence: { groupOrder: 2 } } },
    ],
  },
});
