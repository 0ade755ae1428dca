/* What can be known to be wrong with a new cluster is told before its first process is started. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { preflight } from '../../../src/cluster/operations/preflight.ts';
import type { ClusterSpec } from '../../../src/cluster/spec/spec.ts';
import { rkv } from '../../commands/rkv.ts';
import { makeHome, specOf } from '../servers.ts';

const PORT = 18_200;

function refusalOf(change: Partial<ClusterSpec>, home = makeHome()): unknown {
  try {
    return preflight(specOf({ port: PORT, ...change }), { home });
  } catch (error) {
    return error;
  }
}

/** An engine of another version, as far as it says. */
function engineOf(words: string): string {
  const file = join(makeHome(), 'redis-server');
  writeFileSync(file, `#!/bin/sh\necho '${words}'\n`);
  chmodSync(file, 0o755);
  return file;
}

function templateOf(text: string): string {
  const folder = makeHome();
  writeFileSync(join(folder, 'node.conf'), text);
  return folder;
}

test('a plan that can be carried out passes, and touches nothing', () => {
  const home = makeHome();
  expect(refusalOf({}, home)).toMatchObject({ name: 'default', warnings: [] });
  expect(readdirSync(home)).toEqual([]);
});

test('a directive that is newer than the engine is named with both versions', () => {
  const engine = engineOf('Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1');
  expect(refusalOf({ engine, config: { 'shutdown-timeout': '5' } })).toMatchObject({
    code: 'BAD_TEMPLATE',
    exit: 2,
    why: "'shutdown-timeout' was added in Redis 7.0, and this is redis-server 6.2.14",
  });
  expect(refusalOf({ engine })).toMatchObject({ name: 'default' });
  const valkey = engineOf('Valkey server v=8.1.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1');
  expect(refusalOf({ engine: valkey, config: { 'shutdown-timeout': '5' } })).toMatchObject({ name: 'default' });
  // What does not say its version will tell by itself what it does not take.
  expect(refusalOf({ engine: engineOf('hello'), config: { 'shutdown-timeout': '5' } })).toMatchObject({
    name: 'default',
  });
});

test.each([
  ['cluster-enabled yes', 'port {{plainPort}}\n'],
  ['port', 'cluster-enabled yes\nport 6379\n'],
])('a template without %s is refused', (_, text) => {
  const template = templateOf(text);
  expect(refusalOf({ template })).toMatchObject({
    code: 'BAD_TEMPLATE',
    exit: 2,
    message: expect.stringContaining(template),
  });
});

test('engines are of nodes that there will be, and exist', () => {
  expect(refusalOf({ engines: { [PORT + 6]: 'redis' } })).toMatchObject({
    code: 'BAD_SPEC',
    why: `engines: no node will have port ${PORT + 6}; the nodes are ${PORT}-${PORT + 5}`,
  });
  expect(refusalOf({ engines: { [PORT + 5]: 'nosuch' } })).toMatchObject({ code: 'NO_ENGINE', exit: 2 });
});

test('a name that is taken is told before anything else happens', () => {
  const home = makeHome();
  mkdirSync(join(home, 'default'));
  writeFileSync(join(home, 'default', 'cluster.yaml'), '');
  expect(refusalOf({}, home)).toMatchObject({ code: 'CLUSTER_EXISTS', exit: 6 });
});

test('a bundled replica of another engine is warned of', () => {
  const engine = engineOf('Redis server v=7.2.4');
  const { warnings } = refusalOf({ engine, engines: { [PORT + 4]: 'bundled' } }) as { warnings: string[] };
  expect(warnings).toEqual([
    expect.stringMatching(`^node ${PORT + 4} runs the bundled server and will replicate node ${PORT},`),
  ]);
  expect(refusalOf({ engines: { [PORT + 4]: engine } })).toMatchObject({ warnings: [] });
});

test('there is no heading over a cluster that is not begun', async () => {
  const { stderr, status } = await rkv(['cluster', 'create', '--config', 'nosuch=1'], { home: makeHome() });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^Error: /);
  const file = join(makeHome(), 'file');
  writeFileSync(file, '');
  const ran = await rkv(['cluster', 'create'], { home: file });
  expect(ran.status).toBe(2);
  expect(ran.stderr).toMatch(/^Error: the folder .* cannot be used\n {2}why {4}.* is not a folder\n/);
});
