import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/*
 * Real runs of vitest over small files, because what counts is the end of what it prints and the code it exits with.
 * The files lie inside the project, where `vitest` can be found from them.
 */

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(import.meta.dirname, 'closing-line-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PASSES = `test('passes', () => {});`;
const FAILS = `test('fails', () => { throw new Error('as planned'); });`;
const SKIPPED = `test.skipIf(true)('is skipped', () => {});`;

test('the last line counts what passed and what failed', () => {
  expect(runVitest(`${PASSES} ${FAILS}`)).toEqual({ lastLine: '1 passed, 1 failed', status: 1 });
});

test('skipped tests are counted only when there are any', () => {
  expect(runVitest(PASSES)).toEqual({ lastLine: '1 passed, 0 failed', status: 0 });
  expect(runVitest(`${PASSES} ${SKIPPED}`)).toEqual({ lastLine: '1 passed, 0 failed, 1 skipped', status: 0 });
});

test('a file that cannot be loaded is one failure', () => {
  expect(runVitest(`${PASSES} throw new Error('broken file');`)).toEqual({
    lastLine: '0 passed, 1 failed',
    status: 1,
  });
});

test('a hook that fails is one failure', () => {
  const source = `import { beforeAll } from 'vitest'; beforeAll(() => { throw new Error('as planned'); }); ${PASSES}`;
  expect(runVitest(source)).toEqual({ lastLine: '0 passed, 1 failed, 1 skipped', status: 1 });
});

test('a rejection that nobody handles is a failure', () => {
  const source = `test('passes', async () => {
    void Promise.reject(new Error('left alone'));
    await new Promise((resolve) => setTimeout(resolve, 10));
  });`;
  expect(runVitest(source)).toEqual({ lastLine: '1 passed, 1 failed', status: 1 });
});

test('a run without tests fails', () => {
  expect(runVitest(null)).toEqual({ lastLine: '0 passed, 0 failed', status: 1 });
});

function runVitest(source: string | null): { lastLine: string; status: number | null } {
  const file = join(folder, 'planted.test.ts');
  rmSync(file, { force: true });
  if (source !== null) writeFileSync(file, `import { test } from 'vitest'; ${source}`);
  const config = join(folder, 'vitest.config.ts');
  writeFileSync(
    config,
    `import { ClosingLineReporter } from '../closing-line-reporter.ts';
    export default { test: { include: ['*.test.ts'], pool: 'forks', reporters: ['default', new ClosingLineReporter()] } };`,
  );
  const { stdout, status } = spawnSync('vitest', ['run', '--root', folder, '--config', config], { encoding: 'utf8' });
  return { lastLine: stdout.trimEnd().split('\n').at(-1) ?? '', status };
}
