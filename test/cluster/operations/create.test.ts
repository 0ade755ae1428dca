import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFiles } from '../../../src/cluster/machine/layout.ts';
import { connectNode } from '../../../src/cluster/node/client.ts';
import { readTopology } from '../../../src/cluster/observe/topology.ts';
import { createCluster } from '../../../src/cluster/operations/create.ts';
import type { CliFailure } from '../../../src/cluster/run/failure.ts';
import { finish, type Progress } from '../../../src/cluster/run/run.ts';
import type { ClusterSpec } from '../../../src/cluster/spec/spec.ts';
import { findCluster } from '../../../src/cluster/topology/target.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { engines, hasRedisServer, makeHome, pidsUnder, redisCli, specOf, TIMEOUT_MS } from '../servers.ts';

const PORT = 22_300;

async function failureOf(spec: ClusterSpec, home: string, more = {}): Promise<CliFailure> {
  const options = { home, timeout_ms: TIMEOUT_MS, ...more };
  const made = async (): Promise<unknown> => await finish(createCluster(spec, options));
  return await made().then(
    () => expect.unreachable('the cluster was made'),
    (error: CliFailure) => error,
  );
}

function occupy(port: number): Promise<void> {
  const server = createServer();
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen({ host: '127.0.0.1', port }, () => resolve()));
}

const engine = hasRedisServer ? 'redis' : 'bundled';

describe.each(engines)('with engine %s', (engine) => {
  test('nothing becomes a cluster on which every check agrees', async () => {
    const home = makeHome();
    const events: Progress[] = [];
    const plan = await finish(
      createCluster(specOf({ engine, port: PORT }), { home, timeout_ms: TIMEOUT_MS }),
      (event) => events.push(event),
    );
    const done = events.filter((event) => event.type === 'done').map((event) => event.step);
    expect(done).toEqual(['ports', 'configs', 'servers', 'slots', 'join', 'replicas', 'ready']);
    expect(plan.nodes).toHaveLength(6);
    const cluster = findCluster({ home, name: 'default' });
    const topology = await readTopology(cluster, { timeout_ms: 2000 });
    const { errors, warnings, findings } = verify(topology, cluster.spec);
    expect({ errors, warnings, findings }).toEqual({ errors: 0, warnings: 0, findings: [] });
    // The node timeout was shortened while the cluster was made, and is what the file says again.
    const client = connectNode({ host: '127.0.0.1', port: PORT }, {}, 2000);
    onTestFinished(() => client.close());
    expect(await client.call('CONFIG', 'GET', 'cluster-node-timeout')).toEqual(['cluster-node-timeout', '5000']);
    expect(existsSync(`${plan.folder}.lock`)).toBe(false);
  });

  test('one primary without replicas is a cluster too, and takes writes', async () => {
    const home = makeHome();
    const spec = specOf({ engine, port: PORT, primaries: 1, replicas: 0, config: { maxmemory: '50mb' } });
    const events: Progress[] = [];
    await finish(createCluster(spec, { home, timeout_ms: TIMEOUT_MS }), (event) => events.push(event));
    // Too few primaries, no replicas, and for the bundled server a directive without effect.
    expect(events.filter((event) => event.type === 'warning')).toHaveLength(engine === 'bundled' ? 3 : 2);
    const client = connectNode({ host: '127.0.0.1', port: PORT }, {}, 2000);
    onTestFinished(() => client.close());
    expect(await client.call('SET', 'a', '1')).toBe('OK');
    expect(await client.call('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', String(50 * 1024 * 1024)]);
  });

  test('a password keeps strangers out, and nodes in', async () => {
    const home = makeHome();
    const password = 'pä☃ se"cret \\ word';
    const spec = specOf({ engine, port: PORT, primaries: 1, replicas: 1, password });
    await finish(createCluster(spec, { home, timeout_ms: TIMEOUT_MS }));
    const stranger = connectNode({ host: '127.0.0.1', port: PORT }, {}, 2000);
    const wrong = connectNode({ host: '127.0.0.1', port: PORT }, { password: 'wrong' }, 2000);
    onTestFinished(() => [stranger, wrong].forEach((client) => client.close()));
    await expect(stranger.call('GET', 'a')).rejects.toMatchObject({ code: 'NODE_DENIED', exit: 5 });
    await expect(wrong.call('GET', 'a')).rejects.toMatchObject({ code: 'NODE_DENIED', why: /WRONGPASS/ });
    const topology = await readTopology(findCluster({ home, name: 'default' }), { timeout_ms: 2000 });
    expect(topology.nodes.map(({ replication }) => replication.link)).toEqual([null, 'up']);
    if (hasRedisServer) expect(redisCli(PORT, '--no-auth-warning', '-a', password, 'PING')).toBe('PONG');
  });
});

