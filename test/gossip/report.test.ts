import { describe, expect, test } from 'vitest';
import { FAILED, formatFlags, NO_ADDRESS, NO_FAILOVER, parseFlags, SUSPECTED } from '../../src/server/gossip/flags.ts';
import { formatNodesConf } from '../../src/server/gossip/nodes-conf.ts';
import {
  clusterInfo,
  countFailureReports,
  linkViews,
  nodeLine,
  nodesText,
  ownedRanges,
  shards,
} from '../../src/server/gossip/report.ts';
import type { State } from '../../src/server/gossip/state.ts';
import { A, B, header, heartbeat, Lab, ME, R, range } from './support.ts';

/** We own 0-99 and 500, A owns 100-199 and has R for replica. */
function lab(): Lab {
  const made = new Lab();
  made.command({ type: 'addSlots', slots: [...Array.from({ length: 100 }, (_, slot) => slot), 500] });
  made.know(A, { slots: range(100, 199), epoch: 2 });
  made.know(R, { primary: A, slots: range(100, 199), epoch: 2 });
  return made;
}

test('CLUSTER INFO of a node alone is what Redis says', () => {
  const made = new Lab();
  made.command({ type: 'setConfigEpoch', epoch: 1 });
  made.state.size = 1;
  expect(clusterInfo(made.state)).toBe(
    'cluster_state:fail\r\ncluster_slots_assigned:0\r\ncluster_slots_ok:0\r\ncluster_slots_pfail:0\r\n' +
      'cluster_slots_fail:0\r\ncluster_known_nodes:1\r\ncluster_size:1\r\ncluster_current_epoch:1\r\n' +
      'cluster_my_epoch:1\r\ncluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n' +
      'total_cluster_links_buffer_limit_exceeded:0\r\n',
  );
});

test('CLUSTER INFO counts slots by the health of their owners, and messages by kind', () => {
  const made = lab();
  made.node(A).flags |= FAILED;
  const text = clusterInfo(made.state);
  for (const line of [
    'cluster_slots_assigned:201',
    'cluster_slots_ok:101',
    'cluster_slots_fail:100',
    'cluster_known_nodes:3',
    'cluster_size:2',
    'cluster_stats_messages_meet_sent:2',
    'cluster_stats_messages_pong_received:2',
    'cluster_stats_messages_received:2',
  ]) {
    expect(text).toContain(`${line}\r\n`);
  }
  made.node(A).flags ^= FAILED | SUSPECTED;
  expect(clusterInfo(made.state)).toContain('cluster_slots_pfail:100\r\n');
});

const lineOf = ({ state }: Lab, node: State['myself']): string => nodeLine(state, node, node.port);

describe('CLUSTER NODES', () => {
  test('a line tells id, address, flags, primary, times, epoch, link and slots', () => {
    const made = lab();
    const now = made.world.now_ms;
    expect(lineOf(made, made.node(A))).toBe(`${A} 10.0.0.9:7001@17001 master - 0 ${now} 2 connected 100-199`);
    expect(lineOf(made, made.node(R))).toBe(`${R} 10.0.0.9:7004@17004 slave ${A} 0 ${now} 2 connected`);
    made.node(A).hostname = 'a.example';
    made.step({ type: 'linkDown', link: made.node(A).link });
    expect(lineOf(made, made.node(A))).toBe(
      `${A} 10.0.0.9:7001@17001,a.example master - ${now} ${now} 2 disconnected 100-199`,
    );
  });

  test('our own line ends with the open slots', () => {
    const made = lab();
    made.command({ type: 'setSlotImporting', slot: 101, node: A });
    made.command({ type: 'setSlotMigrating', slot: 7, node: A });
    expect(lineOf(made, made.state.myself)).toBe(
      `${ME} :7000@17000 myself,master - 0 0 0 connected 0-99 500 [7->-${A}] [101-<-${A}]`,
    );
  });

  test('every line ends', () => {
    expect(nodesText(lab().state, { tls: false }).split('\n')).toHaveLength(4);
  });
});

