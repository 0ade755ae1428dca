/* Servers in this process, whose date is set while they run. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { RawClient } from '../support/resp.ts';

const HOUR_MS = 3_600_000;
const DEADLINE = { timeout: 20_000, interval: 50 };

/** What Date.now says from here on. */
function setClock(step_ms: number): void {
  const { now } = Date;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now.call(Date) + step_ms);
  onTestFinished(() => spy.mockRestore());
}

async function started(options: Parameters<typeof startServer>[0]): Promise<EmbeddedServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

const infoOf = async (server: EmbeddedServer, field: string): Promise<string> =>
  new RegExp(`^${field}:(.*)\r$`, 'm').exec(String(await server.call('INFO', 'everything')))?.[1] ?? '';

test('a primary that ends after the clock went back by an hour is replaced', { timeout: 40_000 }, async () => {
  const options = { 'cluster-enabled': true, 'cluster-node-timeout': 500 } as const;
  const nodes = await Promise.all([1, 2, 3, 4].map(() => started(options)));
  const [primary, second, third, replica] = nodes as [EmbeddedServer, EmbeddedServer, EmbeddedServer, EmbeddedServer];
  await primary.call('CLUSTER', 'ADDSLOTSRANGE', 0, 5000);
  await second.call('CLUSTER', 'ADDSLOTSRANGE', 5001, 10_000);
  await third.call('CLUSTER', 'ADDSLOTSRANGE', 10_001, 16_383);
  for (const node of [second, third, replica]) await node.call('CLUSTER', 'MEET', '127.0.0.1', primary.port);
  const stateOf = async (node: EmbeddedServer): Promise<string> => String(await node.call('CLUSTER', 'INFO'));
  for (const node of nodes) await expect.poll(() => stateOf(node), DEADLINE).toMatch(/state:ok.*known_nodes:4/s);
  await replica.call('CLUSTER', 'REPLICATE', String(await primary.call('CLUSTER', 'MYID')));
  await expect.poll(() => infoOf(replica, 'master_link_status'), DEADLINE).toBe('up');
  setClock(-HOUR_MS);
  await primary.close();
  await expect.poll(() => infoOf(replica, 'role'), DEADLINE).toBe('master');
});

test('nobody is dropped because the clock went forward by an hour', { timeout: 30_000 }, async () => {
  const primary = await started({ timeout: 100 });
  const replica = await started({ replicaof: `127.0.0.1 ${primary.port}` });
  await expect.poll(() => infoOf(replica, 'master_link_status'), DEADLINE).toBe('up');
  const client = await RawClient.connect(primary.port);
  onTestFinished(() => client.close());
  expect(await client.call('PING')).toBe('+PONG\r\n');
  await primary.call('CONFIG', 'SET', 'save', '1800 1');
  await primary.call('SET', 'k', 'v');
  setClock(HOUR_MS);
  // Longer than the cron and a second of replication's own need to look at everybody.
  const before = Number(await infoOf(primary, 'uptime_in_seconds'));
  await expect
    .poll(async () => Number(await infoOf(primary, 'uptime_in_seconds')), DEADLINE)
    .toBeGreaterThan(before + 1);
  expect(Number(await infoOf(primary, 'uptime_in_seconds'))).toBeLessThan(60);
  expect(await client.call('CLIENT', 'INFO')).toMatch(/ age=\d{1,2} idle=\d /);
  expect(await infoOf(replica, 'master_link_status')).toBe('up');
  expect(await infoOf(primary, 'slave0')).toMatch(/state=online,.*lag=[01]$/);
  expect(await infoOf(primary, 'sync_full')).toBe('1');
  // Half an hour has not passed since the last save.
  expect(await infoOf(primary, 'rdb_changes_since_last_save')).toBe('1');
});
