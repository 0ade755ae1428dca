import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { SLOTS } from '../../../src/base/slot.ts';
import { affinityScore, allocateSlots, interleaveByHost, placeNodes } from '../../../src/cluster/spec/allocate.ts';

const ends = (primaries: number): number[] => allocateSlots(primaries).map(({ end }) => end);

describe('slots', () => {
  test.each([
    [1, [16383]],
    [2, [8191, 16383]],
    [3, [5460, 10922, 16383]],
    [5, [3276, 6553, 9829, 13106, 16383]],
    [6, [2730, 5460, 8191, 10922, 13652, 16383]],
    [7, [2340, 4680, 7021, 9361, 11702, 14042, 16383]],
  ])('of %i primaries end where redis-cli ends them', (primaries, expected) => {
    expect(ends(primaries)).toEqual(expected);
  });

  test('differ from 64-bit arithmetic from 78 primaries on, as those of redis-cli do', () => {
    const in64Bits = (primaries: number): number[] =>
      Array.from({ length: primaries }, (_, index) => Math.round((index + 1) * (SLOTS / primaries) - 1));
    expect(ends(77)).toEqual(in64Bits(77));
    expect(ends(78)).not.toEqual(in64Bits(78));
  });

  test('cover everything once, whatever the number of primaries', () => {
    for (let primaries = 1; primaries <= 1000; primaries++) {
      const ranges = allocateSlots(primaries);
      const starts = ranges.map(({ start }) => start);
      expect(starts).toEqual([0, ...ranges.slice(0, -1).map(({ end }) => end + 1)]);
      expect(ranges.every(({ start, end }) => start <= end)).toBe(true);
      expect(ranges.at(-1)?.end).toBe(SLOTS - 1);
      expect(ranges).toHaveLength(primaries);
    }
  });
});

const nodesOn = (...hosts: string[]): { host: string; port: number }[] =>
  hosts.map((host, index) => ({ host, port: 7000 + index }));

describe('placement', () => {
  test('takes one node of each host in turn', () => {
    const mixed = interleaveByHost(nodesOn('a', 'a', 'a', 'b', 'b', 'c'));
    expect(mixed.map(({ host, port }) => `${host}${port}`)).toEqual([
      'a7000',
      'b7003',
      'c7005',
      'a7001',
      'b7004',
      'a7002',
    ]);
  });

  test('on one host gives the replicas that redis-cli would give', () => {
    const placement = placeNodes(nodesOn(...Array<string>(6).fill('a')), {
      primaries: 3,
      replicas: 1,
      prng: new Prng(1),
    });
    expect(placement.shards.map(({ primary, replicas }) => [primary.port, replicas.map(({ port }) => port)])).toEqual([
      [7000, [7004]],
      [7001, [7005]],
      [7002, [7003]],
    ]);
  });

  test('keeps replicas off the host of their primary wherever that is possible', () => {
    for (let seed = 0; seed < 50; seed++) {
      const nodes = nodesOn('a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c');
      const { shards, score } = placeNodes(nodes, { primaries: 3, replicas: 2, prng: new Prng(seed) });
      expect(score, `seed ${seed}`).toBe(0);
      for (const { primary, replicas } of shards) {
        expect(new Set([primary.host, ...replicas.map(({ host }) => host)]).size).toBe(3);
      }
    }
  });

  test('uses every node, extra ones as replicas', () => {
    const { shards } = placeNodes(nodesOn('a', 'b', 'c', 'a', 'b', 'c', 'a', 'b'), {
      primaries: 3,
      replicas: 1,
      prng: new Prng(3),
    });
    expect(
      shards.flatMap(({ primary, replicas }) => [primary.port, ...replicas.map(({ port }) => port)]).sort(),
    ).toEqual([7000, 7001, 7002, 7003, 7004, 7005, 7006, 7007]);
  });

  test('is the same for the same seed', () => {
    const place = (seed: number): unknown =>
      placeNodes(nodesOn('a', 'a', 'a', 'b', 'b', 'c'), { primaries: 2, replicas: 2, prng: new Prng(seed) });
    expect(place(7)).toEqual(place(7));
  });

  test('scores a replica beside its primary worse than two replicas side by side', () => {
    const [a, b] = [{ host: 'a' }, { host: 'b' }];
    expect(affinityScore([{ primary: a, replicas: [a] }])).toBe(10_000);
    expect(affinityScore([{ primary: a, replicas: [b, b] }])).toBe(2);
    expect(affinityScore([{ primary: a, replicas: [b] }])).toBe(0);
  });
});