test('CLUSTER SLOTS has ranges in order, with those replicas that have data and are well', () => {
  const made = lab();
  const read = (): unknown =>
    ownedRanges(made.state, 10).map(({ start, end, nodes }) => [start, end, nodes.map((n) => n.id)]);
  expect(read()).toEqual([
    [0, 99, [ME]],
    [100, 199, [A, R]],
    [500, 500, [ME]],
  ]);
  made.node(R).offset = 0;
  expect(ownedRanges(made.state, 10)[1]!.nodes).toHaveLength(1);
  made.node(R).offset = 1;
  made.node(R).flags |= FAILED;
  expect(ownedRanges(made.state, 10)[1]!.nodes).toHaveLength(1);
});

test('CLUSTER SLOTS shows ourselves by the rule for the others: not as a replica without data', () => {
  const made = lab();
  made.command({ type: 'flushSlots' });
  made.command({ type: 'replicate', node: A });
  const readers = (myOffset: number): string[] => ownedRanges(made.state, myOffset)[0]!.nodes.map(({ id }) => id);
  expect(readers(0)).toEqual([A, R]);
  expect(readers(1).sort()).toEqual([ME, R, A].sort());
});

test('CLUSTER SLOTS reaches to the last slot', () => {
  const made = new Lab();
  made.command({ type: 'addSlots', slots: [16382, 16383] });
  expect(ownedRanges(made.state, 10)).toMatchObject([{ start: 16382, end: 16383 }]);
});

test('CLUSTER SHARDS has an entry for each primary, also one without slots, and tells the health of each node', () => {
  const made = lab();
  made.know(B);
  made.node(R).offset = 0;
  const view = shards(made.state, 77).map(({ slots, members }) => [
    slots,
    members.map(({ node, role, offset, health }) => [node.id, role, offset, health]),
  ]);
  expect(view).toEqual([
    [[...range(0, 99), ...range(500, 500)], [[ME, 'master', 77, 'online']]],
    [
      range(100, 199),
      [
        [A, 'master', 10, 'online'],
        [R, 'replica', 0, 'loading'],
      ],
    ],
    [[], [[B, 'master', 10, 'online']]],
  ]);
  made.node(A).flags |= FAILED;
  expect(shards(made.state, 77)[1]!.members[0]!.health).toBe('fail');
});

test('CLUSTER LINKS has both directions', () => {
  const made = lab();
  made.hear(heartbeat('ping', header(A, { slots: range(100, 199), epoch: 2 })), 400);
  expect(linkViews(made.state).map(({ direction, node, link }) => [direction, node, link])).toEqual([
    ['to', A, made.node(A).link],
    ['from', A, 400],
    ['to', R, made.node(R).link],
  ]);
});

test('CLUSTER COUNT-FAILURE-REPORTS counts those that still hold', () => {
  const made = lab();
  const node = made.node(R);
  node.reports.set(made.node(A), made.world.now_ms);
  expect(countFailureReports(made.state, node, made.world.now_ms)).toBe(1);
  expect(countFailureReports(made.state, node, made.world.now_ms + 5000)).toBe(0);
});

test('flags are printed in the order of Redis, and read in any', () => {
  expect(formatFlags(0)).toBe('noflags');
  expect(formatFlags(1 | 4 | 16 | NO_FAILOVER | 128 | 256)).toBe('myself,master,fail?,nofailover');
  expect(parseFlags('fail,slave,noaddr')).toBe(8 | 2 | 64);
  expect(parseFlags('noflags')).toBe(0);
  expect(parseFlags('')).toBeNull();
});

test('CLUSTER NODES names the port that the client can use, and nodes.conf the one that was announced', () => {
  const made = lab();
  made.node(A).plainPort = 6001;
  expect(nodesText(made.state, { tls: false })).toContain(`${A} 10.0.0.9:6001@17001`);
  expect(nodesText(made.state, { tls: true })).toContain(`${A} 10.0.0.9:7001@17001`);
  expect(formatNodesConf(made.state)).toContain(`${A} 10.0.0.9:7001@17001`);
});

test('CLUSTER SLOTS leaves out a replica whose address nobody knows', () => {
  const made = lab();
  const nodes = (): string[] => ownedRanges(made.state, 10).flatMap((range) => range.nodes.map(({ id }) => id));
  expect(nodes()).toContain(R);
  made.node(R).flags |= NO_ADDRESS;
  expect(nodes()).not.toContain(R);
});
