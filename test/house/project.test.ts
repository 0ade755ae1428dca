import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test('the project keeps its own rules', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/tidy.ts')], { encoding: 'utf8' });
  expect(stdout.trimEnd()).toMatch(/^tidy: nothing in \d+ files$/);
  expect(stderr).toBe('');
});
