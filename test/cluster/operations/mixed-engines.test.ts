import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeFiles, nodeFolder } from '../../../src/cluster/machine/layout.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { addNode } from '../../../src/cluster/operations/add-node.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import { findCluster } from '../../../src/cluster/topology/target.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { hasRedisServer, makeHome, redisCli, specOf, TIMEOUT_MS } from '../servers.ts';

/* redis-server 7.0 reads no file of 7.2, and so no full copy of a server that is like 7.2 and does not know of it. */

const PORT = 22_560;
const timeout_ms = TIMEOUT_MS;

describe.skipIf(!hasRedisServer)('nodes that run an older redis-server beside the bundled server', () => {
  test('copy from it when the cluster is made of both', async () => {
    const home = makeHome();
    const spec = specOf({ port: PORT, primaries: 1, replicas: 1, engines: { [PORT + 1]: 'redis' } });
    for await (const _ of createCluster(spec, { home, timeout_ms }));
    const cluster = findCluster({ home, name: 'default' });
    expect(verify(await readTopology(cluster, { timeout_ms: 5000 }), cluster.spec).errors).toBe(0);
    expect(redisCli(PORT + 1, 'INFO', 'replication')).toContain('master_link_status:up');
  });

  test('copy from it when they are added to a cluster that knew nothing of them, also after a restart', async () => {
    const home = makeHome();
    const spec = specOf({ port: PORT + 10, primaries: 1, replicas: 0 });
    for await (const _ of createCluster(spec, { home, timeout_ms }));
    redisCli(PORT + 10, 'SADD', 'packed', 'a', 'b');
    const warnings: string[] = [];
    const adding = addNode(findCluster({ home, name: 'default' }), { timeout_ms, engine: 'redis', replicaOf: 'auto' });
    for await (const event of adding) if (event.type === 'warning') warnings.push(event.text);
    expect(warnings.join('\n')).toContain(
      `127.0.0.1:${PORT + 10} now write what it can read (compat-profile redis-7.0)`,
    );
    expect(redisCli(PORT + 11, 'INFO', 'replication')).toContain('master_link_status:up');
    const { folder } = findCluster({ home, name: 'default' });
    expect(readFileSync(nodeFiles(nodeFolder(folder, PORT + 10)).config, 'utf8')).toContain('compat-profile redis-7.0');
  });
});
