import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFiles, nodeFolder, nodePorts } from '../../../src/cluster/machine/layout.ts';
import { connectNode } from '../../../src/cluster/node/client.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { waitFor } from '../../../src/cluster/observe/wait.ts';
import { addNode } from '../../../src/cluster/operations/add-node.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { signalNodes, startCluster, stopCluster } from '../../../src/cluster/operations/lifecycle.ts';
import { removeNode } from '../../../src/cluster/operations/remove-node.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { findCluster, type ManagedCluster } from '../../../src/cluster/topology/target.ts';
import type { Topology } from '../../../src/cluster/topology/view.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { engines, hasRedisServer, makeHome, pidsUnder, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 22_340;
const timeout_ms = TIMEOUT_MS;

async function make(engine: string, change = {}): Promise<() => ManagedCluster> {
  const home = makeHome();
  await finish(createCluster(specOf({ engine, port: PORT, ...change }), { home, timeout_ms }));
  return () => findCluster({ home, name: 'default' });
}

const topologyOf = (cluster: ManagedCluster): Promise<Topology> => readTopology(cluster, { timeout_ms: 2000 });
const errorsOf = async (cluster: ManagedCluster): Promise<string[]> =>
  verify(await topologyOf(cluster), cluster.spec)
    .findings.filter(({ severity }) => severity === 'error')
    .map(({ text }) => text);

describe.each(engines)('with engine %s', (engine) => {
  test('nodes join as primaries without slots and as replicas, and leave again', async () => {
    const cluster = await make(engine);
    const primary = await finish(addNode(cluster(), { timeout_ms }));
    expect(primary).toMatchObject({ port: PORT + 6, role: 'primary', replicaOf: null });
    const replica = await finish(addNode(cluster(), { timeout_ms, replicaOf: String(PORT + 6) }));
    expect(replica).toMatchObject({ port: PORT + 7, role: 'replica', replicaOf: `127.0.0.1:${PORT + 6}` });
    const auto = await finish(addNode(cluster(), { timeout_ms, replicaOf: 'auto', port: PORT + 9 }));
    expect(auto).toMatchObject({ port: PORT + 9, role: 'replica', replicaOf: `127.0.0.1:${PORT}` });
    expect(await errorsOf(cluster())).toEqual([]);
    expect((await topologyOf(cluster())).nodes).toHaveLength(9);

    // Its replica follows somebody else first.
    const removed = await finish(removeNode(cluster(), { timeout_ms, node: String(PORT + 6) }));
    expect(removed.repointed).toHaveLength(1);
    expect(removed.repointed[0]).toMatchObject({ replica: `127.0.0.1:${PORT + 7}` });
    expect(existsSync(nodeFolder(cluster().folder, PORT + 6))).toBe(false);
    await finish(removeNode(cluster(), { timeout_ms, node: auto.id.slice(0, 12) }));
    await finish(removeNode(cluster(), { timeout_ms, node: String(PORT + 7) }));
    const topology = await finish(waitFor(cluster(), 'size=6', { timeout_ms }));
    expect(verify(topology, cluster().spec).errors).toBe(0);
    expect(nodePorts(cluster().folder)).toHaveLength(6);
  });

  test('a node that is down can be removed: the others forget it', async () => {
    const cluster = await make(engine);
    const { home, name } = { home: `${cluster().folder}/..`, name: 'default' };
    await finish(stopCluster({ home, name, ports: [PORT + 4], kill: true, timeout_ms }));
    await finish(removeNode(cluster(), { timeout_ms, node: 'down' }));
    const topology = await finish(waitFor(cluster(), 'size=5', { timeout_ms }));
    expect(topology.nodes.map(({ port }) => port)).toEqual([0, 1, 2, 3, 5].map((index) => PORT + index));
  });

  test('an owner of slots is not removed, nor is the last node', async () => {
    const cluster = await make(engine, { primaries: 1, replicas: 0 });
    await expect(finish(removeNode(cluster(), { timeout_ms, node: String(PORT) }))).rejects.toMatchObject({
      code: 'OWNS_SLOTS',
      exit: 7,
      message: `127.0.0.1:${PORT} owns 16,384 slots`,
    });
    expect(await errorsOf(cluster())).toEqual([]);
  });
});

