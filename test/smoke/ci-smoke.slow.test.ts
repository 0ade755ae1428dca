import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
/** A failover takes a node timeout and an election; the rest is keys. */
const TIMEOUT_MS = 180_000;

test('the script for CI jobs ends well', { timeout: TIMEOUT_MS }, async () => {
  const env = { ...process.env, RKV: `${process.execPath} ${join(ROOT, 'bin/run.js')}` };
  const child = spawn('bash', [join(import.meta.dirname, 'ci-smoke.sh'), '14060'], { env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect(status, said).toBe(0);
  expect(said).toMatch(/== all well\n$/);
});
