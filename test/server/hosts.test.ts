/* Hosts that no connection can be made to are a failure of the connection, and of nothing else. */

import { expect, test } from 'vitest';
import { infoOf, started, until } from '../support/embedded.ts';

test.each([
  ['a zero byte in it', 'lo\0cal', ''],
  ['a source address that is none', 'localhost', 'nonsense'],
  ['a source address with a zero byte', 'localhost', '127.0.0.1\0'],
])('REPLICAOF and MIGRATE of a host with %s fail to connect, and the server goes on', async (_, host, source) => {
  const server = await started({});
  await server.call('CONFIG', 'SET', 'bind-source-addr', source);
  await server.call('SET', 'key', 'v');
  expect(String(await server.call('MIGRATE', host, '1', 'key', '0', '1000').catch((error) => error))).toMatch(/IOERR/);
  expect(await server.call('REPLICAOF', host, '1')).toBe('OK');
  await until(async () => (await infoOf(server, 'master_link_status'))[0] === 'down');
  expect(await server.call('REPLICAOF', 'NO', 'ONE')).toBe('OK');
  expect(await server.call('GET', 'key')).toBe('v');
});

test('an empty host is no host: neither REPLICAOF nor MIGRATE takes it for this machine', async () => {
  const [other, server] = [await started({}), await started({})];
  const port = String(other.port);
  for (const host of ['', '\0localhost']) {
    await server.call('SET', 'key', 'v');
    expect(String(await server.call('MIGRATE', host, port, 'key', '0', '1000').catch((error) => error))).toMatch(
      /IOERR/,
    );
    await server.call('REPLICAOF', host, port);
    await until(async () => ((await server.call('ROLE')) as unknown[])[3] === 'connect');
    expect(await infoOf(server, 'master_link_status')).toEqual(['down']);
    await server.call('REPLICAOF', 'NO', 'ONE');
  }
  expect(await infoOf(other, 'sync_full')).toEqual(['0']);
  expect(await other.call('DBSIZE')).toBe(0);
});