describe.each(engines)('TLS with engine %s', (engine) => {
  test('covers clients, replication and the bus, and the plain port is closed', async () => {
    const home = makeHome();
    const spec = specOf({ engine, port: PORT, primaries: 1, replicas: 1, tls: true });
    await finish(createCluster(spec, { home, timeout_ms: TIMEOUT_MS }));
    const cluster = findCluster({ home, name: 'default' });
    const topology = await readTopology(cluster, { timeout_ms: 2000 });
    expect(topology.state).toBe('ok');
    expect(topology.nodes.map(({ replication }) => replication.link)).toEqual([null, 'up']);
    const plain = connectNode({ host: '127.0.0.1', port: PORT }, {}, 2000);
    onTestFinished(() => plain.close());
    await expect(plain.call('PING')).rejects.toMatchObject({ exit: 5 });
    expect(statSync(join(cluster.folder, 'tls')).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(join(cluster.folder, 'tls'))) {
      expect(statSync(join(cluster.folder, 'tls', file)).mode & 0o777).toBe(0o600);
    }
  });
});

describe.skipIf(!hasRedisServer)('the tools of Redis', () => {
  test('find nothing to complain about', async () => {
    const home = makeHome();
    await finish(createCluster(specOf({ engine, port: PORT }), { home, timeout_ms: TIMEOUT_MS }));
    const check = redisCli(PORT, '--cluster', 'check', `127.0.0.1:${PORT}`);
    expect(check).toContain('[OK] All nodes agree about slots configuration.');
    expect(check).toContain('[OK] All 16384 slots covered.');
  });
});

