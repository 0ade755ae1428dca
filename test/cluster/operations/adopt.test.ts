import { describe, expect, onTestFinished, test } from 'vitest';
import { resolveEngine } from '../../../src/cluster/machine/engine.ts';
import { nodeFiles, nodeFolder } from '../../../src/cluster/machine/layout.ts';
import { awaitListening, launch } from '../../../src/cluster/machine/process.ts';
import { connectNode } from '../../../src/cluster/node/client.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { adoptNodes, planAdoption } from '../../../src/cluster/operations/adopt.ts';
import { readFollowing } from '../../../src/cluster/operations/existing-roles.ts';
import { writeNode } from '../../../src/cluster/operations/steps.ts';
import { startDeadline } from '../../../src/cluster/run/deadline.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { planNode } from '../../../src/cluster/spec/plan.ts';
import { targetOf } from '../../../src/cluster/topology/target.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { engines, makeHome, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 22_360;
const options = { access: {}, timeout_ms: TIMEOUT_MS };

/** Servers that nobody has made a cluster of; with some lines more in their configuration. */
async function startServers(
  engine: string,
  count: number,
  { more = '', from = PORT }: { more?: string; from?: number } = {},
): Promise<{ host: string; port: number }[]> {
  const home = makeHome();
  const addresses = Array.from({ length: count }, (_, index) => ({ host: '127.0.0.1', port: from + index }));
  await Promise.all(
    addresses.map(async (address) => {
      const node = planNode(specOf({ engine }), home, { port: address.port, shard: 0, slots: [], replicaOf: null });
      const files = nodeFiles(nodeFolder(home, address.port));
      const { port } = address;
      const config = `port ${port}\nbind 127.0.0.1\ncluster-enabled yes\ndir ${files.data}\nsave ""\nrepl-diskless-sync-delay 0\n`;
      writeNode({ ...node, folder: files.folder }, config + more);
      const launched = await launch(resolveEngine(engine), { files, address });
      const deadline = startDeadline(TIMEOUT_MS);
      await awaitListening(launched, { deadline, signal: new AbortController().signal });
    }),
  );
  return addresses;
}

test('a plan of six addresses on three hosts has no two nodes of a shard on one host', () => {
  const addresses = ['a', 'b', 'c'].flatMap((host) => [7000, 7001].map((port) => ({ host, port })));
  const plan = planAdoption(addresses, { replicas: 1, seed: 5 });
  expect(plan).toMatchObject({ version: 1, primaries: 3, affinityScore: 0, warnings: [] });
  expect(plan.nodes.filter(({ role }) => role === 'primary').map(({ host }) => host)).toEqual(['a', 'b', 'c']);
});

test('too few nodes, and one named twice, are usage failures', () => {
  const one = { host: 'a', port: 1 };
  expect(() => planAdoption([one], { replicas: 1 })).toThrow('too few nodes');
  expect(() => planAdoption([one, one], { replicas: 0 })).toThrow('node a:1 is listed twice');
});

test('the cluster of the documentation: a replica that joined by its own configuration stays one', async () => {
  const primary = { host: '127.0.0.1', port: PORT };
  const replica = { host: '127.0.0.1', port: PORT + 1 };
  await startServers('bundled', 1);
  await startServers('bundled', 1, { from: PORT + 1, more: `replicaof 127.0.0.1 ${PORT}  # Master's IP and port\n` });
  const names = [`127.0.0.1:${PORT + 1}`, `127.0.0.1:${PORT}`] as const;
  // Also while it has not been heard of yet.
  await expect
    .poll(async () => [...(await readFollowing([replica, primary], {}))], { timeout: TIMEOUT_MS, interval: 20 })
    .toEqual([names]);
  // In whatever order they are named.
  const following = await readFollowing([replica, primary], {});
  const plan = planAdoption([replica, primary], { replicas: 1, following });
  expect(plan.nodes.map(({ port, replicaOf }) => [port, replicaOf])).toEqual([
    [PORT, null],
    [PORT + 1, names[1]],
  ]);
  await finish(adoptNodes(plan, options));
  const topology = await readTopology(targetOf([primary]), { timeout_ms: 2000 });
  expect(verify(topology, null).errors).toBe(0);
  expect(topology.nodes.map(({ role }) => role)).toEqual(['primary', 'replica']);
});

