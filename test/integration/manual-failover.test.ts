import { expect, test } from 'vitest';
import { clusterClient, connect, createCluster, until } from './processes.ts';

test('a manual failover under load loses no write that was acknowledged', async () => {
  const { ports } = await createCluster(20_400);
  const client = clusterClient(ports);
  const acknowledged = new Map<string, string>();
  let stopped = false;
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !stopped; i++) {
      await client.set(`${writer}:${i}`, String(i));
      acknowledged.set(`${writer}:${i}`, String(i));
    }
  };
  const writers = Array.from({ length: 20 }, (_, writer) => write(writer));

  // One after the other, so that every shard is handed over once.
  for (const port of ports.slice(3)) {
    const before = acknowledged.size;
    const replica = connect(port);
    await replica.call('CLUSTER', 'FAILOVER');
    await until(`${port} is a primary`, async () => (await roleOf(port)) === 'master', 10_000);
    await until('writes go on', async () => acknowledged.size > before + 200, 10_000);
  }
  stopped = true;
  await Promise.all(writers);

  const lost: string[] = [];
  const entries = [...acknowledged];
  for (let at = 0; at < entries.length; at += 500) {
    const part = entries.slice(at, at + 500);
    const values = await Promise.all(part.map(([key]) => client.get(key)));
    for (const [i, [key, value]] of part.entries()) if (values[i] !== value) lost.push(key);
  }
  expect(lost).toEqual([]);
});

async function roleOf(port: number): Promise<string> {
  const client = connect(port);
  try {
    return /role:(\w+)/.exec(await client.info('replication'))?.[1] ?? '';
  } finally {
    client.disconnect();
  }
}
