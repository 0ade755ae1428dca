/*
 * What runs is asked of the nodes themselves, never remembered. Every node is asked in parallel for its view of the
 * cluster and for facts about itself; a node that does not answer in time stands in the topology as unreachable, with
 * what the others say of it.
 */

import type { SlotRange } from '../base/slot.ts';
import { type Address, formatAddress } from './address.ts';
import { assembleTopology, dropTwins, findUnasked } from './assemble.ts';
import type { OpenSlot, SeenNode } from './cluster-nodes.ts';
import { pause, startDeadline } from './deadline.ts';
import type { Health } from './health.ts';
import { Meter } from './meter.ts';
import { connectNode, type NodeClient, silentFailure } from './node-client.ts';
import { askNode, type NodeFacts } from './node-facts.ts';
import { processOf } from './node-process.ts';
import { type ProcessState, pausedFailure, type Silence } from './silence.ts';
import type { ClusterTarget } from './target.ts';
import type { Finding } from './verify.ts';

export interface ReplicationView {
  /** Of a replica: its link to the primary; null for primaries and unreachable nodes. */
  readonly link: 'up' | 'down' | null;
  /** Why it is down, and the command of its primary that it could not carry out, where the server says so. */
  readonly downReason: string | null;
  readonly refusedCommand: string | null;
  /** Of a replica that is copying the whole data set. */
  readonly syncing: boolean;
  readonly offset: number | null;
  /** Bytes behind its primary; null when one of the two is unknown. */
  readonly lag_bytes: number | null;
  /** Replicas that are connected, as the primary says. */
  readonly connectedReplicas: number | null;
}

export interface NodeView {
  /** null while nobody has told us the id: an address that does not answer. */
  readonly id: string | null;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  /** 'host:port', the name a person knows the node by. */
  readonly address: string;
  readonly reachable: boolean;
  /** Why it is not reachable, in words. */
  readonly error: string | null;
  /** The same for programs; null for a node that answers, and for one that nobody here has asked. */
  readonly silence: Silence | null;
  /** What to type or change so that it is reached, as far as the reason tells. */
  readonly advice: string | null;
  readonly role: 'primary' | 'replica' | 'unknown';
  readonly primaryId: string | null;
  /** Counted from 1 in slot order; 0 for a node of no shard. */
  readonly shard: number;
  readonly slots: readonly SlotRange[];
  readonly slotCount: number;
  readonly open: readonly OpenSlot[];
  /** normal, joining (knows nobody or owns nothing yet), moving (open slots), loading (its data from disk). */
  readonly activity: 'normal' | 'joining' | 'moving' | 'loading';
  /** Flags that other nodes give it: fail, fail?, handshake, noaddr, nofailover. */
  readonly seenAs: readonly string[];
  readonly epoch: number | null;
  readonly currentEpoch: number | null;
  readonly clusterState: 'ok' | 'fail' | null;
  readonly knownNodes: number | null;
  readonly keys: number | null;
  readonly memory_bytes: number | null;
  readonly ops_per_s: number | null;
  readonly clients: number | null;
  readonly uptime_s: number | null;
  /** Round trip of the slowest question. */
  readonly latency_ms: number | null;
  readonly version: string | null;
  /** 'redis', 'valkey' or 'rkv', as the node itself says. */
  readonly engine: string | null;
  readonly replication: ReplicationView;
  /** Directives that were asked for, as CONFIG GET has them; null when none were. */
  readonly config: Readonly<Record<string, string>> | null;
  /** Its own view of the cluster; null when unreachable. */
  readonly view: readonly SeenNode[] | null;
}

export interface ShardView {
  /** Counted from 1, in slot order. */
  readonly number: number;
  readonly slots: readonly SlotRange[];
  readonly slotCount: number;
  readonly primary: NodeView;
  readonly replicas: readonly NodeView[];
}

