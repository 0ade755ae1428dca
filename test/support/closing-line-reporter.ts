import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/*
 * Ends every run with `N passed, N failed` (and `, N skipped` when there are any) alone on the last line, so that a
 * script or a person scrolling to the end needs no knowledge of vitest. It goes last in the list of reporters.
 */

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export class ClosingLineReporter implements Reporter {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void = (line) => process.stdout.write(line)) {
    this.#write = write;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tally = count(modules, unhandled.length);
    // A run that found nothing to test has proved nothing.
    if (tally.passed + tally.failed + tally.skipped === 0) process.exitCode = 1;
    this.#write(`${closingLine(tally)}\n`);
  }
}

function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A module that failed to load, or a suite whose hook failed, counts as one failure: its tests never ran. */
function count(modules: readonly TestModule[], unhandled: number): Tally {
  let passed = 0;
  let failed = unhandled;
  let skipped = 0;
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'failed') failed++;
      else skipped++;
    }
  }
  return { passed, failed, skipped };
}
