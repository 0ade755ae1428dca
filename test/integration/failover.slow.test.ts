import { expect, test } from 'vitest';
import { clusterClient, clusterState, connect, createCluster, pidOf, until } from './processes.ts';

const KEYS = 20_000;
const BATCH = 500;

test('ioredis writes and reads 20,000 keys while a primary is killed, and recovers by itself', {
  timeout: 300_000,
}, async () => {
  const { ports } = await createCluster(20_200, ['--config', 'cluster-node-timeout=2000']);
  const client = clusterClient(ports);
  const victim = await pidOf(ports[0]!);
  for (let start = 0; start < KEYS; start += BATCH) {
    if (start === KEYS / 2) process.kill(victim, 'SIGKILL');
    await Promise.all(Array.from({ length: BATCH }, (_, i) => client.set(`key:${start + i}`, `value ${start + i}`)));
  }
  let wrong = 0;
  for (let start = 0; start < KEYS; start += BATCH) {
    const values = await Promise.all(Array.from({ length: BATCH }, (_, i) => client.get(`key:${start + i}`)));
    // What the old primary had acknowledged a moment before its death may not have reached its replica: those keys only.
    values.forEach((value, i) => {
      if (value !== `value ${start + i}`) wrong++;
    });
  }
  expect(wrong).toBeLessThan(BATCH);
  await until('the rest of the cluster is ok', async () => (await clusterState(ports[1]!)) === 'ok');
});

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