export interface Topology {
  readonly cluster: string | null;
  readonly state: Health;
  /** The errors that make it so, those that matter most first. */
  readonly problems: readonly Finding[];
  readonly epoch: number | null;
  /** Shards in slot order, each with its primary; then nodes of no shard in `others`. */
  readonly shards: readonly ShardView[];
  readonly others: readonly NodeView[];
  /** All nodes by port. */
  readonly nodes: readonly NodeView[];
  readonly slotsServed: number;
  readonly keys: number;
  readonly memory_bytes: number;
  readonly ops_per_s: number;
  readonly readAt: string;
  readonly took_ms: number;
}

export interface ReadOptions {
  /** For one reading, of all nodes together: those that have not answered by then count as silent. */
  readonly timeout_ms: number;
  /** Directives to ask every node for, besides. */
  readonly config?: readonly string[] | undefined;
  /** Measures the commands per second, for which the first reading takes a tenth of a second longer. */
  readonly traffic?: boolean | undefined;
}

/** Reads a topology again and again over the same connections. */
export interface Observer {
  read(): Promise<Topology>;
  close(): void;
}

/** Rounds of asking nodes that were only heard of: one is enough unless views differ. */
const DISCOVERY_ROUNDS_MAX = 4;
/** Of the time that is left, for each round but the last: a node that is silent must not take the time of those it hides. */
const ROUND_SHARE = 0.75;

export async function readTopology(target: ClusterTarget, options: ReadOptions): Promise<Topology> {
  const observer = observe(target, options);
  try {
    return await observer.read();
  } finally {
    observer.close();
  }
}

export function observe(target: ClusterTarget, { timeout_ms, config = [], traffic = false }: ReadOptions): Observer {
  const clients = new Map<string, NodeClient>();
  const meters = new Map<string, Meter>();
  const clientOf = (address: Address): NodeClient => {
    const name = formatAddress(address);
    const client = clients.get(name) ?? connectNode(address, target.access, timeout_ms);
    clients.set(name, client);
    return client;
  };
  const meterOf = ({ name }: NodeClient): Meter => {
    const meter = meters.get(name) ?? new Meter();
    meters.set(name, meter);
    return meter;
  };
  const ask = async (address: Address, within_ms: number): Promise<NodeFacts> => {
    const client = clientOf(address);
    // A frozen process takes connections and answers nothing: there is nothing to wait for.
    if (processAt(target, address) === 'paused') {
      return { client, answer: null, error: pausedFailure(client.name), process: 'paused' };
    }
    const facts = await inTime(askNode(client, { config, meter: traffic ? meterOf(client) : null }), within_ms, client);
    return facts.error === null ? facts : { ...facts, process: processAt(target, address) };
  };
  return {
    async read() {
      // What it takes to speak is loaded first: that is not the time of the nodes.
      await import('./node-connection.ts');
      const started_ms = performance.now();
      const deadline = startDeadline(timeout_ms);
      const facts: NodeFacts[] = [];
      const asked = new Set<string>();
      let addresses: readonly Address[] = target.addresses;
      for (let round = 1; round <= DISCOVERY_ROUNDS_MAX && addresses.length > 0; round++) {
        for (const address of addresses) asked.add(formatAddress(address));
        const share = round === DISCOVERY_ROUNDS_MAX ? 1 : ROUND_SHARE;
        const within_ms = deadline.left_ms() * share;
        facts.push(...(await Promise.all(addresses.map((address) => ask(address, within_ms)))));
        addresses = findUnasked(facts, asked);
      }
      return {
        ...assembleTopology(dropTwins(facts), target.name),
        readAt: new Date().toISOString(),
        took_ms: performance.now() - started_ms,
      };
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** A node that is late counts as silent; what it answers afterwards is nobody's. */
async function inTime(asking: Promise<NodeFacts>, within_ms: number, client: NodeClient): Promise<NodeFacts> {
  const over = new AbortController();
  const late = pause(within_ms, over.signal).then(
    (): NodeFacts => ({ client, answer: null, error: silentFailure(client.name, 'INFO', within_ms), process: null }),
  );
  try {
    return await Promise.race([asking, late]);
  } finally {
    over.abort();
  }
}

/** null for nodes of others. */
function processAt({ folder }: ClusterTarget, { port }: Address): ProcessState | null {
  return folder === null ? null : processOf(folder, port);
}
