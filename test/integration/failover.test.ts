import { expect, test } from 'vitest';
import { clusterClient, connect, createCluster, pidOf } from './processes.ts';

test('no write is lost that a replica had acknowledged to WAIT when its primary is killed', {
  timeout: 60_000,
}, async () => {
  const { ports } = await createCluster(20_220, ['--config', 'cluster-node-timeout=2000']);
  const primary = connect(ports[0]!);
  const acknowledged: string[] = [];
  // Keys of this primary's slots: {tag}s that hash below 5461.
  const tag = await tagOf(primary);
  for (let i = 0; i < 200; i++) {
    await primary.set(`{${tag}}:${i}`, `${i}`);
    if (Number(await primary.call('WAIT', '1', '1000')) >= 1) acknowledged.push(`${i}`);
  }
  process.kill(await pidOf(ports[0]!), 'SIGKILL');
  const client = clusterClient(ports.slice(1));
  expect(acknowledged.length).toBe(200);
  for (const i of acknowledged) expect(await client.get(`{${tag}}:${i}`)).toBe(i);
});

async function tagOf(primary: ReturnType<typeof connect>): Promise<string> {
  for (let i = 0; ; i++) {
    if (Number(await primary.call('CLUSTER', 'KEYSLOT', `t${i}`)) < 5461) return `t${i}`;
  }
}
