import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { rkv, temporaryHome } from './rkv.ts';

/* Addresses on the command line: of a cluster of ours, which is recognised, of servers that can be no node, of nobody. */

const PORT = 13_460;
const NOBODY = 13_469;
const { home, remove } = temporaryHome();
const run = (...argv: string[]) => rkv(argv, { home });
const errorOf = async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).stdout).error;

afterAll(remove);

describe('a cluster of ours with TLS', () => {
  beforeAll(async () => {
    const argv = ['--port', String(PORT), '--primaries', '2', '--replicas', '0', '--tls'];
    const { status, stderr } = await run('cluster', 'create', 'mine', ...argv);
    expect(status, stderr).toBe(0);
  });

  afterAll(async () => {
    await run('cluster', 'destroy', 'mine', '--yes');
  });

  test('is let in and judged by the address of a node as by its name', async () => {
    const { stdout, stderr } = await run('verify', `127.0.0.1:${PORT + 1}`);
    expect(stdout, stderr).toContain('Cluster mine: 2 nodes');
    expect(JSON.parse((await run('status', `localhost:${PORT}`, '--json')).stdout).result.cluster).toBe('mine');
  });

  test('gives no node to another cluster: it is to be destroyed, or left alone', async () => {
    const addresses = [`127.0.0.1:${PORT}`, `127.0.0.1:${PORT + 1}`];
    expect(await errorOf('cluster', 'create', ...addresses, '--replicas', '0')).toMatchObject({
      code: 'NODE_EXISTS',
      message: `127.0.0.1:${PORT} is a node of cluster mine`,
      suggestions: [
        'rkv status --cluster mine',
        'rkv cluster destroy mine     # gives its ports free',
        'rkv cluster create --cluster another --port auto     # starts other servers',
      ],
    });
  });

  test('a redirection in a transaction is told at the command that it leads away', async () => {
    // The slot of 'foo' is of the second node, and the conversation begins at the first.
    const { stdout, stderr } = await rkv(['cli', '-c', '-p', String(PORT)], {
      home,
      input: 'MULTI\nSET foo 1\nEXEC\n',
    });
    expect(stdout).toBe('OK\nOK\nERR EXEC without MULTI\n\n');
    expect(stderr).toContain(`Warning: the redirection ended the transaction on 127.0.0.1:${PORT}`);
    expect(stderr).toContain(`this command ran on 127.0.0.1:${PORT + 1} by itself`);
  });

  test('a mode of redis-cli is suggested with the place and the certificates of the cluster', async () => {
    const { suggestions } = await errorOf('cli', '--cluster', 'mine', '--bigkeys');
    expect(suggestions).toEqual([
      expect.stringMatching(`^redis-cli -h 127.0.0.1 -p ${PORT} --tls --cacert \\S+ca.crt .*--bigkeys`),
    ]);
  });
});

test('a server without cluster mode is no node: why, and how its keys get into the cluster', async () => {
  const node = await startServer({ 'cluster-enabled': true });
  const plain = await startServer();
  try {
    const add = ['node', 'add', `127.0.0.1:${plain.port}`, '--cluster', `127.0.0.1:${node.port}`];
    expect((await errorOf(...add)).suggestions[0]).toContain(`--port ${plain.port} --cluster-enabled yes`);
    await plain.call('SET', 'key', 'value');
    expect(await errorOf(...add)).toMatchObject({
      code: 'NOT_A_CLUSTER_NODE',
      exit: 6,
      why: expect.stringContaining('it holds 1 key, while a node must be empty to join'),
      suggestions: [
        `redis-cli --cluster import 127.0.0.1:${node.port} --cluster-from 127.0.0.1:${plain.port} --cluster-copy     # copies its keys`,
        expect.stringMatching(/^rkv node add --cluster 127\.0\.0\.1:\d+ +# starts a new server/),
      ],
    });
  } finally {
    await Promise.all([node.close(), plain.close()]);
  }
});

test('a wait for a port where nothing listens says so at once', async () => {
  const { stderr } = await run('wait', 'ok', `127.0.0.1:${NOBODY}`, '--timeout', '300ms');
  expect(stderr).toContain(`no server listens at 127.0.0.1:${NOBODY}; waiting 0.3 s at most for one to start`);
});

test('a mistake in a file is followed by what checks it again', async () => {
  const file = join(home, 'bad.yaml');
  writeFileSync(file, 'version: 1\nprimaries: none\n');
  expect((await errorOf('cluster', 'create', '--file', file)).suggestions).toEqual([
    `rkv cluster create --file ${file} --dry-run     # checks it again, and starts nothing`,
  ]);
});

test('a plan is not shown with an engine for a port that no node will have', async () => {
  const file = join(home, 'engines.yaml');
  writeFileSync(file, 'engines:\n  "9999": redis\n');
  expect(await errorOf('cluster', 'create', '--file', file, '--dry-run')).toMatchObject({ code: 'BAD_SPEC', exit: 2 });
});
