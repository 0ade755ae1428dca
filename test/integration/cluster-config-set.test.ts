import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Logger } from '../../src/base/log.ts';
import { makeCertificates } from '../../src/cluster/machine/certificates.ts';
import { certificateFiles } from '../../src/cluster/machine/layout.ts';
import { defaultConfig, directiveOf, type Name } from '../../src/config/directives.ts';
import { type EmbeddedServer, startServer } from '../../src/index.ts';
import { clusterDirectives } from '../../src/server/cluster-host.ts';
import { compose, type Running } from '../../src/server/compose.ts';
import { until } from './processes.ts';

/* Directives that the cluster reads, changed while it runs: they count at once, and the other nodes hear of them. */

const folder = mkdtempSync(path.join(tmpdir(), 'rkv-announce-'));
const certificates = certificateFiles(folder);
beforeAll(() => makeCertificates(certificates, []));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tls = {
  'tls-cert-file': certificates.cert,
  'tls-key-file': certificates.key,
  'tls-ca-cert-file': certificates.ca,
};

async function freePort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await new Promise<void>((resolve) => other.close(() => resolve()));
  return port;
}

describe('two nodes that know each other', () => {
  let changed: EmbeddedServer;
  let other: EmbeddedServer;

  beforeEach(async () => {
    const options = { 'cluster-enabled': 'yes', 'cluster-node-timeout': 2000, ...tls };
    [changed, other] = await Promise.all([startServer(options), startServer(options)]);
    await changed.call('CLUSTER', 'MEET', '127.0.0.1', other.port);
    await connected();
  });
  afterEach(() => Promise.all([changed.close(), other.close()]));

  /** The line that a node has of the changed one: its address, and the state of the link. */
  async function lineAt(node: EmbeddedServer): Promise<string> {
    const id = await changed.call('CLUSTER', 'MYID');
    const lines = String(await node.call('CLUSTER', 'NODES')).split('\n');
    return lines.find((line) => line.startsWith(String(id))) ?? '';
  }

  const seenAs = (what: string, where: RegExp) =>
    until(what, async () => where.test(await lineAt(changed)) && where.test(await lineAt(other)));
  const connected = () =>
    until('they are connected', async () => {
      const [here, there] = await Promise.all([changed.call('CLUSTER', 'NODES'), lineAt(other)]);
      return there.endsWith(' connected') && !/handshake|disconnected/.test(`${there}${here}`);
    });

  test('a new port is announced, and the bus stays where it is', async () => {
    const bus = changed.port + 10_000;
    const port = await freePort();
    await changed.call('CONFIG', 'SET', 'port', port);
    await seenAs('the new port', new RegExp(`127\\.0\\.0\\.1:${port}@${bus} `));
    await connected();
  });

  test('an announced address counts until it is taken back', async () => {
    await changed.call('CONFIG', 'SET', 'cluster-announce-ip', '127.0.0.9');
    await seenAs('the announced address', / 127\.0\.0\.9:/);
    await changed.call('CONFIG', 'SET', 'cluster-announce-ip', '');
    await seenAs('the real address', / 127\.0\.0\.1:/);
    await connected();
  });

  test('the bus goes over to TLS', async () => {
    for (const node of [changed, other]) {
      const port = await freePort();
      await node.call('CONFIG', 'SET', 'tls-cluster', 'yes', 'tls-port', port, 'tls-auth-clients', 'no');
    }
    const settings = (await changed.call('CONFIG', 'GET', 'tls-port')) as Map<string, string>;
    await until('both tell of the TLS port', async () => {
      const shards = await Promise.all([changed, other].map((node) => node.call('CLUSTER', 'SHARDS')));
      return shards.every((each) => inspect(each, { depth: 9 }).includes(`'tls-port' => ${settings.get('tls-port')}`));
    });
    // Links that there are stay as they are; those to a node that knows TLS alone are made with it.
    const secured = { 'cluster-enabled': 'yes', 'tls-cluster': 'yes', 'tls-port': 23_220, 'tls-auth-clients': 'no' };
    await using third = await startServer({ ...secured, ...tls, 'cluster-port': 23_221 });
    await changed.call('CLUSTER', 'MEET', '127.0.0.1', 23_220, 23_221);
    await until('the third is connected', async () => {
      const nodes = String(await changed.call('CLUSTER', 'NODES'));
      return nodes.includes(String(await third.call('CLUSTER', 'MYID'))) && !/handshake|disconnected/.test(nodes);
    });
    await connected();
  });
});

