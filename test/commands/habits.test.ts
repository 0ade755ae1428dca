import { expect, test } from 'vitest';
import { asOclifExpects } from '../../src/cli.ts';
import { insteadOfRedisCli } from '../../src/cluster/cli/redis-cli-habits.ts';
import { whatWasMeant } from '../../src/view/unknown-command.ts';
import { rkv } from './rkv.ts';

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

const KNOWN = [
  ...['cluster create', 'cluster destroy', 'cluster list', 'cluster start', 'cluster stop'],
  ...['node add', 'node kill', 'node list', 'node logs', 'node remove', 'node start', 'node stop'],
  ...['cli', 'status', 'verify', 'watch'],
];

test.each([
  ['create', ['cluster create']],
  ['cluster craete', ['cluster create']],
  ['clutser create', ['cluster create']],
  ['create -c maxmemory=1gb', ['cluster create -c maxmemory=1gb']],
  ['verfiy', ['verify']],
  ['stop', ['cluster stop', 'node stop']],
  ['start 7000', ['node start 7000']],
  ['start blue', ['cluster start blue']],
  ['kill 7000', ['node kill 7000']],
  ['add', ['node add']],
  ['logs -f', ['node logs -f']],
  ['ps', ['cluster list', 'node list']],
  ['ls', ['cluster list', 'node list']],
  ['cluster ls', ['cluster list']],
  ['node rm 7006', ['node remove 7006']],
  ['cluster verify', ['verify']],
  ['cluster kill 7000', ['node kill 7000']],
  ['rebalance h:1', ['redis-cli --cluster rebalance h:1']],
  ['get "two words"', ["cli get '\"two' 'words\"'"]],
  ['dbsize', ['cli dbsize']],
  ['node frobnicate', []],
  ['frobnicate', []],
])('rkv %s was meant to be one of %j', (typed, meant) => {
  expect(whatWasMeant(typed.split(' '), KNOWN).commands).toEqual(meant);
});

test('only the words that name no command are called unknown', async () => {
  const ran = await rkv(['kill', '7000', '--json']);
  expect(JSON.parse(ran.stdout).error).toMatchObject({
    message: "unknown command 'kill'",
    why: "did you mean 'node kill 7000 --json'?",
    exit: 2,
  });
  expect(whatWasMeant(['node', 'frobnicate', '7000'], KNOWN).words).toBe('node frobnicate');
});

test('an argument too many is no unknown command', async () => {
  const ran = await rkv(['cluster', 'list', 'extra']);
  expect(ran.stderr).toContain('unexpected argument: extra');
  expect(ran.stderr).not.toContain('did you mean');
  expect(ran.status).toBe(2);
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

test('help tells the version in the words of --version', async () => {
  const [help, version] = await Promise.all([rkv(['--help']), rkv(['--version'])]);
  expect(help.stdout).toContain(`VERSION\n  ${version.stdout}`);
});