describe('a create that fails', () => {
  test('because of a port in use says who has it, and what else to try', async () => {
    const home = makeHome();
    await occupy(PORT + 3);
    const failure = await failureOf(specOf({ engine, port: PORT }), home);
    expect(failure).toMatchObject({ code: 'PORT_IN_USE', exit: 6, message: `port ${PORT + 3} is not free` });
    expect(failure.why).toContain(`${PORT + 3} is in use by process ${process.pid}`);
    expect(failure.suggestions[0]).toMatch(/^--port \d+$/);
    expect(readdirSync(home)).toEqual([]);
  });

  test('because of a bus port in use says which node needs it, and why there', async () => {
    const home = makeHome();
    await occupy(PORT + 10_001);
    const failure = await failureOf(specOf({ engine, port: PORT }), home);
    expect(failure).toMatchObject({ code: 'PORT_IN_USE', exit: 6 });
    expect(failure.why).toMatch(
      new RegExp(`^${PORT + 10_001} \\(the cluster bus of node ${PORT + 1}, always port \\+ 10000\\) is in use`),
    );
  });

  test.skipIf(!hasRedisServer)(
    'because one server dies tells its last words, stops the others, and leaves nothing',
    async () => {
      const home = makeHome();
      // Nobody but the server itself can know that there is no such module.
      const spec = specOf({ engine: 'redis', port: PORT, config: { loadmodule: '/no/such/module.so' } });
      const failure = await failureOf(spec, home);
      expect(failure).toMatchObject({ code: 'NODE_DIED', exit: 1 });
      expect(failure.message).toMatch(/^node 127\.0\.0\.1:\d+ did not start$/);
      expect(failure.evidence[0]).toMatch(/exited with code 1$/);
      expect(failure.why).toMatch(/Can't load module|no such file/i);
      expect(failure.log?.lines.length).toBeGreaterThan(0);
      // A server that was gone before it could be looked at need not be stopped.
      expect(failure.undone).toMatch(/^(\d servers? stopped, )?files removed$/);
      expect(pidsUnder(home)).toEqual([]);
      expect(readdirSync(home)).toEqual([]);
    },
  );

  test.each(['slots', 'join', 'ready'])(
    'because a server dies when the step "%s" begins tells which, how, and its last words',
    async (step) => {
      const home = makeHome();
      const operation = createCluster(specOf({ engine, port: PORT }), { home, timeout_ms: TIMEOUT_MS });
      const files = nodeFiles(join(home, 'default', 'nodes', String(PORT + 2)));
      const failure = await finish(operation, (event) => {
        if (event.type !== 'start' || event.step !== step) return;
        process.kill(Number.parseInt(readFileSync(files.pid, 'utf8'), 10), 'SIGKILL');
      }).catch((error: CliFailure) => error);
      expect(failure).toMatchObject({
        code: 'NODE_DIED',
        message: `node 127.0.0.1:${PORT + 2} died`,
        evidence: [
          `node 127.0.0.1:${PORT + 2} was terminated by SIGKILL`,
          expect.stringContaining('cannot be reached'),
        ],
        log: { file: files.log },
      });
      expect((failure as CliFailure).log?.lines.length).toBeGreaterThan(0);
      expect(pidsUnder(home)).toEqual([]);
      expect(readdirSync(home)).toEqual([]);
    },
  );

  test('keeps everything when asked to', async () => {
    const home = makeHome();
    const spec = specOf({ engine, port: PORT, primaries: 1, replicas: 0 });
    const failure = await failureOf(spec, home, { timeout_ms: 1, keepOnFailure: true });
    expect(failure).toMatchObject({ exit: 4, undone: null });
    expect(existsSync(nodeFiles(join(home, 'default', 'nodes', String(PORT))).config)).toBe(true);
  });

  test('because the time is up says what it waited for', async () => {
    const home = makeHome();
    const failure = await failureOf(specOf({ engine, port: PORT }), home, { timeout_ms: 1 });
    expect(failure).toMatchObject({ code: 'TIMEOUT', exit: 4 });
    // How far it came depends on how quick the servers were; the node, or what of all nodes is missing, is always named.
    expect(failure.why).toMatch(new RegExp(`^waiting for |:${PORT / 10}\\d |port ${PORT / 10}\\d `));
    expect(pidsUnder(home)).toEqual([]);
    expect(readdirSync(home)).toEqual([]);
  });

  test('because the user broke it off leaves nothing and exits with 130', async () => {
    const home = makeHome();
    const controller = new AbortController();
    const options = { home, timeout_ms: TIMEOUT_MS, signal: controller.signal };
    const operation = createCluster(specOf({ engine, port: PORT }), options);
    const failure = await finish(operation, (event) => {
      if (event.type === 'start' && event.step === 'join') controller.abort();
    }).catch((error: CliFailure) => error);
    expect(failure).toMatchObject({ code: 'INTERRUPTED', exit: 130 });
    expect(pidsUnder(home)).toEqual([]);
    expect(readdirSync(home)).toEqual([]);
  });

  test('because the name is taken does not touch the cluster that has it', async () => {
    const home = makeHome();
    mkdirSync(join(home, 'mine'), { recursive: true });
    writeFileSync(join(home, 'mine', 'cluster.yaml'), 'name: mine\n');
    const failure = await failureOf(specOf({ engine, port: PORT, name: 'mine' }), home);
    expect(failure).toMatchObject({ code: 'CLUSTER_EXISTS', exit: 6 });
    expect(failure.suggestions).toContain('rkv cluster destroy --cluster mine');
    expect(readFileSync(join(home, 'mine', 'cluster.yaml'), 'utf8')).toBe('name: mine\n');
  });

  test('because the folder is of somebody else leaves every file in it', async () => {
    const home = makeHome();
    mkdirSync(join(home, 'mine'), { recursive: true });
    writeFileSync(join(home, 'mine', 'thesis.txt'), 'all of it');
    const failure = await failureOf(specOf({ engine, port: PORT, name: 'mine' }), home);
    expect(failure).toMatchObject({ code: 'FOLDER_TAKEN', exit: 6, why: expect.stringContaining('thesis.txt') });
    expect(readFileSync(join(home, 'mine', 'thesis.txt'), 'utf8')).toBe('all of it');
  });

  test('because of a bad template leaves nothing, and names the line', async () => {
    const home = makeHome();
    const template = makeHome();
    writeFileSync(join(template, 'node.conf'), 'port {{plainPort}}\nbind {{adress}}\n');
    const failure = await failureOf(specOf({ engine, port: PORT, template }), home);
    expect(failure).toMatchObject({
      code: 'BAD_TEMPLATE',
      exit: 2,
      message: `${template}/node.conf:2: unknown variable 'adress'`,
    });
    expect(readdirSync(home)).toEqual([]);
  });

  test('because there is no such engine or address starts nothing', async () => {
    const home = makeHome();
    expect(await failureOf(specOf({ engine: 'riak', port: PORT }), home)).toMatchObject({ code: 'NO_ENGINE', exit: 2 });
    expect(await failureOf(specOf({ engine: '/no/such/server', port: PORT }), home)).toMatchObject({
      code: 'NO_ENGINE',
    });
    expect(await failureOf(specOf({ engine, port: PORT, host: '192.0.2.1' }), home)).toMatchObject({
      code: 'BAD_HOST',
      exit: 2,
    });
    expect(readdirSync(home)).toEqual([]);
  });
});
