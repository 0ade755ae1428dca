/** Builds topologies out of CLUSTER NODES texts, as real nodes would tell them. */

import type { NodeClient } from '../../src/cluster/node/client.ts';
import { parseClusterNodes } from '../../src/cluster/node/cluster-nodes.ts';
import { type NodeFacts, parseInfo } from '../../src/cluster/node/facts.ts';
import { CliFailure, EXIT } from '../../src/cluster/run/failure.ts';
import { assembleTopology } from '../../src/cluster/topology/assemble.ts';
import type { Topology } from '../../src/cluster/topology/view.ts';
import { judge } from '../../src/cluster/verify/health.ts';

export interface Told {
  readonly port: number;
  readonly host?: string;
  /** CLUSTER NODES without `myself`; null for a node that does not answer. */
  readonly view: string | null;
  readonly state?: 'ok' | 'fail';
  readonly info?: string;
  readonly config?: Record<string, string>;
  /** Of a node that does not answer. */
  readonly process?: NodeFacts['process'];
}

export const idOf = (port: number): string => String(port).padStart(40, '0');

export const line = (
  port: number,
  { role = 'master', of, slots = '', flags = '', epoch = 1, link = 'connected', host = 'h' }: Partial<Line> = {},
): string =>
  `${idOf(port)} ${host}:${port}@${port + 10_000} ${role}${flags} ${of === undefined ? '-' : idOf(of)} 0 0 ${epoch} ${link} ${slots}`;

interface Line {
  readonly role: 'master' | 'slave';
  readonly of: number;
  readonly slots: string;
  readonly flags: string;
  readonly epoch: number;
  readonly link: string;
  readonly host: string;
}

export function topologyOf(told: readonly Told[], cluster: string | null = 'default'): Topology {
  const topology = assembleTopology(told.map(factsOf), cluster);
  return { ...topology, ...judge(topology), readAt: '', took_ms: 0 };
}

/** Three shards as planned by default; `change` replaces what single nodes tell. */
export function healthy(change: (told: Told) => Told | Told[] = (told) => told): Topology {
  const view = [
    line(7000, { slots: '0-5460', epoch: 1 }),
    line(7001, { slots: '5461-10922', epoch: 2 }),
    line(7002, { slots: '10923-16383', epoch: 3 }),
    line(7003, { role: 'slave', of: 7002, epoch: 3 }),
    line(7004, { role: 'slave', of: 7000, epoch: 1 }),
    line(7005, { role: 'slave', of: 7001, epoch: 2 }),
  ].join('\n');
  const ports = [7000, 7001, 7002, 7003, 7004, 7005];
  return topologyOf(ports.flatMap((port) => change({ port, view, info: infoOf(port > 7002) })));
}

export const infoOf = (isReplica: boolean, link = 'up', offset = 100): string =>
  isReplica
    ? `role:slave\r\nmaster_link_status:${link}\r\nslave_repl_offset:${offset}\r\ndb0:keys=5,expires=0`
    : `role:master\r\nmaster_repl_offset:${offset}\r\nconnected_slaves:1\r\ndb0:keys=5,expires=0`;

function factsOf({
  port,
  host = 'h',
  view,
  state = 'ok',
  info = infoOf(false),
  config,
  process = 'stopped',
}: Told): NodeFacts {
  const client = { address: { host, port }, name: `${host}:${port}` } as NodeClient;
  if (view === null) {
    const error = new CliFailure('cannot be reached', {
      code: 'NODE_UNREACHABLE',
      exit: EXIT.unreachable,
      why: 'connection refused: no server listens there',
      cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    });
    return { client, answer: null, error, process };
  }
  const nodes = parseClusterNodes(view);
  const text = `cluster_state:${state}\r\ncluster_known_nodes:${nodes.length}\r\ncluster_current_epoch:6\r\n`;
  return {
    client,
    error: null,
    process: null,
    answer: {
      ops_per_s: 2,
      latency_ms: 1,
      isLoading: false,
      view: nodes.map((node) => ({ ...node, isMyself: node.id === idOf(port) })),
      clusterInfo: parseInfo(text),
      info: parseInfo(`redis_version:7.0.15\r\nused_memory:1000\r\ninstantaneous_ops_per_sec:2\r\n${info}`),
      config: config ?? null,
    },
  };
}
