import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clusterNames, defaultHome, nodePorts, packagedFile } from '../../src/cluster/layout.ts';
import { makeHome } from './servers.ts';

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
  expect(packagedFile('templates', 'node.conf')).toBe(join(import.meta.dirname, '../../templates/node.conf'));
});
