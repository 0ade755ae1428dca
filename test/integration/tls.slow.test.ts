import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createCluster, hasRedisServer } from './processes.ts';

test('a cluster made with --tls passes verify, serves ioredis over TLS, and keeps its keys to itself', {
  timeout: 60_000,
}, async () => {
  const { home, ports, run } = await createCluster(20_300, ['--tls']);
  const verified = await run('verify', 'it');
  expect(verified.stdout + verified.stderr).toContain('passed');
  expect(verified.status).toBe(0);

  const tls = join(home, 'it', 'tls');
  for (const key of ['ca.key', 'node.key']) expect(statSync(join(tls, key)).mode & 0o777).toBe(0o600);
  const client = new Redis({ port: ports[0]!, host: '127.0.0.1', tls: { ca: readFileSync(join(tls, 'ca.crt')) } });
  onTestFinished(() => client.disconnect());
  expect(await client.ping()).toBe('PONG');
  expect(String(await client.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok');
});

describe.skipIf(!hasRedisServer)('redis-cli', () => {
  test('talks to it with --tls', { timeout: 60_000 }, async () => {
    const { home, ports } = await createCluster(20_320, ['--tls', '--replicas', '0']);
    const tls = join(home, 'it', 'tls');
    const args = [
      '--tls',
      '--cacert',
      join(tls, 'ca.crt'),
      '--cert',
      join(tls, 'node.crt'),
      '--key',
      join(tls, 'node.key'),
    ];
    const set = spawnSync('redis-cli', [...args, '-c', '-p', String(ports[0]), 'set', 'foo', 'bar'], {
      encoding: 'utf8',
    });
    expect(set.stdout.trim()).toBe('OK');
    const get = spawnSync('redis-cli', [...args, '-c', '-p', String(ports[1]), 'get', 'foo'], { encoding: 'utf8' });
    expect(get.stdout.trim()).toBe('bar');
  });
});