test('an address that would make nodes.conf unreadable is announced to nobody', async () => {
  await using node = await startServer({ 'cluster-enabled': 'yes' });
  for (const address of ['not an ip', '1.2.3.4\n', 'a,b', 'caf\u00e9', 'x'.repeat(46)]) {
    const set = node.call('CONFIG', 'SET', 'cluster-announce-ip', address);
    await expect(set, address).rejects.toThrow(/'cluster-announce-ip'\) - Addresses m/);
  }
  expect(await node.call('CLUSTER', 'NODES')).toMatch(/^[0-9a-f]{40} :\d+@\d+ myself,master /);
  for (const address of ['::1', 'fe80::1%eth0', 'host_1.example', ''])
    expect(await node.call('CONFIG', 'SET', 'cluster-announce-ip', address)).toBe('OK');
  const garbage = startServer({ 'cluster-enabled': 'yes', 'cluster-announce-ip': '1.2.3.4 master' });
  await expect(garbage).rejects.toThrow(/Addresses may only contain/);
});

test('coverage counts from the moment on that it is asked for, or not', async () => {
  await using node = await startServer({ 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no' });
  const state = async (): Promise<string> => /cluster_state:\w+/.exec(String(await node.call('CLUSTER', 'INFO')))![0];
  await node.call('CLUSTER', 'ADDSLOTSRANGE', 0, 100);
  expect(await state()).toBe('cluster_state:ok');
  await node.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes');
  expect(await state()).toBe('cluster_state:fail');
  await node.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
  await until('it is served again', async () => (await state()) === 'cluster_state:ok');
});

test('an announced bus port is announced and not listened at', async () => {
  await using node = await startServer({ 'cluster-enabled': 'yes', 'cluster-announce-bus-port': 1 });
  expect(await node.call('CLUSTER', 'NODES')).toContain(`:${node.port}@1 `);
});

describe('every directive that the cluster reads', () => {
  let running: Running;

  beforeAll(async () => {
    const config = {
      ...defaultConfig(),
      ...tls,
      dir: folder,
      bind: ['127.0.0.1'],
      save: [],
      port: 23_210,
      'tls-port': 23_211,
      'cluster-port': 23_212,
      'tls-auth-clients': 'no' as const,
      'cluster-enabled': true,
    };
    const log = new Logger({ level: 'nothing', sink: () => {}, now_ms: () => 0, role: () => 'M', pid: 0 });
    const fatal = (reason: string): never => {
      throw new Error(reason);
    };
    running = await compose({ config, log, configFile: null, fatal, ended: () => {}, unref: true, chunkBytes: 65_536 });
  });
  afterAll(() => running.server.shutdown({ save: 'never', why: 'The test is over' }));

  // Whether plain clients or those with TLS are announced first is for tls-cluster to say, so it comes before its ports.
  const order = clusterDirectives.toSorted((a, b) => Number(b === 'tls-cluster') - Number(a === 'tls-cluster'));
  test.each(order)('%s reaches it', async (name) => {
    const { server } = running;
    const before = JSON.stringify(server.cluster!.state.config);
    await server.settings.set([[name, await another(name)]]);
    expect(JSON.stringify(server.cluster!.state.config)).not.toBe(before);
  });

  async function another(name: Name): Promise<string> {
    const { kind, allowed } = directiveOf(name);
    const value = running.server.config[name];
    if (kind === 'yes or no') return value === true ? 'no' : 'yes';
    if (kind === 'one of') return allowed.split(', ').find((word) => word !== value)!;
    if (kind === 'integer') return name.endsWith('port') ? `${await freePort()}` : `${(value as number) + 1}`;
    return '127.0.0.7';
  }
});
