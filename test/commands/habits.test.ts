import { expect, test } from 'vitest';
import { asOclifExpects, commandsMeant } from '../../src/cli.ts';
import { insteadOfRedisCli } from '../../src/cluster/redis-cli-habits.ts';

test.each([
  ['help', '--help'],
  ['help cluster create', 'cluster create --help'],
  ['-h', '--help'],
  ['cluster create -h', 'cluster create --help'],
  ['cli -h', 'cli --help'],
  ['cli -h 10.0.0.1 PING', 'cli -h 10.0.0.1 PING'],
  ['verify -- -h', 'verify -- -h'],
  ['cluster create', 'cluster create'],
])('rkv %s is rkv %s', (typed, meant) => {
  expect(asOclifExpects(typed.split(' ')).join(' ')).toBe(meant);
});

const KNOWN = ['cluster create', 'cluster list', 'cluster stop', 'node list', 'node stop', 'status', 'verify', 'watch'];

test.each([
  ['create', ['cluster create']],
  ['cluster craete', ['cluster create']],
  ['clutser create', ['cluster create']],
  ['verfiy', ['verify']],
  ['stop', ['cluster stop', 'node stop']],
  ['node frobnicate', []],
  ['frobnicate', []],
])('rkv %s was meant to be one of %j', (typed, meant) => {
  expect(commandsMeant(typed.split(' '), KNOWN)).toEqual(meant);
});

test.each([
  ['check', ['h:1'], ['rkv verify h:1']],
  ['create', ['h:1', 'h:2', '--cluster-replicas', '1'], ['rkv cluster create h:1 h:2 --replicas 1']],
  ['add-node', ['h:2', 'h:1'], ['rkv node add h:2 --cluster h:1']],
  ['del-node', ['h:1', 'abcd'], ['rkv node remove abcd --cluster h:1']],
  ['reshard', ['h:1'], ['redis-cli --cluster reshard h:1']],
  ['blue', [], null],
])('redis-cli --cluster %s %j is %j', (sub, words, instead) => {
  expect(insteadOfRedisCli(sub, words)?.commands ?? null).toEqual(instead);
  expect(insteadOfRedisCli(sub, words)?.isOwn ?? null).toBe(instead && sub !== 'reshard');
});
