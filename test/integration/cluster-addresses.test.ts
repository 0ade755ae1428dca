/* At which addresses nodes listen, come from, and tell others to find them. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { Cluster } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../src/index.ts';

const DEADLINE = { timeout: 20_000, interval: 50 };
const CLUSTER = { 'cluster-enabled': true, 'cluster-node-timeout': 1000 } as const;

async function started(options: ServerOptions): Promise<EmbeddedServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rkv-addresses-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The lines of CLUSTER NODES by id, without what changes from one moment to the next. */
async function nodesOf(server: EmbeddedServer): Promise<Map<string, string>> {
  const lines = String(await server.call('CLUSTER', 'NODES'))
    .trimEnd()
    .split('\n');
  return new Map(
    lines.map((line) => {
      const [id, address, flags, , , , , link] = line.split(' ');
      return [id as string, `${address} ${flags} ${link}`];
    }),
  );
}

const idOf = async (server: EmbeddedServer): Promise<string> => String(await server.call('CLUSTER', 'MYID'));
const knownTo = async (server: EmbeddedServer): Promise<string> => String(await server.call('CLUSTER', 'INFO'));

/** Resolves when something accepts there. */
async function reach(host: string, port: number): Promise<void> {
  const socket = connect({ host, port });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
}

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

describe.skipIf(!hasIpv6)('IPv6', () => {
  test('a cluster forms, and sends its clients, over ::1', async () => {
    const [a, b] = [await started({ ...CLUSTER, bind: '::1' }), await started({ ...CLUSTER, bind: '::1' })];
    await a.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await b.call('CLUSTER', 'MEET', '::1', a.port);
    await expect.poll(() => knownTo(b), DEADLINE).toMatch(/state:ok.*known_nodes:2/s);
    await expect(b.call('GET', 'k')).rejects.toThrow(`MOVED 7629 ::1:${a.port}`);
  });

  test.each(['127.0.0.1 -::1', '127.0.0.1 ::*'])(
    'with bind %s the bus listens where clients are listened to',
    async (bind) => {
      const server = await started({ ...CLUSTER, bind });
      for (const host of ['127.0.0.1', '::1']) {
        await reach(host, server.port);
        await reach(host, server.port + 10_000);
      }
    },
  );
});

test('an optional address that this machine does not have is no error, neither for clients nor for the bus', async () => {
  const server = await started({ ...CLUSTER, bind: '127.0.0.1 -192.0.2.7' });
  await reach('127.0.0.1', server.port + 10_000);
  await expect(startServer({ ...CLUSTER, bind: '127.0.0.1 192.0.2.7' })).rejects.toThrow('192.0.2.7');
});

/** Addresses of one machine: all of 127/8 are, on Linux. */
describe.skipIf(process.platform !== 'linux')('a machine with several addresses', () => {
  test('forms a cluster when each node has its own, and links and MIGRATE come from bind-source-addr', async () => {
    const at = (host: string): ServerOptions => ({
      ...CLUSTER,
      bind: host,
      'bind-source-addr': host,
      'protected-mode': false,
    });
    const [a, b] = [await started(at('127.0.0.21')), await started(at('127.0.0.22'))];
    await a.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await b.call('CLUSTER', 'MEET', '127.0.0.21', a.port);
    await expect.poll(() => knownTo(b), DEADLINE).toMatch(/state:ok.*known_nodes:2/s);
    await expect
      .poll(async () => (await nodesOf(a)).get(await idOf(b)), DEADLINE)
      .toMatch(/^127\.0\.0\.22:.* connected$/);
    await a.call('SET', 'k', 'v');
    await b.call('CLUSTER', 'SETSLOT', 7629, 'IMPORTING', await idOf(a));
    await a.call('MIGRATE', '127.0.0.22', b.port, 'k', 0, 5000);
    expect(await b.call('CLIENT', 'LIST')).toContain('addr=127.0.0.21:');
  });

  test('two nodes that swapped their addresses are found again, and tell their new ones', {
    timeout: 40_000,
  }, async () => {
    const homes = [temporaryFolder(), temporaryFolder()] as const;
    const third = await started({ ...CLUSTER, bind: '127.0.0.33', 'bind-source-addr': '127.0.0.33' });
    const { port } = third;
    const start = (dir: string, host: string): Promise<EmbeddedServer> =>
      started({ ...CLUSTER, dir, port, bind: host, 'bind-source-addr': host });
    const before = [await start(homes[0], '127.0.0.31'), await start(homes[1], '127.0.0.32')] as const;
    for (const node of before) await node.call('CLUSTER', 'MEET', '127.0.0.33', port);
    for (const node of [...before, third]) await expect.poll(() => knownTo(node), DEADLINE).toContain('known_nodes:3');
    const [first, second] = [await idOf(before[0]), await idOf(before[1])];
    for (const node of before) await node.close();
    const after = [await start(homes[0], '127.0.0.32'), await start(homes[1], '127.0.0.31')] as const;
    for (const node of [...after, third]) {
      const linkOf = async (id: string): Promise<string | undefined> => (await nodesOf(node)).get(id);
      await expect.poll(() => linkOf(first), DEADLINE).toMatch(/^127\.0\.0\.32:\S+ (myself,)?master connected$/);
      await expect.poll(() => linkOf(second), DEADLINE).toMatch(/^127\.0\.0\.31:\S+ (myself,)?master connected$/);
    }
  });
});

test('a node that never met another tells each client the address it came by', async () => {
  const server = await started(CLUSTER);
  await server.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  const client = new Cluster([{ host: '127.0.0.1', port: server.port }]);
  onTestFinished(() => client.disconnect());
  expect(await client.set('k', 'v')).toBe('OK');
  expect(await client.get('k')).toBe('v');
  const ports = [server.port, expect.any(String), []];
  expect(await client.cluster('SLOTS')).toEqual([[0, 16_383, ['127.0.0.1', ...ports]]]);
});
