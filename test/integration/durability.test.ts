import type { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { answers, clusterClient, connect, createCluster, startNode, temporaryFolder } from './processes.ts';

const ROUNDS = 20;

test('twenty kills under load lose nothing that was acknowledged with appendfsync always', {
  timeout: 180_000,
}, async () => {
  const dir = temporaryFolder();
  const args = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    const node = startNode('rkv', { port: 20_260, dir, args });
    await answers(node);
    const client = connect(node.port);
    await expectAll(client, acknowledged);
    const writers = Array.from({ length: 8 }, (_, i) => write(connect(node.port), `${round}:${i}`, acknowledged));
    // Some hundred writes into the load; where exactly the kill strikes is up to the machine.
    await new Promise((resolve) => setTimeout(resolve, 60 + 7 * round));
    await node.kill();
    client.disconnect();
    await Promise.all(writers);
  }
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * 8);
  const node = startNode('rkv', { port: 20_260, dir, args });
  await answers(node);
  await expectAll(connect(node.port), acknowledged);
});

/** Writes as fast as it is answered, until the server is gone; notes what was answered. */
async function write(
  client: ReturnType<typeof connect>,
  name: string,
  acknowledged: Map<string, string>,
): Promise<void> {
  client.options.retryStrategy = () => null;
  client.options.maxRetriesPerRequest = 0;
  for (let i = 0; ; i++) {
    try {
      await client.set(`key:${name}:${i}`, `value ${i}`);
    } catch {
      client.disconnect();
      return;
    }
    acknowledged.set(`key:${name}:${i}`, `value ${i}`);
  }
}

async function expectAll(client: ReturnType<typeof connect>, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const keys = [...acknowledged.keys()];
  for (let at = 0; at < keys.length; at += 1000) {
    const part = keys.slice(at, at + 1000);
    const values = await client.mget(part);
    expect(values).toEqual(part.map((key) => acknowledged.get(key)));
  }
}

test('stop and start of a cluster with 100,000 keys and appendonly yes bring every key back', {
  timeout: 300_000,
}, async () => {
  const { ports, run } = await createCluster(20_280, ['--config', 'appendonly=yes']);
  const keys = 100_000;
  await eachKey(clusterClient(ports), keys, async (client, i) => {
    expect(await client.set(`key:${i}`, `value-${i}`)).toBe('OK');
  });

  expect((await run('cluster', 'stop', 'it')).status).toBe(0);
  expect((await run('cluster', 'start', 'it')).status).toBe(0);

  let total = 0;
  for (const port of ports.slice(0, 3)) total += await connect(port).dbsize();
  expect(total).toBe(keys);
  await eachKey(clusterClient(ports), keys, async (client, i) => {
    expect(await client.get(`key:${i}`)).toBe(`value-${i}`);
  });
  expect((await run('verify', 'it')).status).toBe(0);
});

/** Some hundred at a time: one after the other would measure the network and nothing else. */
async function eachKey(
  client: Cluster,
  count: number,
  visit: (client: Cluster, i: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < count; start += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => visit(client, start + i)));
  }
}
