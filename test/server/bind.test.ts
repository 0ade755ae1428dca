import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { infoOf, started } from '../support/embedded.ts';
import { RawClient } from '../support/resp.ts';

test('CONFIG SET bind to nothing closes the port, and to something opens it again', async () => {
  const server = await started();
  const { port } = server;
  await server.call('CONFIG', 'SET', 'bind', '');
  await expect(RawClient.connect(port)).rejects.toThrow('ECONNREFUSED');
  await server.call('CONFIG', 'SET', 'bind', '127.0.0.1');
  const [chosen] = await infoOf(server, 'tcp_port');
  const client = await RawClient.connect(Number(chosen));
  expect(await client.call('PING')).toBe('+PONG\r\n');
  client.close();
});

test('CONFIG SET bind says what could not be bound', async () => {
  const server = await started();
  await expect(server.call('CONFIG', 'SET', 'bind', '203.0.113.1')).rejects.toThrow(
    'Failed to bind to specified addresses',
  );
});

test('a server that would listen nowhere does not start, nor a node of a cluster without an address', async () => {
  await expect(startServer({ bind: '' })).rejects.toThrow('Configured to not listen anywhere');
  const unixsocket = path.join(mkdtempSync(path.join(tmpdir(), 'rkv-bind-')), 'socket');
  onTestFinished(() => rmSync(path.dirname(unixsocket), { recursive: true }));
  await expect(startServer({ bind: '', unixsocket, 'cluster-enabled': true })).rejects.toThrow(
    'required for the Cluster bus',
  );
  const server = await started({ bind: '', unixsocket });
  const client = await RawClient.connect(unixsocket);
  expect(await client.call('PING')).toBe('+PONG\r\n');
  expect(server.port).toBe(0);
  client.close();
});
