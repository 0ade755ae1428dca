import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { infoOf, started, until } from '../support/embedded.ts';

test('CONFIG SET aof-disable-auto-gc no deletes the files that were kept meanwhile', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rkv-history-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const server = await started({ dir, appendonly: true, 'aof-disable-auto-gc': true });
  const folder = path.join(dir, 'appendonlydir');
  const manifest = (): string[] => readFileSync(path.join(folder, 'appendonly.aof.manifest'), 'utf8').split('\n');
  for (const done of ['1', '2']) {
    await server.call('BGREWRITEAOF');
    await until(async () => (await infoOf(server, 'aof_rewrites', 'aof_rewrite_in_progress')).join() === `${done},0`);
  }
  expect(manifest()).toEqual([
    'file appendonly.aof.3.base.rdb seq 3 type b',
    'file appendonly.aof.2.incr.aof seq 2 type h',
    'file appendonly.aof.2.base.rdb seq 2 type h',
    'file appendonly.aof.1.incr.aof seq 1 type h',
    'file appendonly.aof.1.base.rdb seq 1 type h',
    'file appendonly.aof.3.incr.aof seq 3 type i',
    '',
  ]);
  await server.call('CONFIG', 'SET', 'aof-disable-auto-gc', 'no');
  const left = ['appendonly.aof.3.base.rdb', 'appendonly.aof.3.incr.aof'];
  expect(manifest().map((line) => line.split(' ')[1] ?? '')).toEqual([...left, '']);
  expect(
    readdirSync(folder)
      .filter((name) => /\.(rdb|aof)$/.test(name))
      .sort(),
  ).toEqual(left);
});
