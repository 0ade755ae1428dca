import { expect, test } from 'vitest';
import { CliFailure } from '../../../src/cluster/run/failure.ts';
import { selectNodes, selectOne } from '../../../src/cluster/topology/selector.ts';
import { healthy, idOf } from '../topology-fixture.ts';

const topology = healthy((told) => (told.port === 7004 ? { ...told, view: null } : told));
const caught = (run: () => unknown): CliFailure => {
  try {
    run();
  } catch (error) {
    if (error instanceof CliFailure) return error;
  }
  return expect.unreachable();
};
const ports = (selector: string): number[] => selectNodes(topology, selector).map(({ port }) => port);

test.each([
  ['7001', [7001]],
  ['h:7001', [7001]],
  [idOf(7002), [7002]],
  ['primary', [7000, 7001, 7002]],
  ['replica', [7003, 7004, 7005]],
  ['master', [7000, 7001, 7002]],
  ['slave down', [7004]],
  ['down', [7004]],
  ['up replica', [7003, 7005]],
  ['shard:2', [7001, 7005]],
  ['shard:2 replica', [7005]],
  ['slot:10923 primary', [7002]],
  ['7005 7001', [7001, 7005]],
  ['7001 7004 7005 down', [7004]],
  ['7001 h:7002 replica shard:2 7005', [7005]],
  ['all', [7000, 7001, 7002, 7003, 7004, 7005]],
])('%s names %j', (selector, expected) => {
  expect(ports(selector)).toEqual(expected);
});

test.each(['', '7009', 'shard:0', 'shard:9', 'primary replica', 'zzz', '0000', 'slot:16384'])(
  '%j names nobody, which is an error',
  (selector) => {
    expect(() => ports(selector)).toThrow(`no node matches '${selector}'`);
  },
);

test('a word that is nearly a selector leads to it', () => {
  const failure = caught(() => ports('primaries down'));
  expect(failure.suggestions[0]).toBe("did you mean 'primary'?");
  expect(caught(() => ports('7009')).why).toBe('its nodes are primaries 7000-7002, replicas 7003-7005');
  expect(caught(() => ports('7009')).suggestions[0]).toBe('a port, an address or the beginning of an id');
});

test('words that contradict each other are told from words that fit nothing', () => {
  expect(caught(() => ports('shard:1 shard:2')).why).toMatch(/^words that describe nodes narrow: /);
  expect(caught(() => ports('7003 primary')).why).toMatch(/^words that describe nodes narrow: /);
  expect(caught(() => ports('shard:1 7009')).why).toMatch(/^its nodes are /);
});

test('an id prefix that several nodes share is an error, never a guess', () => {
  expect(() => ports('000000')).toThrow("'000000' is ambiguous: 6 node ids begin with it");
});

test('one unknown name among several is an error', () => {
  expect(() => ports('7001 7009')).toThrow("no node matches '7009'");
});

test('where one node is needed, several are an error that names them', () => {
  expect(selectOne(topology, '7003').port).toBe(7003);
  expect(() => selectOne(topology, 'shard:1')).toThrow("'shard:1' names 2 nodes, but exactly one is needed");
});

test.each([
  ['shard:9', 'shards are numbered from shard:1 to shard:3'],
  ['shard:0', 'shards are numbered from shard:1 to shard:3'],
  ['slot:99999 primary', 'slots are numbered from slot:0 to slot:16383'],
])('a number that there is not is told with those there are: %s', (selector, why) => {
  expect(caught(() => ports(selector)).why).toBe(why);
});

test('a slot of nobody is told apart from one that does not exist', () => {
  const bare = healthy((told) => ({ ...told, view: told.view!.replace('0-5460', '0-100') }));
  expect(caught(() => selectNodes(bare, 'slot:200')).why).toBe('no node owns slot 200');
});