describe.skipIf(!hasRedisServer)('engines in one cluster', () => {
  test.each([
    ['bundled', 'redis'],
    ['redis', 'bundled'],
  ])('a cluster on %s takes a replica on %s, and finds it again after a restart', async (engine, other) => {
    const cluster = await make(engine, { primaries: 1, replicas: 0 });
    const warnings: string[] = [];
    const adding = addNode(cluster(), { timeout_ms, replicaOf: 'auto', engine: other });
    const { port } = await finish(adding, (event) => {
      if (event.type === 'warning') warnings.push(event.text);
    });
    // What redis-server sends may be more than the bundled server knows; and it reads less than that one would write.
    expect(warnings).toEqual(
      other === 'bundled'
        ? [
            expect.stringMatching(
              `^127.0.0.1:${port} runs the bundled server and will replicate 127.0.0.1:${PORT}, which runs redis:`,
            ),
          ]
        : [expect.stringMatching(`^127.0.0.1:${port} is Redis 7.0\\.\\d+: 127.0.0.1:${PORT} now write`)],
    );
    expect(cluster().spec.engines).toEqual({ [String(port)]: other });
    const options = { home: `${cluster().folder}/..`, name: 'default', ports: [port], timeout_ms };
    await finish(stopCluster(options));
    await finish(startCluster(options));
    const topology = await finish(waitFor(cluster(), 'ready', { timeout_ms }));
    expect(topology.nodes.map((node) => node.engine).sort()).toEqual(['redis', 'rkv']);
    await finish(removeNode(cluster(), { timeout_ms, node: String(port) }));
    expect(cluster().spec.engines).toEqual({});
  });
});

describe('a removal that was killed when the others had forgotten the node', () => {
  test.each([
    ['runs', null],
    ['died as well', 'SIGKILL'],
  ] as const)('is finished by asking again, whose server %s', async (_, signal) => {
    const cluster = await make('bundled', { primaries: 1, replicas: 2 });
    const { home, name, port } = { home: dirname(cluster().folder), name: 'default', port: PORT + 2 };
    expect(await killedRemoval(home, port)).toBe('SIGKILL');
    expect(nodePorts(cluster().folder)).toContain(port);
    expect(lstatSync(`${cluster().folder}.lock`).isSymbolicLink()).toBe(true);
    if (signal !== null) await signalNodes({ home, name, ports: [port] }, signal);

    const { id } = await finish(removeNode(cluster(), { timeout_ms, node: String(port) }));
    expect(id).toEqual(signal === null ? expect.stringMatching(/^[0-9a-f]{40}$/) : null);
    expect(pidsUnder(nodeFolder(cluster().folder, port))).toEqual([]);
    expect(nodePorts(cluster().folder)).toEqual([PORT, PORT + 1]);
    const topology = await finish(waitFor(cluster(), 'size=2', { timeout_ms }));
    expect(verify(topology, cluster().spec).errors).toBe(0);
  });
});

