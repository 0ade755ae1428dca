/* Files of a cluster that somebody or something has damaged: every command says so, and a destroy removes what is ours. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lockFile, nodeFiles, nodeFolder } from '../../../src/cluster/machine/layout.ts';
import { findRunning, runningProcess } from '../../../src/cluster/machine/process.ts';
import { listClusters } from '../../../src/cluster/observe/list-clusters.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { destroyCluster, startCluster } from '../../../src/cluster/operations/lifecycle.ts';
import { mayComeBackEmpty } from '../../../src/cluster/operations/safe-start.ts';
import { CliFailure } from '../../../src/cluster/run/failure.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { findCluster } from '../../../src/cluster/topology/target.ts';
import { rkv } from '../../commands/rkv.ts';
import { makeHome, pidsUnder, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 18_160;
const name = 'default';
const timeout_ms = TIMEOUT_MS;

/** As a stopped cluster of one node leaves it. */
function stoppedCluster(): { home: string; folder: string; node: string } {
  const home = makeHome();
  const folder = join(home, name);
  const node = nodeFolder(folder, PORT);
  mkdirSync(join(node, 'data'), { recursive: true });
  writeFileSync(join(folder, 'cluster.yaml'), `version: 1\nport: ${PORT}\nprimaries: 1\nreplicas: 0\n`);
  writeFileSync(join(node, 'node.conf'), `port ${PORT}\ncluster-enabled yes\n`);
  return { home, folder, node };
}

function replace(path: string, by: 'file' | 'folder' | 'loop' | { readonly link: string }): void {
  rmSync(path, { recursive: true, force: true });
  if (by === 'file') writeFileSync(path, '');
  else if (by === 'folder') mkdirSync(path);
  else symlinkSync(by === 'loop' ? path : by.link, path);
}

test.each([
  ['cluster.yaml', 'file', 'damaged', 'BAD_SPEC'],
  ['cluster.yaml', 'folder', 'damaged', 'BAD_SPEC'],
  ['cluster.yaml', 'loop', 'damaged', 'NO_SPEC'],
  ['cluster.yaml', { link: '/dev/zero' }, 'damaged', 'BAD_SPEC'],
  ['nodes', 'file', 'stopped', 'BROKEN_CLUSTER'],
  ['nodes', { link: 'victim' }, 'stopped', 'BROKEN_CLUSTER'],
  [`nodes/${PORT}`, 'file', 'stopped', 'BROKEN_CLUSTER'],
  [`nodes/${PORT}`, { link: 'victim' }, 'stopped', 'BROKEN_NODE'],
  [`nodes/${PORT}/node.conf`, 'file', 'stopped', 'BROKEN_NODE'],
  [`nodes/${PORT}/node.conf`, 'folder', 'stopped', 'BROKEN_NODE'],
  [`nodes/${PORT}/server.log`, 'folder', 'stopped', 'BROKEN_NODE'],
  [`nodes/${PORT}/pid`, 'folder', 'stopped', 'BROKEN_NODE'],
] as const)(
  '%s replaced by %j: the cluster is %s, a start fails with %s, a destroy removes it',
  async (path, by, state, code) => {
    const { home, folder } = stoppedCluster();
    const victim = makeHome();
    writeFileSync(join(victim, 'precious'), 'kept');
    replace(join(folder, path), typeof by === 'object' && by.link === 'victim' ? { link: victim } : by);
    expect(await listClusters({ home })).toMatchObject([{ name, state }]);
    const failure = await finish(startCluster({ home, name, timeout_ms: 1000 })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CliFailure);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/\w/), why: expect.stringMatching(/\w/) });
    expect(pidsUnder(home)).toEqual([]);
    await finish(destroyCluster({ home, name, timeout_ms }));
    expect(readdirSync(home)).toEqual([]);
    expect(readFileSync(join(victim, 'precious'), 'utf8')).toBe('kept');
  },
);

