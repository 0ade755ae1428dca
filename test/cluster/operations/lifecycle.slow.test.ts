import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFiles, nodeFolder } from '../../../src/cluster/machine/layout.ts';
import { connectNode } from '../../../src/cluster/node/client.ts';
import { listClusters } from '../../../src/cluster/observe/list-clusters.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { waitFor } from '../../../src/cluster/observe/wait.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { destroyCluster, signalNodes, startCluster, stopCluster } from '../../../src/cluster/operations/lifecycle.ts';
import { finish, type Progress } from '../../../src/cluster/run/run.ts';
import { findCluster } from '../../../src/cluster/topology/target.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { engines, makeHome, pidsUnder, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 22_320;
const name = 'default';
const timeout_ms = TIMEOUT_MS;

async function make(engine: string, change = {}): Promise<string> {
  const home = makeHome();
  await finish(createCluster(specOf({ engine, port: PORT, ...change }), { home, timeout_ms }));
  return home;
}

describe.each(engines)('with engine %s', (engine) => {
  test('a stop saves, a start brings everything back', async () => {
    const home = await make(engine);
    const cluster = findCluster({ home, name });
    const before = await readTopology(cluster, { timeout_ms: 2000 });
    const client = connectNode({ host: '127.0.0.1', port: PORT }, {}, 2000);
    onTestFinished(() => client.close());
    // The slot of foo is 12182: of the third primary.
    await expect(client.call('SET', 'foo', '1')).rejects.toMatchObject({ code: 'NODE_REPLY', why: /^MOVED 12182 / });
    const owner = connectNode({ host: '127.0.0.1', port: PORT + 2 }, {}, 2000);
    onTestFinished(() => owner.close());
    await owner.call('SET', 'foo', '1');

    const stopped = await finish(stopCluster({ home, name, timeout_ms }));
    expect(stopped.changed).toHaveLength(6);
    expect(pidsUnder(home)).toEqual([]);
    expect(await listClusters({ home })).toMatchObject([{ name, engine, running: [] }]);
    expect((await finish(stopCluster({ home, name, timeout_ms }))).unchanged).toHaveLength(6);

    const started = await finish(startCluster({ home, name, timeout_ms }));
    expect(started.changed).toHaveLength(6);
    const after = await readTopology(cluster, { timeout_ms: 2000 });
    expect(after.nodes.map(({ id }) => id)).toEqual(before.nodes.map(({ id }) => id));
    expect(verify(after, cluster.spec).errors).toBe(0);
    expect(await owner.call('GET', 'foo')).toBe('1');
    expect((await finish(startCluster({ home, name, timeout_ms }))).changed).toEqual([]);
  });

  test('one node may be killed and started again, and a wait says when all is well', async () => {
    const home = await make(engine);
    const cluster = findCluster({ home, name });
    const replica = PORT + 4;
    await finish(stopCluster({ home, name, ports: [replica], kill: true, timeout_ms }));
    expect((await listClusters({ home }))[0]!.running).toEqual([0, 1, 2, 3, 5].map((index) => PORT + index));
    const broken = verify(await readTopology(cluster, { timeout_ms: 2000 }), cluster.spec);
    expect(broken.findings.map(({ id }) => id)).toEqual(expect.arrayContaining(['reachable.down', 'replicas.few']));
    const events: Progress[] = [];
    const hopeless = finish(waitFor(cluster, 'ready', { timeout_ms: 300 }), (event) => events.push(event));
    await expect(hopeless).rejects.toMatchObject({
      code: 'TIMEOUT',
      exit: 4,
      why: `waiting for 127.0.0.1:${replica} to answer: its server does not run`,
    });
    expect(events.some((event) => event.type === 'wait' && event.left_ms <= 300)).toBe(true);
    await finish(startCluster({ home, name, ports: [replica], timeout_ms }));
    const topology = await finish(waitFor(cluster, 'ready', { timeout_ms }));
    expect(verify(topology, cluster.spec).errors).toBe(0);
  });

  test('a paused node is silent, and answers again when it goes on', async () => {
    const home = await make(engine, { primaries: 1, replicas: 0 });
    const cluster = findCluster({ home, name });
    expect((await signalNodes({ home, name }, 'SIGSTOP')).changed).toEqual([PORT]);
    const [node] = (await readTopology(cluster, { timeout_ms: 200 })).nodes;
    expect(node).toMatchObject({ reachable: false });
    await signalNodes({ home, name }, 'SIGCONT');
    expect((await readTopology(cluster, { timeout_ms: 5000 })).nodes[0]).toMatchObject({ reachable: true });
  });

  test('nothing is left of a cluster that is destroyed', async () => {
    const home = await make(engine, { primaries: 1, replicas: 1 });
    const { folder } = await finish(destroyCluster({ home, name, timeout_ms }));
    expect(pidsUnder(home)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(home)).toEqual([]);
  });
});

describe.skipIf(engines.length === 0)('a start', () => {
  const engine = engines[0]!;

  test('is not fooled by a pid that belongs to somebody else now', async () => {
    const home = await make(engine, { primaries: 1, replicas: 0 });
    await finish(stopCluster({ home, name, timeout_ms }));
    const files = nodeFiles(nodeFolder(join(home, name), PORT));
    writeFileSync(files.pid, `${process.pid} 1\n`);
    expect((await listClusters({ home }))[0]!.running).toEqual([]);
    // A stop must not touch the stranger either: this very process would not see the next line.
    expect((await finish(stopCluster({ home, name, timeout_ms }))).unchanged).toEqual([PORT]);
    expect((await finish(startCluster({ home, name, timeout_ms }))).changed).toEqual([PORT]);
    expect(readFileSync(files.pid, 'utf8')).not.toContain(`${process.pid} 1`);
  });

  test('that fails for one node leaves the others as they are', async () => {
    const home = await make(engine, { primaries: 1, replicas: 1 });
    await finish(stopCluster({ home, name, timeout_ms }));
    const files = nodeFiles(nodeFolder(join(home, name), PORT + 1));
    writeFileSync(files.config, 'no such directive\n');
    await expect(finish(startCluster({ home, name, timeout_ms }))).rejects.toMatchObject({
      code: 'BROKEN_NODE',
      message: `node ${PORT + 1} cannot be started: its configuration is damaged`,
    });
    expect((await listClusters({ home }))[0]!.running).toEqual([PORT]);
  });
});

test('an unknown cluster is a usage failure that names the known ones', async () => {
  const home = makeHome();
  expect(() => findCluster({ home, name: 'x' })).toThrow("there is no cluster 'x'");
  expect(await listClusters({ home })).toEqual([]);
});

test('an unknown node is a usage failure that names the known ones', async () => {
  const home = makeHome();
  const folder = join(home, name);
  mkdirSync(nodeFolder(folder, 7000), { recursive: true });
  writeFileSync(join(folder, 'cluster.yaml'), 'version: 1\n');
  await expect(finish(stopCluster({ home, name, ports: [7001], timeout_ms }))).rejects.toMatchObject({
    code: 'NO_NODE',
    exit: 2,
    why: 'its nodes are 7000',
  });
  expect(existsSync(`${folder}.lock`)).toBe(false);
});
