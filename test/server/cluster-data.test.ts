import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../src/server/embedded.ts';

async function node(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = await startServer({ 'cluster-enabled': true, 'cluster-node-timeout': 2000, ...options });
  onTestFinished(() => server.close());
  return server;
}

test('data that a node lets go of by the cluster does not come back from its log', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rkv-gone-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  const primary = await node();
  const logged: ServerOptions = { dir, appendonly: true };
  let replica = await node(logged);
  const id = String(await primary.call('CLUSTER', 'MYID'));
  await primary.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  await replica.call('CLUSTER', 'MEET', '127.0.0.1', primary.port);
  const follows = (): Promise<unknown> =>
    replica.call('CLUSTER', 'REPLICATE', id).catch((error: Error) => error.message);
  await expect.poll(follows, { timeout: 20_000 }).toBe('OK');
  await expect.poll(() => primary.call('SET', 'k', 'v').catch(() => ''), { timeout: 20_000 }).toBe('OK');
  await expect.poll(() => replica.call('DBSIZE'), { timeout: 20_000 }).toBe(1);

  expect(await replica.call('CLUSTER', 'RESET')).toBe('OK');
  expect(await replica.call('DBSIZE')).toBe(0);
  await replica.close();
  replica = await node(logged);
  expect(await replica.call('DBSIZE')).toBe(0);
});
