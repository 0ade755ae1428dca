import { describe, expect, test } from 'vitest';
import { changesBetween } from '../../../src/cluster/observe/watch.ts';
import type { NodeView, Topology } from '../../../src/cluster/topology/view.ts';
import { renderLines } from '../../../src/view/line.ts';
import { slotBar, sparkline, watchLines } from '../../../src/view/watch.ts';
import { sampleTopology, terminalOf } from '../../view/sample-cluster.ts';

const plain = { color: false, unicode: true };

function withNode(topology: Topology, port: number, change: Partial<NodeView>): Topology {
  return { ...topology, nodes: topology.nodes.map((node) => (node.port === port ? { ...node, ...change } : node)) };
}

function sentences(before: Topology, after: Topology): string[] {
  return changesBetween(before, after).map(({ severity, text }) => `${severity}: ${text}`);
}

describe('what has happened between two looks', () => {
  const calm = sampleTopology();

  test('is nothing where nothing changed', () => {
    expect(sentences(calm, sampleTopology())).toEqual([]);
  });

  test('tells a failure and its failover', () => {
    const failed = {
      ...withNode(calm, 7000, { reachable: false, error: 'connect ECONNREFUSED', seenAs: ['fail'] }),
      slotsServed: 16_384 - 5461,
      state: 'fail' as const,
    };
    expect(sentences(calm, failed)).toEqual([
      'bad: 127.0.0.1:7000 no longer answers (connect ECONNREFUSED)',
      'bad: 127.0.0.1:7000 is marked as failed by the other nodes',
      'bad: 5,461 slots not served',
      'bad: cluster state: fail',
    ]);
    const promoted = withNode({ ...failed, state: 'ok', slotsServed: 16_384 }, 7004, {
      role: 'primary',
      slotCount: 5461,
      shard: 1,
      epoch: 8,
    });
    expect(sentences(failed, promoted)).toEqual([
      'good: 127.0.0.1:7004 was promoted to primary of shard 1 (epoch 8)',
      'good: cluster state: ok',
    ]);
    expect(sentences(failed, { ...failed, state: 'degraded' })).toEqual(['warning: cluster state: degraded']);
    const back = withNode(promoted, 7000, {
      reachable: true,
      role: 'replica',
      primaryId: '7004'.repeat(10),
      slotCount: 0,
      seenAs: [],
    });
    expect(sentences(promoted, back)).toEqual([
      'good: 127.0.0.1:7000 is back',
      'note: 127.0.0.1:7000 is now a replica of 127.0.0.1:7004',
    ]);
  });

  test('tells nodes that come, go, move slots and change their primary', () => {
    const without = { ...calm, nodes: calm.nodes.filter(({ port }) => port !== 7003) };
    expect(sentences(without, calm)).toEqual(['note: 127.0.0.1:7003 is new, a replica']);
    expect(sentences(calm, without)).toEqual(['note: 127.0.0.1:7003 is no longer part of the cluster']);
    expect(sentences(calm, withNode(calm, 7000, { slotCount: 4461 }))).toEqual([
      'note: 127.0.0.1:7000 lost 1,000 slots',
    ]);
    expect(sentences(calm, withNode(calm, 7003, { primaryId: '7000'.repeat(10) }))).toEqual([
      'note: 127.0.0.1:7003 now follows 127.0.0.1:7000',
    ]);
    const down = withNode(calm, 7003, {
      replication: {
        link: 'down',
        downReason: null,
        refusedCommand: null,
        syncing: false,
        offset: 1,
        lag_bytes: null,
        connectedReplicas: null,
      },
    });
    expect(sentences(calm, down)).toEqual(['bad: 127.0.0.1:7003 lost the link to its primary']);
    expect(sentences(down, calm)).toEqual(['good: 127.0.0.1:7003 has a link to its primary again']);
  });
});

describe('the live view of a cluster', () => {
  test('fits its terminal', () => {
    const event = { at_ms: Date.UTC(2026, 10, 23, 12), severity: 'good' as const, text: '127.0.0.1:7005 is back' };
    for (const columns of [80, 140]) {
      const snapshot = { topology: sampleTopology(), traffic: [0, 100, 812], events: [event] };
      const rows = renderLines(watchLines(snapshot, terminalOf(columns)), plain).split('\n');
      expect(Math.max(...rows.map((row) => [...row].length))).toBeLessThanOrEqual(columns);
      expect(rows[0]).toContain('5/6 up');
      expect(rows.some((row) => row.endsWith('✓ 127.0.0.1:7005 is back'))).toBe(true);
    }
  });

  test('shows in the bar which slots nobody serves', () => {
    const topology = sampleTopology();
    const shards = topology.shards.map((shard) =>
      shard.number === 2 ? { ...shard, primary: { ...shard.primary, reachable: false } } : shard,
    );
    expect(renderLines([slotBar({ ...topology, shards }, { columns: 40 })], plain)).toBe(
      ` slots  ▒▒▒ 1 ▒▒▒▒${'░'.repeat(11)}▒▒▒ 3 ▒▒▒▒\n`,
    );
  });

  test('uses the whole width for the bar, and leaves out names that do not fit', () => {
    const bars = [24, 80, 200].map((columns) => renderLines([slotBar(sampleTopology(), { columns })], plain).trimEnd());
    expect(bars.map((bar) => [...bar].length)).toEqual([23, 79, 199]);
    expect(bars[1]).toMatch(/▒ 1 ▒+█+ 2 █+▒+ 3 ▒+$/);
    expect(renderLines([slotBar(sampleTopology(), { columns: 18 })], plain)).toBe(' slots  ▒▒▒███▒▒▒\n');
  });

  test('draws traffic relative to its peak', () => {
    expect(sparkline([0, 50, 100]).text).toBe('▁▅█');
    expect(sparkline([0, 0]).text).toBe('▁▁');
  });
});
