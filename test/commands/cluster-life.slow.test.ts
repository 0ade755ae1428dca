import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Ran, rkv, startRkv, temporaryHome, until } from './rkv.ts';

/* The life of one cluster of bundled servers, through the commands that a person types, from create to destroy. */

const PORT = 14_050;
const { home, remove } = temporaryHome();

afterAll(async () => {
  await rkv(['cluster', 'destroy', 'life', '--yes'], { home });
  remove();
});

async function run(...argv: string[]): Promise<Ran> {
  const ran = await rkv(argv, { home, env: { RKV_CLUSTER: 'life' } });
  expect(ran.status, `${argv.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  return ran;
}

async function result(...argv: string[]): Promise<Record<string, unknown> & { nodes: Record<string, unknown>[] }> {
  return JSON.parse((await run(...argv, '--json')).stdout).result;
}

describe('a cluster', () => {
  test('is created in one command, with a line for each phase on stderr and the result on stdout', async () => {
    const config = ['--config', 'maxmemory=64mb', '--config', 'cluster-node-timeout=2000'];
    const { stdout, stderr } = await run('cluster', 'create', '--port', String(PORT), ...config);
    const phases = stderr.split('\n').filter((line) => line.startsWith(' ✓'));
    expect(phases.map((line) => line.slice(3, 20).trim())).toEqual([
      'ports free',
      'configs rendered',
      'servers ready',
      'slots assigned',
      'nodes joined',
      'replicas attached',
      'cluster ok',
    ]);
    expect(stderr.split('\n')[0]).toBe(
      `Creating cluster life: 3 primaries, 3 replicas, bundled server, ${PORT}-${PORT + 5}`,
    );
    expect(stdout).toMatch(/^\nCluster life is ready in /);
    expect(stdout).toContain(`connect  rkv cli -c -p ${PORT}`);
  });

  test('is found by list, status, verify and cli', async () => {
    expect((await run('cluster', 'list')).stdout).toMatch(/ life +● ok +6\/6 +127\.0\.0\.1:14050-14055 +bundled/);
    expect((await run('status')).stdout).toMatch(/^life {2}● ok {3}6\/6 up {3}3 shards/);
    expect((await run('verify', '--fail-on', 'warning')).stdout).toMatch(/All \d+ checks passed\n$/);
    expect((await run('cli', 'CONFIG', 'GET', 'maxmemory')).stdout).toBe('maxmemory\n67108864\n');
  });

  test('tells pid and log of each node, and of those that a selector names', async () => {
    const { nodes } = await result('node', 'list', 'shard:2');
    expect(nodes.map(({ port }) => port)).toEqual([PORT + 1, PORT + 5]);
    for (const { pid, log } of nodes) {
      expect(process.kill(pid as number, 0)).toBe(true);
      expect(existsSync(log as string)).toBe(true);
    }
  });

  test('is reached by what env says', async () => {
    const { stdout } = await run('env', '--format', 'shell');
    const { stdout: url } = spawnSync('sh', ['-c', `${stdout}\nprintf %s "$REDIS_URL $REDIS_CLUSTER_NODES"`], {
      encoding: 'utf8',
    });
    const [first, all] = url.split(' ');
    expect(all?.split(',')).toHaveLength(6);
    expect((await rkv(['cli', '-u', first as string, 'PING'])).stdout).toBe('PONG\n');
  });

  test('grows by a replica and shrinks again', async () => {
    const added = await result('node', 'add', '--port', String(PORT + 6), '--replica-of', String(PORT));
    expect(added).toMatchObject({ port: PORT + 6, role: 'replica', replicaOf: `127.0.0.1:${PORT}` });
    await run('wait', 'size=7');
    // A node that cannot be removed is told before anybody is asked.
    expect((await rkv(['node', 'remove', '9999', '--cluster', 'life'], { home })).stderr).toContain("matches '9999'");
    expect((await run('node', 'remove', String(PORT + 6), '--yes')).stdout).toContain(
      'is no longer part of the cluster',
    );
    expect((await result('node', 'list')).nodes).toHaveLength(6);
  });

  test('survives a primary that is killed, and verify says so until it is back', async () => {
    await run('cli', '-c', '-p', String(PORT), 'SET', 'foo', 'bar');
    await run('wait', 'synced');
    await run('node', 'kill', 'slot:12182', 'primary');
    await run('wait', 'served', '--timeout', '60');
    expect((await rkv(['wait', 'ok', '--timeout', '1', '--cluster', 'life'], { home })).status).toBe(4);
    expect((await run('cli', '-c', '-p', String(PORT), 'GET', 'foo')).stdout).toBe('bar\n');
    const broken = await rkv(['verify', 'life'], { home });
    expect(broken.status).toBe(3);
    expect(broken.stdout).toContain(`rkv node start ${PORT + 2}`);
    await run('node', 'start', String(PORT + 2));
    await run('verify', '--wait', '30', '--fail-on', 'warning');
  });

  test('is paused and resumed node by node', async () => {
    await run('node', 'pause', 'shard:1', 'replica');
    // All slots are served; that a node is missing is wrong all the same.
    const { stdout, status } = await rkv(['status', 'life', '--timeout', '30'], { home });
    expect(status).toBe(3);
    expect(stdout).toContain('5/6 up');
    expect(stdout).toContain('its server is paused (SIGSTOP)');
    await run('node', 'resume', 'shard:1', 'replica');
    await run('wait', 'ready');
  });

  test('shows its logs, and goes on with them', async () => {
    const { stdout } = await run('node', 'logs', String(PORT), '-n', '2');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    const argv = ['node', 'logs', String(PORT), '-f', '-n', '0', '--cluster', 'life'];
    const { child, ended } = startRkv(argv, { home });
    let text = '';
    child.stdout?.on('data', (chunk: string) => {
      text += chunk;
    });
    await until(async () => {
      // Something that a server logs whenever it happens.
      await run('cli', '-p', String(PORT), 'SAVE');
      return text !== '';
    });
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
  });

  test('is watched in a pipe, one line for each thing that happens', async () => {
    const { child, ended } = startRkv(['watch', 'life', '--every', '200ms'], { home });
    let text = '';
    child.stdout?.on('data', (chunk: string) => {
      text += chunk;
    });
    await until(() => Promise.resolve(text.includes('6/6 up')));
    await run('node', 'kill', 'shard:1', 'replica');
    await until(() => Promise.resolve(/no longer answers/.test(text)));
    await run('node', 'start', 'down');
    await until(() => Promise.resolve(/ is back\n/.test(text)));
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
  });

  test('stops with its data and starts with it again', async () => {
    const { changed } = await result('cluster', 'stop');
    expect(changed).toHaveLength(6);
    expect((await run('cluster', 'list')).stdout).toContain('○ stopped');
    expect((await rkv(['status', 'life'], { home })).status).toBe(5);
    await run('cluster', 'start');
    expect((await run('cli', 'GET', 'foo')).stdout).toBe('bar\n');
  });

  test('is destroyed with everything', async () => {
    expect((await run('cluster', 'destroy', '--yes')).stdout).toContain('6 nodes destroyed');
    expect(existsSync(join(home, 'life'))).toBe(false);
    const pings = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => rkv(['cli', '-p', String(PORT + i), 'PING'])));
    expect(pings.map(({ status }) => status)).toEqual([5, 5, 5, 5, 5, 5]);
  });
});
