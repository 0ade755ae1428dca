/* What was broken off, damaged or killed can be seen, and finished or removed; and nothing is lost on the way. */
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { confirmLaunched } from '../../../src/cluster/machine/identity.ts';
import { nodeFiles, nodeFolder } from '../../../src/cluster/machine/layout.ts';
import { currentProcess } from '../../../src/cluster/machine/process.ts';
import { connectNode, type NodeClient } from '../../../src/cluster/node/client.ts';
import { listClusters } from '../../../src/cluster/observe/list-clusters.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { waitFor } from '../../../src/cluster/observe/wait.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { destroyCluster, signalNodes, startCluster, stopCluster } from '../../../src/cluster/operations/lifecycle.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { findCluster } from '../../../src/cluster/topology/target.ts';
import { COMPARED_DIRECTIVES, verify } from '../../../src/cluster/verify/verify.ts';
import { makeHome, pidsUnder, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 18_100;
const name = 'default';
const timeout_ms = TIMEOUT_MS;

async function make(change = {}): Promise<string> {
  const home = makeHome();
  await finish(createCluster(specOf({ port: PORT, ...change }), { home, timeout_ms }));
  return home;
}

function clientOf(port: number): NodeClient {
  const client = connectNode({ host: '127.0.0.1', port }, {}, 5000);
  onTestFinished(() => client.close());
  return client;
}

test('a creation that was broken off is shown as unfinished, refuses a second one, and a start finishes it', async () => {
  const home = makeHome();
  const controller = new AbortController();
  const { signal } = controller;
  const operation = createCluster(specOf({ port: PORT }), { home, timeout_ms, keepOnFailure: true, signal });
  const broken = finish(operation, (event) => {
    if (event.type === 'start' && event.step === 'join') controller.abort();
  });
  await expect(broken).rejects.toMatchObject({ exit: 130 });
  expect(await listClusters({ home })).toMatchObject([{ name, state: 'unfinished', problem: null }]);
  const again = (): unknown => createCluster(specOf({ port: PORT }), { home, timeout_ms });
  expect(again).toThrow(
    expect.objectContaining({
      code: 'CLUSTER_EXISTS',
      why: 'its creation was interrupted',
      suggestions: expect.arrayContaining(['rkv cluster start     # finishes it', 'rkv cluster destroy']),
    }),
  );
  // One of its servers is gone meanwhile.
  await signalNodes({ home, name, ports: [PORT + 2] }, 'SIGKILL');
  await finish(startCluster({ home, name, timeout_ms }));
  const cluster = findCluster({ home, name });
  const topology = await readTopology(cluster, { timeout_ms: 2000, config: COMPARED_DIRECTIVES });
  expect(verify(topology, cluster.spec).findings).toEqual([]);
  expect(topology.nodes.map(({ config }) => config?.['cluster-node-timeout'])).toEqual(Array(6).fill('5000'));
  expect(await listClusters({ home })).toMatchObject([{ state: 'ok' }]);
});

test('a server whose pid file is damaged or lost is found by its port, and ended', async () => {
  const home = await make({ primaries: 2, replicas: 0 });
  const [first, second] = [0, 1].map((i) => nodeFiles(nodeFolder(join(home, name), PORT + i)).pid);
  writeFileSync(first!, '\0\0\0\0');
  writeFileSync(second!, `${currentProcess().pid} 1\n`);
  // One that is frozen cannot be asked who it is.
  await signalNodes({ home, name, ports: [PORT + 1] }, 'SIGSTOP');
  await finish(destroyCluster({ home, name, timeout_ms }));
  expect(pidsUnder(home)).toEqual([]);
  expect(readdirSync(home)).toEqual([]);
});

test('a cluster.yaml that is damaged is told, hides no other cluster, and its cluster can be destroyed', async () => {
  const home = await make({ primaries: 1, replicas: 0 });
  await finish(
    createCluster(specOf({ name: 'fine', port: PORT + 10, primaries: 1, replicas: 0 }), { home, timeout_ms }),
  );
  appendFileSync(join(home, name, 'cluster.yaml'), 'primaries: [\n');
  const list = await listClusters({ home });
  expect(list).toMatchObject([
    { name, state: 'damaged', problem: expect.stringContaining('cluster.yaml:'), running: [PORT] },
    { name: 'fine', state: 'ok' },
  ]);
  await finish(destroyCluster({ home, name, timeout_ms }));
  expect(pidsUnder(join(home, name))).toEqual([]);
  expect((await listClusters({ home })).map((one) => one.name)).toEqual(['fine']);
});

test('a primary that kept nothing on disk is started again once its replica has taken over, and no key is lost', async () => {
  const home = await make({ config: { appendonly: 'no', 'cluster-node-timeout': '1000' } });
  const cluster = findCluster({ home, name });
  const before = await readTopology(cluster, { timeout_ms: 2000, config: COMPARED_DIRECTIVES });
  const report = verify(before, cluster.spec);
  expect(report.errors).toBe(0);
  expect(report.findings.map(({ id, severity }) => `${severity} ${id}`)).toEqual(
    Array(3).fill('warning persistence.none'),
  );
  // The slot of b is 3300: of the first primary.
  const primary = clientOf(PORT);
  await primary.call('SET', 'b', 'kept');
  expect(await primary.call('WAIT', 1, 5000)).toBe(1);
  await signalNodes({ home, name, ports: [PORT] }, 'SIGKILL');
  await finish(startCluster({ home, name, ports: [PORT], timeout_ms }));
  const after = await finish(waitFor(cluster, 'ready', { timeout_ms }));
  expect(after.nodes[0]).toMatchObject({ role: 'replica', keys: 1 });
  const owner = after.shards[0]!.primary;
  expect(await clientOf(owner.port).call('GET', 'b')).toBe('kept');
});

test('where no replica can take over, the start of such a primary is refused with the way out', async () => {
  const home = await make({ primaries: 1, replicas: 1, config: { appendonly: 'no', 'cluster-node-timeout': '1000' } });
  const primary = clientOf(PORT);
  await primary.call('SET', 'b', 'kept');
  expect(await primary.call('WAIT', 1, 5000)).toBe(1);
  await signalNodes({ home, name, ports: [PORT] }, 'SIGKILL');
  await expect(finish(startCluster({ home, name, ports: [PORT], timeout_ms }))).rejects.toMatchObject({
    code: 'WOULD_LOSE_DATA',
    exit: 7,
    why: expect.stringContaining(`127.0.0.1:${PORT + 1} has 1 keys`),
    suggestions: [expect.stringContaining(`rkv cli -p ${PORT + 1} cluster failover takeover`)],
  });
  await clientOf(PORT + 1).call('CLUSTER', 'FAILOVER', 'TAKEOVER');
  await finish(startCluster({ home, name, ports: [PORT], timeout_ms }));
  expect(await clientOf(PORT + 1).call('GET', 'b')).toBe('kept');
});

test('as rkv makes clusters, a primary that is killed and started at once has its data', async () => {
  const home = await make({ primaries: 1, replicas: 1 });
  const primary = clientOf(PORT);
  await primary.call('SET', 'b', 'kept');
  expect(await primary.call('WAIT', 1, 5000)).toBe(1);
  await signalNodes({ home, name, ports: [PORT] }, 'SIGKILL');
  await finish(startCluster({ home, name, ports: [PORT], timeout_ms }));
  await finish(waitFor(findCluster({ home, name }), 'ok', { timeout_ms }));
  expect(await clientOf(PORT).call('GET', 'b')).toBe('kept');
});

test('a node that is frozen is told as such, with the command that helps, and a stop ends it in its time', async () => {
  const home = await make({ primaries: 1, replicas: 0 });
  await signalNodes({ home, name }, 'SIGSTOP');
  const topology = await readTopology(findCluster({ home, name }), { timeout_ms: 300 });
  expect(topology.nodes[0]).toMatchObject({ silence: 'paused', error: 'its server is paused (SIGSTOP)' });
  expect(topology.problems).toMatchObject([{ id: 'reachable.down', command: `rkv node resume ${PORT}` }]);
  const begun_ms = performance.now();
  await finish(stopCluster({ home, name, timeout_ms: 10_000 }));
  expect(performance.now() - begun_ms).toBeLessThan(10_000);
  expect(pidsUnder(home)).toEqual([]);
  expect(existsSync(nodeFiles(nodeFolder(join(home, name), PORT)).pid)).toBe(false);
});

test('a server that answers in place of the one that was started is noticed before it is told anything', async () => {
  const home = await make({ primaries: 1, replicas: 0 });
  const files = nodeFiles(nodeFolder(join(home, 'other'), PORT));
  const launched = {
    ...currentProcess(),
    files,
    logStart: 0,
    address: { host: '127.0.0.1', port: PORT },
    ended: () => null,
  };
  await expect(confirmLaunched(clientOf(PORT), launched)).rejects.toMatchObject({ code: 'PORT_IN_USE', exit: 6 });
});