test('a pipe in the place of cluster.yaml is not waited for', async () => {
  const { home, folder } = stoppedCluster();
  rmSync(join(folder, 'cluster.yaml'));
  spawnSync('mkfifo', [join(folder, 'cluster.yaml')]);
  expect(await listClusters({ home })).toMatchObject([{ state: 'damaged', problem: 'it is not a regular file' }]);
  expect(() => findCluster({ home, name })).toThrow(
    expect.objectContaining({ suggestions: [expect.stringContaining('from a backup'), `rkv cluster destroy ${name}`] }),
  );
});

test('a cluster that lost its cluster.yaml is damaged, and no create takes its data away', async () => {
  const { home, folder, node } = stoppedCluster();
  writeFileSync(join(node, 'data', 'dump.rdb'), 'kept');
  rmSync(join(folder, 'cluster.yaml'));
  expect(await listClusters({ home })).toMatchObject([{ name, state: 'damaged', ports: [PORT] }]);
  const spec = specOf({ port: PORT, primaries: 1, replicas: 0 });
  await expect(finish(createCluster(spec, { home, timeout_ms }))).rejects.toMatchObject({
    code: 'FOLDER_TAKEN',
    exit: 6,
    suggestions: expect.arrayContaining([`rkv cluster destroy ${name}`]),
  });
  expect(existsSync(join(node, 'data', 'dump.rdb'))).toBe(true);
  await finish(destroyCluster({ home, name, timeout_ms }));
  expect(readdirSync(home)).toEqual([]);
});

test.runIf(process.platform === 'linux')(
  'a pid and its start time from before the system was started anew name nobody',
  () => {
    const { node } = stoppedCluster();
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    for (const text of [`${process.pid} ${started}`, `${process.pid} ${started}@00000000`]) {
      writeFileSync(join(node, 'pid'), `${text}\n`);
      expect(findRunning(nodeFiles(node))).toBeNull();
    }
  },
);

test('a node whose log of writes is lost may come back empty, one that has it may not', () => {
  const { node } = stoppedCluster();
  const files = nodeFiles(node);
  writeFileSync(files.config, `port ${PORT}\nappendonly yes\n`);
  expect(mayComeBackEmpty(files, { died: false })).toBe(true);
  const manifest = join(files.data, 'appendonlydir', 'appendonly.aof.manifest');
  mkdirSync(dirname(manifest));
  writeFileSync(manifest, 'file appendonly.aof.1.base.rdb seq 1 type b\n');
  expect(mayComeBackEmpty(files, { died: true })).toBe(false);
  rmSync(files.data, { recursive: true });
  expect(mayComeBackEmpty(files, { died: false })).toBe(true);
});

test('a start whose port is taken advises no flag that it has not', async () => {
  const { home } = stoppedCluster();
  const squatter = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => squatter.listen(PORT, '127.0.0.1', resolve));
  onTestFinished(() => void squatter.close());
  const { status, stdout } = await rkv(['cluster', 'start', '--json'], { home });
  expect(status).toBe(6);
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'PORT_IN_USE', suggestions: [] });
});

test('a cluster that another command is making is not called interrupted', async () => {
  const { home, folder } = stoppedCluster();
  writeFileSync(join(folder, 'unfinished'), '');
  expect(await listClusters({ home })).toMatchObject([{ state: 'unfinished' }]);
  const maker = spawn('sleep', ['60']);
  onTestFinished(() => void maker.kill('SIGKILL'));
  const { pid, started } = runningProcess(maker.pid!)!;
  symlinkSync(`${pid} ${started} cluster create ${name}`, lockFile(folder));
  expect(await listClusters({ home })).toMatchObject([{ state: 'creating' }]);
  expect(findCluster({ home, name }).isUnfinished).toBe(false);
  expect(() => createCluster(specOf({ port: PORT }), { home, timeout_ms })).toThrow(
    expect.objectContaining({ code: 'CLUSTER_EXISTS', exit: 6, why: 'another command is creating it' }),
  );
});
