import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { EmbeddedServer } from '../../src/index.ts';
import { infoOf, started } from '../support/embedded.ts';
import { temporaryFolder } from '../support/folder.ts';

const HOURS_US = 1_000_000_000;

async function filled(save: string): Promise<{ server: EmbeddedServer; rdb: () => string }> {
  const dir = temporaryFolder();
  const server = await started({ dir, save, rdbcompression: false, 'enable-debug-command': 'yes' });
  for (const key of ['first', 'second']) await server.call('SET', key, 'old data');
  await server.call('SAVE');
  return { server, rdb: () => readFileSync(path.join(dir, 'dump.rdb'), 'latin1') };
}

test('with save points FLUSHALL empties the RDB at once, and counts as no change since', async () => {
  const { server, rdb } = await filled('3600 1');
  await server.call('FLUSHALL');
  expect(rdb()).not.toContain('old data');
  expect(await infoOf(server, 'rdb_changes_since_last_save')).toEqual(['0']);
});

test('a save in the background does not bring back what FLUSHALL removed', async () => {
  const { server, rdb } = await filled('3600 1');
  await server.call('CONFIG', 'SET', 'rdb-key-save-delay', HOURS_US);
  await server.call('BGSAVE');
  await server.call('PING');
  expect(await infoOf(server, 'rdb_bgsave_in_progress')).toEqual(['1']);
  await server.call('FLUSHALL');
  expect(await infoOf(server, 'rdb_bgsave_in_progress', 'rdb_last_bgsave_status')).toEqual(['0', 'ok']);
  expect(rdb()).not.toContain('old data');
});

test('without save points, and by FLUSHDB, the RDB stays as it was saved', async () => {
  const none = await filled('');
  await none.server.call('FLUSHALL');
  expect(none.rdb()).toContain('old data');
  expect(await infoOf(none.server, 'rdb_changes_since_last_save')).toEqual(['2']);
  const some = await filled('3600 1');
  await some.server.call('FLUSHDB');
  expect(some.rdb()).toContain('old data');
});
