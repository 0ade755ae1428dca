/** What one node says: its view of the cluster, and the numbers about itself. */

import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import type { NodeClient } from './client.ts';
import { parseClusterNodes, type SeenNode } from './cluster-nodes.ts';
import type { Meter } from './meter.ts';
import type { ProcessState } from './silence.ts';

export interface NodeFacts {
  readonly client: NodeClient;
  /** null when the node could not be asked. */
  readonly answer: NodeAnswer | null;
  readonly error: CliFailure | null;
  /** Of a node of ours that could not be asked: what its process is at; null where that is not known. */
  readonly process: ProcessState | null;
}

export interface NodeAnswer {
  readonly latency_ms: number;
  readonly isLoading: boolean;
  /** null while it loads its data: it answers INFO alone then. */
  readonly view: readonly SeenNode[] | null;
  readonly clusterInfo: ReadonlyMap<string, string>;
  readonly info: ReadonlyMap<string, string>;
  readonly config: Readonly<Record<string, string>> | null;
  /** Commands on data per second; null where that was not asked for, or the server does not tell. */
  readonly ops_per_s: number | null;
}

/** Never fails: a node that cannot be asked is a fact too. With a meter, the traffic since its last reading is told. */
export async function askNode(
  client: NodeClient,
  { config = [], meter = null }: { config?: readonly string[]; meter?: Meter | null } = {},
): Promise<NodeFacts> {
  try {
    const started_ms = performance.now();
    const [infoText, cluster, directives, ops_per_s] = await Promise.all([
      client.text('INFO'),
      askCluster(client),
      askConfig(client, config),
      meter?.read(client) ?? null,
    ]);
    return {
      client,
      error: null,
      process: null,
      answer: {
        latency_ms: performance.now() - started_ms,
        isLoading: cluster === null,
        view: cluster === null ? null : parseClusterNodes(cluster.nodes),
        clusterInfo: parseInfo(cluster?.info ?? ''),
        info: parseInfo(infoText),
        config: directives,
        ops_per_s,
      },
    };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return { client, answer: null, error, process: null };
  }
}

/** The `name:value` lines of INFO and CLUSTER INFO. */
export function parseInfo(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) values.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return values;
}

/** A number of INFO, or null where this server has none. */
export function numberIn(values: ReadonlyMap<string, string>, name: string): number | null {
  const number = Number(values.get(name) ?? 'none');
  return Number.isFinite(number) ? number : null;
}

/** 'redis', 'valkey', 'rkv' and its version: descendants keep redis_version for old clients and add their own. */
export function identify(info: ReadonlyMap<string, string>): { engine: string; version: string | null } {
  for (const engine of ['rkv', 'valkey']) {
    const version = info.get(`${engine}_version`);
    if (version !== undefined) return { engine, version };
  }
  return { engine: info.get('server_name') ?? 'redis', version: info.get('redis_version') ?? null };
}

/** Keys of all databases: a cluster has one, but a node that was never in one may hold more. */
export function countKeys(info: ReadonlyMap<string, string>): number {
  let keys = 0;
  for (const [name, value] of info) {
    if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return keys;
}

async function askCluster(client: NodeClient): Promise<{ nodes: string; info: string } | null> {
  try {
    const [nodes, info] = await Promise.all([client.text('CLUSTER', 'NODES'), client.text('CLUSTER', 'INFO')]);
    return { nodes, info };
  } catch (error) {
    if (isFailure(error, 'NODE_REPLY') && error.why?.startsWith('LOADING')) return null;
    throw isFailure(error, 'NODE_REPLY') && /cluster support disabled/i.test(error.why ?? '') ? plain(client) : error;
  }
}

function plain({ name, address: { host, port } }: NodeClient): CliFailure {
  return new CliFailure(`node ${name} is not in cluster mode`, {
    code: 'NODE_PLAIN',
    exit: EXIT.conflict,
    why: 'it is not in cluster mode: it was started without `cluster-enabled yes`',
    suggestions: [`rkv cli -h ${host} -p ${port}`],
  });
}

/** null where CONFIG is not allowed, or nothing was asked for. */
async function askConfig(client: NodeClient, names: readonly string[]): Promise<Record<string, string> | null> {
  if (names.length === 0) return null;
  try {
    const replies = await Promise.all(names.map((name) => client.call('CONFIG', 'GET', name)));
    const values = replies.map((reply, index) => [names[index]!, Array.isArray(reply) ? reply[1] : undefined] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined).map(([name, v]) => [name, String(v)]));
  } catch (error) {
    if (isFailure(error, 'NODE_REPLY') || isFailure(error, 'NODE_DENIED')) return null;
    throw error;
  }
}
