/* Nodes whose bus is not where it is by default, because their configuration has a cluster-port. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { addNode } from '../../../src/cluster/operations/add-node.ts';
import { adoptNodes, planAdoption } from '../../../src/cluster/operations/adopt.ts';
import { finish } from '../../../src/cluster/run/run.ts';
import { targetOf } from '../../../src/cluster/topology/target.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { started } from '../../support/embedded.ts';
import { TIMEOUT_MS } from '../servers.ts';

const options = { timeout_ms: TIMEOUT_MS };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('node add asks both sides for their bus ports, for a primary and for a replica', async () => {
  const busPorts = [await freePort(), await freePort(), await freePort()];
  const servers = [];
  for (const busPort of busPorts) servers.push(await started({ 'cluster-enabled': 'yes', 'cluster-port': busPort }));
  const addresses = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  const target = targetOf(addresses.slice(0, 1));
  await finish(adoptNodes(planAdoption(addresses.slice(0, 1), { replicas: 0 }), { access: {}, ...options }));
  await finish(addNode(target, { address: addresses[1], ...options }));
  const added = await finish(addNode(target, { address: addresses[2], replicaOf: 'auto', ...options }));
  expect(added.role).toBe('replica');
  const topology = await readTopology(target, options);
  expect(topology.nodes.map(({ port, busPort }) => [port, busPort]).sort()).toEqual(
    addresses.map(({ port }, i) => [port, busPorts[i]]).sort(),
  );
  expect(verify(topology, null).errors).toBe(0);
});