describe.skipIf(engines.length === 0)('an addition that fails', () => {
  const engine = engines[0]!;

  test('because of its port, its primary or its engine changes nothing', async () => {
    const cluster = await make(engine, { primaries: 1, replicas: 1 });
    const add = (options: object): Promise<unknown> => finish(addNode(cluster(), { timeout_ms, ...options }));
    await expect(add({ port: PORT + 1 })).rejects.toMatchObject({ code: 'NODE_EXISTS', exit: 6 });
    await expect(add({ replicaOf: String(PORT + 1) })).rejects.toMatchObject({ code: 'NOT_A_PRIMARY', exit: 2 });
    await expect(add({ replicaOf: '1234' })).rejects.toMatchObject({ code: 'NO_NODE', exit: 2 });
    // What makes a stranger empty would break the cluster of a member.
    await expect(add({ address: { host: '127.0.0.1', port: PORT + 1 } })).rejects.toMatchObject({
      code: 'NODE_EXISTS',
      message: `127.0.0.1:${PORT + 1} is a node of cluster default already`,
      suggestions: ['rkv node list'],
    });
    await expect(add({ engine: 'riak' })).rejects.toMatchObject({ code: 'NO_ENGINE', exit: 2 });
    expect(nodePorts(cluster().folder)).toEqual([PORT, PORT + 1]);
    expect(existsSync(`${cluster().folder}.lock`)).toBe(false);
  });

  test('after the node was started takes it away again, from the others as well', async () => {
    const cluster = await make(engine, { primaries: 1, replicas: 0 });
    const controller = new AbortController();
    const operation = addNode(cluster(), { timeout_ms, replicaOf: 'auto', signal: controller.signal });
    const failure = finish(operation, (event) => {
      if (event.type === 'done' && event.step === 'join') controller.abort();
    });
    await expect(failure).rejects.toMatchObject({ exit: 130 });
    expect(nodePorts(cluster().folder)).toEqual([PORT]);
    expect((await topologyOf(cluster())).nodes.map(({ port }) => port)).toEqual([PORT]);
  });

  test('because the newcomer dies when it is to agree tells how, and takes it away again', async () => {
    const cluster = await make(engine, { primaries: 1, replicas: 0 });
    const files = nodeFiles(nodeFolder(cluster().folder, PORT + 1));
    const failure = finish(addNode(cluster(), { timeout_ms }), (event) => {
      if (event.type !== 'done' || event.step !== 'join') return;
      process.kill(Number.parseInt(readFileSync(files.pid, 'utf8'), 10), 'SIGKILL');
    });
    await expect(failure).rejects.toMatchObject({
      code: 'NODE_DIED',
      message: `node 127.0.0.1:${PORT + 1} died`,
      why: 'the process was terminated by SIGKILL',
      log: { file: files.log },
    });
    expect(nodePorts(cluster().folder)).toEqual([PORT]);
    expect((await topologyOf(cluster())).nodes.map(({ port }) => port)).toEqual([PORT]);
  });

  test('because the newcomer is part of something already says of what', async () => {
    const one = await make(engine, { primaries: 1, replicas: 0 });
    const home = makeHome();
    const spec = specOf({ engine, port: PORT + 12, primaries: 1, replicas: 0 });
    await finish(createCluster(spec, { home, timeout_ms }));
    const client = connectNode({ host: '127.0.0.1', port: PORT + 12 }, {}, 2000);
    onTestFinished(() => client.close());
    await client.call('SET', 'a', '1');
    const address = { host: '127.0.0.1', port: PORT + 12 };
    await expect(finish(addNode(one(), { timeout_ms, address }))).rejects.toMatchObject({
      code: 'NOT_EMPTY',
      exit: 6,
      why: 'it holds 1 key, it knows the owners of 16,384 slots',
    });
    expect((await topologyOf(one())).nodes).toHaveLength(1);
    // What was there before is untouched.
    expect(await client.call('GET', 'a')).toBe('1');
  });
});

/** A process that removes a node, and is killed between two steps; answers the signal that ended it. */
async function killedRemoval(home: string, port: number): Promise<string | null> {
  const source = join(import.meta.dirname, '../../../src/cluster');
  const program = `
    import { removeNode } from '${source}/operations/remove-node.ts';
    import { findCluster } from '${source}/topology/target.ts';
    const cluster = findCluster({ home: '${home}', name: 'default' });
    for await (const event of removeNode(cluster, { timeout_ms: ${timeout_ms}, node: '${port}' })) {
      if (event.type === 'done' && event.step === 'forget') process.kill(process.pid, 'SIGKILL');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return await new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
}
