import type { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { clusterClient, connect, createCluster } from './processes.ts';

test('stop and start of a cluster with 100,000 keys and appendonly yes bring every key back', {
  timeout: 300_000,
}, async () => {
  const { ports, run } = await createCluster(20_280, ['--config', 'appendonly=yes']);
  const keys = 100_000;
  await eachKey(clusterClient(ports), keys, async (client, i) => {
    expect(await client.set(`key:${i}`, `value-${i}`)).toBe('OK');
  });

  expect((await run('cluster', 'stop', 'it')).status).toBe(0);
  const started = await run('cluster', 'start', 'it');
  expect(started.status, started.stderr).toBe(0);

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
