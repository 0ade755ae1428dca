import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  clusterFolder,
  clusterNames,
  defaultHome,
  makeFolder,
  nodePorts,
  packagedFile,
} from '../../../src/cluster/machine/layout.ts';
import { destroyCluster } from '../../../src/cluster/operations/lifecycle.ts';
import { findMistakes } from '../../../src/cluster/spec/validate.ts';
import { makeHome, TIMEOUT_MS } from '../servers.ts';

test('the home is RKV_HOME, or in the state folder of the user', () => {
  expect(defaultHome({ RKV_HOME: '/a/b', XDG_STATE_HOME: '/x' })).toBe('/a/b');
  expect(defaultHome({ XDG_STATE_HOME: '/x' })).toBe('/x/rkv');
  expect(defaultHome({})).toBe(join(homedir(), '.local/state/rkv'));
});

test('only folders with a spec are clusters, only numbers are nodes', () => {
  const home = makeHome();
  for (const name of ['b', 'a', 'empty']) mkdirSync(join(home, name, 'nodes', '7001'), { recursive: true });
  mkdirSync(join(home, 'a', 'nodes', '7000'));
  mkdirSync(join(home, 'a', 'nodes', 'backup'));
  for (const name of ['b', 'a']) writeFileSync(join(home, name, 'cluster.yaml'), '');
  expect(clusterNames(home)).toEqual(['a', 'b']);
  expect(nodePorts(join(home, 'a'))).toEqual([7000, 7001]);
  expect(clusterNames(join(home, 'nowhere'))).toEqual([]);
});

test('files of the package are found from wherever the code runs', () => {
  expect(packagedFile('templates', 'node.conf')).toBe(join(import.meta.dirname, '../../../templates/node.conf'));
});

test.each(['../victim', '..', '.', '', '/etc', 'a/b', 'a\\..\\b/..', '.hidden', 'blue.lock', 'a\0b', 'x'.repeat(65)])(
  'a cluster cannot be called %j: a name is one folder of the home',
  (name) => {
    const home = makeHome();
    expect(() => clusterFolder(home, name)).toThrow('is not the name of a cluster');
    expect(findMistakes({ name })).toHaveLength(1);
  },
);

test('a folder of the home with another name is no cluster, and a node is called by a port', () => {
  const home = makeHome();
  for (const name of ['.trash', 'b.lock', 'x'.repeat(65)]) {
    mkdirSync(join(home, name), { recursive: true });
    writeFileSync(join(home, name, 'cluster.yaml'), '');
  }
  expect(clusterNames(home)).toEqual([]);
  for (const port of ['0', '07000', '65536', '99999999'])
    mkdirSync(join(home, 'a', 'nodes', port), { recursive: true });
  expect(nodePorts(join(home, 'a'))).toEqual([]);
});

test('a home that is a file, or where the system lets nobody write, is refused at once', () => {
  const file = join(makeHome(), 'file');
  writeFileSync(file, '');
  expect(() => clusterNames(file)).toThrow(`the folder ${file} cannot be used`);
  expect(() => makeFolder(join(file, 'a'))).toThrow(`the folder ${file}/a cannot be used`);
  expect(() => makeFolder('/proc/nowhere/a')).toThrow('the folder /proc/nowhere/a cannot be used');
});

test('a cluster whose folder is a link is one of the home, and is destroyed with what the link leads to', async () => {
  const home = makeHome();
  const elsewhere = join(makeHome(), 'disk');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'cluster.yaml'), 'version: 1\nname: far\n');
  symlinkSync(elsewhere, join(home, 'far'));
  symlinkSync(join(home, 'nowhere'), join(home, 'lost'));
  expect(clusterNames(home)).toEqual(['far']);
  for await (const _ of destroyCluster({ home, name: 'far', timeout_ms: TIMEOUT_MS }));
  expect([clusterNames(home), existsSync(elsewhere)]).toEqual([[], false]);
});

test('of what else lies in the folder that a link leads to, a destroy removes nothing', async () => {
  const home = makeHome();
  const elsewhere = makeHome();
  mkdirSync(join(elsewhere, 'nodes', '7000'), { recursive: true });
  mkdirSync(join(elsewhere, 'letters'));
  for (const file of ['cluster.yaml', 'nodes/7000/node.conf', 'letters/one']) writeFileSync(join(elsewhere, file), '');
  symlinkSync(elsewhere, join(home, 'far'));
  for await (const _ of destroyCluster({ home, name: 'far', timeout_ms: TIMEOUT_MS }));
  expect([clusterNames(home), readdirSync(elsewhere), existsSync(join(elsewhere, 'letters/one'))]).toEqual([
    [],
    ['letters'],
    true,
  ]);
});
