import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { infoOf, started, until } from '../support/embedded.ts';

test('a log of commands whose base was written without any data can be started from', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rkv-base-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const options = { dir, appendonly: true, 'aof-use-rdb-preamble': false };
  const first = await startServer(options);
  await first.call('BGREWRITEAOF');
  await until(async () => (await infoOf(first, 'aof_rewrite_in_progress', 'aof_rewrites')).join() === '0,1');
  await first.call('SET', 'k', 'v');
  await first.close();
  expect(readFileSync(path.join(dir, 'appendonlydir', 'appendonly.aof.2.base.aof'), 'latin1')).toContain('SELECT');
  const second = await started(options);
  expect(await second.call('GET', 'k')).toBe('v');
});
