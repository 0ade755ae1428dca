import { expect, test } from 'vitest';
import { healthy, idOf, infoOf, line, topologyOf } from '../topology-fixture.ts';

test('shards stand in slot order, each with its replicas', () => {
  const { shards, others, state, epoch, slotsServed } = healthy();
  expect(
    shards.map(({ number, primary, replicas }) => [number, primary.port, replicas.map(({ port }) => port)]),
  ).toEqual([
    [1, 7000, [7004]],
    [2, 7001, [7005]],
    [3, 7002, [7003]],
  ]);
  expect({ others, state, epoch, slotsServed }).toEqual({ others: [], state: 'ok', epoch: 6, slotsServed: 16384 });
});

test('keys are counted once, at the primaries; memory and work everywhere', () => {
  const { keys, memory_bytes, ops_per_s } = healthy();
  expect({ keys, memory_bytes, ops_per_s }).toEqual({ keys: 15, memory_bytes: 6000, ops_per_s: 12 });
});

test('a replica is as far behind as its primary is ahead', () => {
  const { shards } = healthy((told) => (told.port === 7000 ? { ...told, info: infoOf(false, 'up', 350) } : told));
  expect(shards[0]!.replicas[0]!.replication).toMatchObject({ link: 'up', lag_bytes: 250 });
  expect(shards[1]!.replicas[0]!.replication).toMatchObject({ link: 'up', lag_bytes: 0 });
});

test('a node that does not answer is what the others say of it, with the reason', () => {
  const topology = healthy((told) => (told.port === 7001 ? { ...told, view: null } : told));
  const node = topology.nodes.find(({ port }) => port === 7001)!;
  expect(node).toMatchObject({
    reachable: false,
    error: 'its server does not run',
    silence: 'stopped',
    role: 'primary',
    shard: 2,
    slotCount: 5462,
  });
  expect(node.id).toBe(idOf(7001));
  expect(topology.slotsServed).toBe(16384 - 5462);
});

test('after a failover the slots are those of the new primary, whatever others still say of the dead one', () => {
  const took = line(7004, { slots: '0-5460', epoch: 7 });
  const topology = healthy((told) => {
    if (told.port === 7000) return { ...told, view: null };
    if (told.port !== 7004) return told;
    return { ...told, info: infoOf(false), view: told.view!.replace(/^.* h:7004@.*$/m, took) };
  });
  expect(topology.shards.map(({ number, primary }) => [number, primary.port])).toEqual([
    [1, 7004],
    [2, 7001],
    [3, 7002],
  ]);
  expect(topology.slotsServed).toBe(16_384);
  expect(topology.nodes[0]).toMatchObject({ port: 7000, reachable: false, slotCount: 0, shard: 0 });
});

test('a node that was only heard of is in the topology', () => {
  const topology = topologyOf([{ port: 7000, view: `${line(7000, { slots: '0-16383' })}\n${line(7009)}` }]);
  expect(topology.nodes.map(({ port, reachable }) => [port, reachable])).toEqual([
    [7000, true],
    [7009, false],
  ]);
  expect(topology.others.map(({ port }) => port)).toEqual([7009]);
});

test('a node that nobody can name has no id', () => {
  const topology = topologyOf([{ port: 7000, view: null }]);
  expect(topology).toMatchObject({ state: 'stopped', epoch: null, shards: [] });
  expect(topology.nodes[0]).toMatchObject({ id: null, address: 'h:7000', role: 'unknown' });
});

test('a node that is a cluster by itself waits for nobody; one that lacks slots or others does', () => {
  const alone = (slots: string): string => topologyOf([{ port: 7000, view: line(7000, { slots }) }]).nodes[0]!.activity;
  expect(alone('0-16383')).toBe('normal');
  expect(alone('0-5460')).toBe('joining');
  expect(alone('')).toBe('joining');
});

test('nodes say what they are busy with', () => {
  const view = `${line(7000, { slots: `0-16383 [7->-${idOf(7001)}]` })}\n${line(7001)}`;
  const topology = topologyOf([
    { port: 7000, view },
    { port: 7001, view },
  ]);
  expect(topology.nodes.map(({ activity }) => activity)).toEqual(['moving', 'joining']);
});
