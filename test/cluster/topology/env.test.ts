import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { environmentOf, formatEnvironment } from '../../../src/cluster/topology/env.ts';
import { targetOf } from '../../../src/cluster/topology/target.ts';
import { healthy, topologyOf } from '../topology-fixture.ts';

const target = targetOf([{ host: 'h', port: 7000 }]);

test('all nodes that answer are named, primaries first', () => {
  const topology = healthy((told) => (told.port === 7001 ? { ...told, view: null } : told));
  expect(environmentOf(topology, target)).toEqual({
    REDIS_URL: 'redis://h:7000',
    REDIS_CLUSTER_NODES: 'h:7000,h:7002,h:7003,h:7004,h:7005',
  });
});

test('with nobody up, the addresses are where the cluster will be', () => {
  expect(environmentOf(topologyOf([{ port: 7000, view: null }]), target).REDIS_CLUSTER_NODES).toBe('h:7000');
});

test('passwords and TLS are told, encoded where they are part of a URL', () => {
  const access = { password: 'p@ss', tls: { ca: '', cert: '', key: '' } };
  expect(environmentOf(healthy(), { ...target, folder: '/state/default', access })).toMatchObject({
    REDIS_URL: 'rediss://:p%40ss@h:7000',
    REDIS_PASSWORD: 'p@ss',
    REDIS_TLS: 'true',
    REDIS_CA_FILE: '/state/default/tls/ca.crt',
  });
});

test('a shell reads back what was written, whatever is in it', () => {
  const value = 'it\'s "$HOME" `x` \\ #1';
  const text = formatEnvironment({ REDIS_PASSWORD: value }, 'shell');
  expect(execFileSync('sh', ['-c', `${text}; printf %s "$REDIS_PASSWORD"`], { encoding: 'utf8' })).toBe(value);
});

test('the other formats are JSON and .env', () => {
  expect(JSON.parse(formatEnvironment({ A: '1' }, 'json'))).toEqual({ A: '1' });
  expect(formatEnvironment({ A: 'x:1,y:2', B: 'a b"$' }, 'dotenv')).toBe('A=x:1,y:2\nB="a b\\"\\$"');
});
