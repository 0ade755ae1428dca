import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeCertificates } from '../../src/cluster/machine/certificates.ts';
import { certificateFiles } from '../../src/cluster/machine/layout.ts';
import { caughtUp, infoOf, linkIsUp, started, until } from '../support/embedded.ts';
import { temporaryFolder } from '../support/folder.ts';

test('a replica takes over and follows its primary over TLS, and a primary without a trusted certificate is refused', async () => {
  const [own, foreign] = await Promise.all([certificates(), certificates()]);
  const [port, strangersPort] = [await freePort(), await freePort()];
  const tls = (files: typeof own) => ({
    'tls-cert-file': files.cert,
    'tls-key-file': files.key,
    'tls-ca-cert-file': files.ca,
    'tls-replication': true,
  });
  const primary = await started({ ...tls(own), 'tls-port': port });
  const stranger = await started({ ...tls(foreign), 'tls-port': strangersPort });
  const replica = await started(tls(own));
  await primary.call('SET', 'big', 'x'.repeat(300_000));
  await replica.call('REPLICAOF', '127.0.0.1', String(port));
  await linkIsUp(replica);
  await primary.call('SET', 'after', '1');
  await caughtUp(primary, replica);
  expect([await replica.call('STRLEN', 'big'), await replica.call('GET', 'after')]).toEqual([300_000, '1']);
  expect(String(await replica.call('CLIENT', 'LIST', 'TYPE', 'master'))).toContain(`addr=127.0.0.1:${port} `);
  // The link breaks, and goes on where it was.
  await replica.call('CLIENT', 'KILL', 'TYPE', 'master');
  await primary.call('SET', 'after', '2');
  await until(async () => (await replica.call('GET', 'after')) === '2');
  expect(await infoOf(primary, 'sync_full', 'sync_partial_ok')).toEqual(['1', '1']);

  await stranger.call('SET', 'big', 'of a stranger');
  await replica.call('REPLICAOF', '127.0.0.1', String(strangersPort));
  await until(async () => /certificate/i.test((await infoOf(replica, 'master_link_down_reason'))[0]!));
  expect(await replica.call('STRLEN', 'big')).toBe(300_000);
});

async function certificates(): Promise<ReturnType<typeof certificateFiles>> {
  const files = certificateFiles(temporaryFolder());
  mkdirSync(path.dirname(files.folder), { recursive: true });
  await makeCertificates(files, []);
  return files;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
