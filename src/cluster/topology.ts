/*
 * What runs is asked of the nodes themselves, never remembered. Every node is asked in parallel for its view of the
 * cluster and for facts about itself; a node that does not answer in time stands in the topology as unreachable, with
 * what the others say of it.
 */

import type { SlotRange } from '../base/slot.ts';
import type { OpenSlot, SeenNode } from './cluster-nodes.ts';

export interface ReplicationView {
  /** Of a replica: its link to the primary; null for primaries and unreachable nodes. */
  readonly link: 'up' | 'down' | null;
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
  /** Why it is not reachable, in the system's words. */
  readonly error: string | null;
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
  readonly state: 'ok' | 'fail' | 'unreachable';
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
