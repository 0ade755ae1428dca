import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    // Tests start servers, bind ports and change signal handlers: a process each keeps them apart.
    pool: 'forks',
    // Every worker may have a cluster of servers beside it; more workers would only make deadlines miss.
    maxWorkers: 2,
    // A test that hangs is to be told from one on a machine that is busy with other things.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
    // Output of captured commands must reach the test that asked for it, untouched.
    disableConsoleIntercept: true,
    reporters: ['default', new ClosingLineReporter()],
  },
});
