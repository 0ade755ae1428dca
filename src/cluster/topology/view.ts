/*
 * What runs, as the nodes tell it: the shape of a topology. What is asked, and how it is put together, is elsewhere; this is
 * what everybody reads.
 */
import type { SlotRange } from '../../base/slot.ts';
import type { OpenSlot, SeenNode } from '../node/cluster-nodes.ts';
import type { Silence } from '../node/silence.ts';
import type { Finding } from './finding.ts';

/**
 * ok: nothing is wrong. degraded: every slot is served, but something is wrong: a replica is down, views differ.
 * fail: not every slot is served, or a node says so. unreachable: no node answers. stopped: no node has a process.
 */
export type Health = 'ok' | 'degraded' | 'fail' | 'unreachable' | 'stopped';

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
