/** A cluster as it looks after a failover: shard 2 is served by its former replica, and its former primary is down. */
import type { NodeView, Topology } from '../../src/cluster/topology/view.ts';
import type { Report } from '../../src/cluster/verify/verify.ts';
import type { Terminal } from '../../src/view/terminal.ts';

export function terminalOf(columns: number, features: Partial<Terminal> = {}): Terminal {
  return { columns, color: false, unicode: true, live: false, cut: true, ...features };
}

export function sampleTopology(): Topology {
  const one = primary(7000, 1, [0, 5460], 3312);
  const two = primary(7005, 2, [5461, 10_922], 3390);
  const three = primary(7002, 3, [10_923, 16_383], 3298);
  const replicas = [replica(7004, one), dead(replica(7001, two)), replica(7003, three)];
  return {
    cluster: 'default',
    state: 'ok',
    problems: [],
    epoch: 7,
    shards: [one, two, three].map((node, i) => ({
      number: node.shard,
      slots: node.slots,
      slotCount: node.slotCount,
      primary: node,
      replicas: [replicas[i] as NodeView],
    })),
    others: [],
    nodes: [one, two, three, ...replicas].sort((a, b) => a.port - b.port),
    slotsServed: 16_384,
    keys: 10_000,
    memory_bytes: 4_100_000,
    ops_per_s: 812,
    readAt: '2026-11-23T10:00:00.000Z',
    took_ms: 90,
  };
}

export function sampleReport(): Report {
  const reachable = {
    id: 'reachable.down',
    severity: 'error' as const,
    text: '7001 refuses connections, 5 nodes say fail',
    evidence: ['connect ECONNREFUSED 127.0.0.1:7001'],
    command: 'rkv node start 7001',
  };
  const few = {
    id: 'replicas.few',
    severity: 'warning' as const,
    text: 'shard 2 has no working replica: a second failure loses slots 5461-10922',
    evidence: [],
    command: 'rkv node add --replica-of shard:2',
  };
  return {
    checks: [
      { id: 'coverage', title: 'coverage', outcome: 'ok', text: '16,384 of 16,384 slots served', findings: [] },
      { id: 'reachable', title: 'reachable', outcome: 'error', text: '', findings: [reachable] },
      { id: 'replicas', title: 'replicas', outcome: 'warning', text: '', findings: [few] },
    ],
    findings: [reachable, few],
    errors: 1,
    warnings: 1,
    notes: 0,
  };
}

function primary(port: number, shard: number, [start, end]: [number, number], keys: number): NodeView {
  return {
    id: String(port).repeat(10),
    host: '127.0.0.1',
    port,
    busPort: port + 10_000,
    address: `127.0.0.1:${port}`,
    reachable: true,
    error: null,
    silence: null,
    advice: null,
    role: 'primary',
    primaryId: null,
    shard,
    slots: [{ start, end }],
    slotCount: end - start + 1,
    open: [],
    activity: 'normal',
    seenAs: [],
    epoch: shard,
    currentEpoch: 7,
    clusterState: 'ok',
    knownNodes: 6,
    keys,
    memory_bytes: 2_100_000,
    ops_per_s: 271,
    clients: 3,
    uptime_s: 130,
    latency_ms: 1,
    version: '7.0.15',
    engine: 'rkv',
    replication: {
      link: null,
      downReason: null,
      refusedCommand: null,
      syncing: false,
      offset: 100,
      lag_bytes: null,
      connectedReplicas: 1,
    },
    config: null,
    view: [],
  };
}

function replica(port: number, of: NodeView): NodeView {
  return {
    ...of,
    id: String(port).repeat(10),
    port,
    address: `127.0.0.1:${port}`,
    role: 'replica',
    primaryId: of.id,
    slots: [],
    slotCount: 0,
    replication: {
      link: 'up',
      downReason: null,
      refusedCommand: null,
      syncing: false,
      offset: 100,
      lag_bytes: 0,
      connectedReplicas: null,
    },
  };
}

function dead(node: NodeView): NodeView {
  return {
    ...node,
    reachable: false,
    error: 'connect ECONNREFUSED',
    seenAs: ['fail'],
    keys: null,
    memory_bytes: null,
    ops_per_s: null,
    uptime_s: null,
    version: null,
    replication: {
      link: null,
      downReason: null,
      refusedCommand: null,
      syncing: false,
      offset: null,
      lag_bytes: null,
      connectedReplicas: null,
    },
  };
}
