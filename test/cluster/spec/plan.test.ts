import { expect, test } from 'vitest';
import { planCluster } from '../../../src/cluster/spec/plan.ts';
import { DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';

test('the default plan is three shards on ports 7000 to 7005', () => {
  const plan = planCluster(DEFAULT_SPEC, { home: '/state/rkv' });
  expect(plan.folder).toBe('/state/rkv/default');
  expect(plan.warnings).toEqual([]);
  expect(
    plan.nodes.map(({ port, busPort, role, shard, slots, replicaOf }) => [
      port,
      busPort,
      role,
      shard,
      slots,
      replicaOf,
    ]),
  ).toEqual([
    [7000, 17000, 'primary', 1, [{ start: 0, end: 5460 }], null],
    [7001, 17001, 'primary', 2, [{ start: 5461, end: 10922 }], null],
    [7002, 17002, 'primary', 3, [{ start: 10923, end: 16383 }], null],
    [7003, 17003, 'replica', 3, [], 7002],
    [7004, 17004, 'replica', 1, [], 7000],
    [7005, 17005, 'replica', 2, [], 7001],
  ]);
  expect(plan.nodes[4]).toMatchObject({
    folder: '/state/rkv/default/nodes/7004',
    engine: 'bundled',
    host: '127.0.0.1',
  });
});

test('a plan is the same each time, and survives JSON', () => {
  const plan = planCluster({ ...DEFAULT_SPEC, primaries: 5, replicas: 2 }, { home: '/state' });
  expect(planCluster({ ...DEFAULT_SPEC, primaries: 5, replicas: 2 }, { home: '/state' })).toEqual(plan);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  expect(plan.nodes).toHaveLength(15);
});

test('nodes may run on engines of their own', () => {
  const plan = planCluster({ ...DEFAULT_SPEC, engines: { '7001': 'redis' } }, { home: '/state' });
  expect(plan.nodes.map(({ engine }) => engine)).toEqual([
    'bundled',
    'redis',
    'bundled',
    'bundled',
    'bundled',
    'bundled',
  ]);
});

test.each([
  [{ primaries: 1 }, /with one primary, no majority/],
  [{ primaries: 2 }, /with two primaries, no majority/],
  [{ replicas: 0 }, /no replicas/],
  [{ host: '10.0.0.5' }, /no password: anyone who can reach 10.0.0.5/],
])('%j comes with a warning', (change, warning) => {
  const { warnings } = planCluster({ ...DEFAULT_SPEC, ...change }, { home: '/state' });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(warning);
});

test('a directive without effect is told before anything is made, unless no node is the bundled server', () => {
  const config = { 'io-threads': '4', maxclients: '100' };
  const warned = (engine: string) =>
    planCluster({ ...DEFAULT_SPEC, engine, config }, { home: '/home' }).warnings.filter((text) =>
      text.includes('no effect'),
    );
  expect(warned('bundled')).toEqual([expect.stringMatching(/^io-threads has no effect in the bundled server: /)]);
  expect(warned('redis')).toEqual([]);
});
