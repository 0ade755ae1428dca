/* A disk that is full is cleaned up with rkv itself: what stops and destroys a cluster needs no space of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connectNode } from '../../../src/cluster/node/client.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { program, type Ran, ROOT, rkv } from '../../commands/rkv.ts';
import { smallDisk } from '../../integration/small-disk.ts';
import { pidsUnder, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 18_240;

/** A running cluster on a disk without space, and a way to run commands that cannot write there either. */
async function fullHome(): Promise<{ home: string; run: (...argv: string[]) => Promise<Ran> }> {
  const { kind, dir: home, fill } = smallDisk();
  onTestFinished(async () => {
    for (const pid of pidsUnder(home)) process.kill(pid, 'SIGKILL');
    await vi.waitUntil(() => pidsUnder(home).length === 0, { timeout: 10_000, interval: 5 });
  });
  const spec = specOf({ port: PORT, primaries: 1, replicas: 1 });
  await finish(createCluster(spec, { home, timeout_ms: TIMEOUT_MS }));
  const client = connectNode({ host: '127.0.0.1', port: PORT }, {}, TIMEOUT_MS);
  await client.call('SET', 'b', 'kept');
  client.close();
  if (kind === 'tmpfs') {
    fill(0, 0);
    return { home, run: (...argv) => rkv(argv, { home }) };
  }
  // Elsewhere no file may grow: neither those of the servers nor those of the command.
  for (const pid of pidsUnder(home)) spawnSync('prlimit', ['--pid', String(pid), '--fsize=0:unlimited']);
  const words = ['--fsize=0:unlimited', process.execPath, join(ROOT, 'bin/run.js')];
  return { home, run: (...argv) => program('prlimit', [...words, ...argv], { home }) };
}

test('a cluster on a full disk is stopped, which says that it did not save, and is destroyed', async () => {
  const { home, run } = await fullHome();
  const stopped = await run('cluster', 'stop');
  expect(stopped.status, stopped.stderr).toBe(0);
  expect(stopped.stderr).toContain(
    `! node ${PORT} did not save (ERR Errors trying to SHUTDOWN. Check logs.): data that existed only in memory is lost`,
  );
  expect(pidsUnder(home)).toEqual([]);
  const destroyed = await run('cluster', 'destroy', '--yes');
  expect(destroyed.status, destroyed.stderr).toBe(0);
  expect(readdirSync(home).filter((name) => name.startsWith('default'))).toEqual([]);
});

test('a running cluster on a full disk is listed, and destroyed at once', async () => {
  const { home, run } = await fullHome();
  expect((await run('cluster', 'list')).stdout).toMatch(/ default +\S+ \w+ +2\/2 /);
  const { status, stderr } = await run('cluster', 'destroy', '--yes');
  expect(status, stderr).toBe(0);
  expect(existsSync(join(home, 'default'))).toBe(false);
  expect(pidsUnder(home)).toEqual([]);
});