test('replicas that follow already keep their primaries, and the others fill up', () => {
  const nodes = [1, 2, 3, 4].map((port) => ({ host: 'h', port }));
  const following = new Map([['h:1', 'h:3']]);
  const { nodes: planned } = planAdoption(nodes, { replicas: 1, following });
  expect(planned.map(({ address, replicaOf }) => `${address} ${replicaOf}`)).toEqual([
    'h:2 null',
    'h:4 h:2',
    'h:3 null',
    'h:1 h:3',
  ]);
  expect(() => planAdoption(nodes, { replicas: 0, following })).toThrow('does not fit this plan');
});

describe.each(engines)('with engine %s', (engine) => {
  test('nodes that somebody started become a cluster on which every check agrees', async () => {
    const addresses = await startServers(engine, 6);
    await finish(adoptNodes(planAdoption(addresses, { replicas: 1 }), options));
    const topology = await readTopology(targetOf(addresses.slice(0, 1)), { timeout_ms: 2000 });
    expect(topology.nodes).toHaveLength(6);
    expect(verify(topology, null).findings).toEqual([]);
  });

  test('a node with keys is refused, and no other is touched', async () => {
    const addresses = await startServers(engine, 3);
    const client = connectNode(addresses[1]!, {}, 2000);
    onTestFinished(() => client.close());
    await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    await client.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
    await expect
      .poll(async () => await client.call('SET', 'a', '1').catch(() => null), { timeout: TIMEOUT_MS, interval: 20 })
      .toBe('OK');
    const plan = planAdoption(addresses, { replicas: 0 });
    await expect(finish(adoptNodes(plan, options))).rejects.toMatchObject({
      code: 'NOT_EMPTY',
      exit: 6,
      message: `node 127.0.0.1:${PORT + 1} is not empty`,
      why: 'it holds 1 key, it knows the owners of 16,384 slots',
      undone: null,
    });
    expect(await client.call('GET', 'a')).toBe('1');
  });

  test('a failure half-way makes the nodes empty ones again', async () => {
    const addresses = await startServers(engine, 3);
    const controller = new AbortController();
    const operation = adoptNodes(planAdoption(addresses, { replicas: 0 }), { ...options, signal: controller.signal });
    const failure = finish(operation, (event) => {
      if (event.type === 'done' && event.step === 'join') controller.abort();
    });
    await expect(failure).rejects.toMatchObject({ exit: 130, undone: '3 nodes reset' });
    // Once more, now to the end: so they are empty.
    await finish(adoptNodes(planAdoption(addresses, { replicas: 0 }), options));
  });
});

describe.skipIf(engines.length === 0)('nodes that cannot be adopted', () => {
  const engine = engines[0]!;

  test('because cluster mode is off are named', async () => {
    const addresses = await startServers(engine, 1, { more: 'cluster-enabled no\n' });
    await expect(finish(adoptNodes(planAdoption(addresses, { replicas: 0 }), options))).rejects.toMatchObject({
      code: 'NOT_A_CLUSTER_NODE',
      exit: 6,
      why: /cluster support disabled/,
    });
  });

  test('because they need a password, or do not answer, are named', async () => {
    const addresses = await startServers(engine, 1, { more: 'requirepass secret\n' });
    const plan = planAdoption(addresses, { replicas: 0 });
    await expect(finish(adoptNodes(plan, options))).rejects.toMatchObject({ code: 'NODE_DENIED', exit: 5 });
    const wrong = adoptNodes(plan, { ...options, access: { password: 'wrong' } });
    await expect(finish(wrong)).rejects.toMatchObject({ code: 'NODE_DENIED', why: /WRONGPASS/ });
    const nobody = planAdoption([{ host: '127.0.0.1', port: PORT + 9 }], { replicas: 0 });
    await expect(finish(adoptNodes(nobody, options))).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      exit: 5,
      message: `node 127.0.0.1:${PORT + 9} cannot be reached`,
    });
  });
});
