/*
 * A cluster over time: one topology after the other, the traffic of the last minute, and what has happened in between,
 * as sentences. What a person wants to know after a failover is who took over from whom and how long nobody served.
 */
import { SLOTS } from '../../base/slot.ts';
import { pause } from '../run/deadline.ts';
import { isNobodyThere, nobodyAnswers } from '../topology/silent-nodes.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { observe } from './topology.ts';

export interface WatchEvent {
  /** Milliseconds since 1970. */
  readonly at_ms: number;
  readonly severity: 'good' | 'warning' | 'bad' | 'note';
  readonly text: string;
}

export interface WatchSnapshot {
  readonly topology: Topology;
  /** Operations per second of the whole cluster, oldest first. */
  readonly traffic: readonly number[];
  /** Newest last. */
  readonly events: readonly WatchEvent[];
}

export interface WatchOptions {
  readonly every_ms: number;
  /** For one look at all nodes. */
  readonly timeout_ms: number;
  readonly signal: AbortSignal;
}

const TRAFFIC_MAX = 60;
const EVENTS_MAX = 100;

/** Fails where there is nothing to watch: at its first look no node answers. One that goes later may come back. */
export async function* watchCluster(target: ClusterTarget, options: WatchOptions): AsyncGenerator<WatchSnapshot, void> {
  const observer = observe(target, { timeout_ms: options.timeout_ms, traffic: true });
  const traffic: number[] = [];
  const events: WatchEvent[] = [];
  let before: Topology | null = null;
  let gapSince_ms: number | null = null;
  try {
    while (!options.signal.aborted) {
      const topology = await observer.read();
      if (before === null && isNobodyThere(topology)) throw nobodyAnswers(topology);
      const now_ms = Date.now();
      traffic.push(topology.ops_per_s);
      if (before !== null)
        events.push(...changesBetween(before, topology).map((event) => ({ ...event, at_ms: now_ms })));
      const isWhole = topology.slotsServed === SLOTS;
      if (!isWhole) gapSince_ms ??= performance.now();
      else if (gapSince_ms !== null) {
        const gap_s = ((performance.now() - gapSince_ms) / 1000).toFixed(1);
        events.push({ at_ms: now_ms, ...good(`all slots are served again, after ${gap_s} s`) });
        gapSince_ms = null;
      }
      traffic.splice(0, traffic.length - TRAFFIC_MAX);
      events.splice(0, events.length - EVENTS_MAX);
      before = topology;
      yield { topology, traffic: [...traffic], events: [...events] };
      await pause(options.every_ms, options.signal);
    }
  } finally {
    observer.close();
  }
}

/** What became different, node by node. Pure. */
export function changesBetween(before: Topology, after: Topology): Omit<WatchEvent, 'at_ms'>[] {
  const known = new Map(before.nodes.map((node) => [keyOf(node), node]));
  const changes = after.nodes.flatMap((node) => {
    const earlier = known.get(keyOf(node));
    known.delete(keyOf(node));
    return earlier === undefined
      ? [note(`${node.address} is new, ${article(node.role)}`)]
      : nodeChanges(earlier, node, after);
  });
  for (const gone of known.values()) changes.push(note(`${gone.address} is no longer part of the cluster`));
  if (before.slotsServed === SLOTS && after.slotsServed < SLOTS) {
    changes.push(bad(`${slotsText(SLOTS - after.slotsServed)} not served`));
  }
  if (before.state !== after.state) {
    changes.push({ severity: SEVERITIES[after.state] ?? 'bad', text: `cluster state: ${after.state}` });
  }
  return changes;
}

const SEVERITIES: Readonly<Partial<Record<Topology['state'], WatchEvent['severity']>>> = {
  ok: 'good',
  degraded: 'warning',
};

function nodeChanges(before: NodeView, after: NodeView, topology: Topology): Omit<WatchEvent, 'at_ms'>[] {
  const changes: Omit<WatchEvent, 'at_ms'>[] = [];
  const name = after.address;
  if (before.reachable && !after.reachable)
    changes.push(bad(`${name} no longer answers (${after.error ?? 'reason unknown'})`));
  if (!before.reachable && after.reachable) changes.push(good(`${name} is back`));
  if (!before.seenAs.includes('fail') && after.seenAs.includes('fail'))
    changes.push(bad(`${name} is marked as failed by the other nodes`));
  if (before.role !== after.role) changes.push(roleChange(after, topology));
  else if (after.role === 'replica' && before.primaryId !== after.primaryId)
    changes.push(note(`${name} now follows ${nameOf(after.primaryId, topology)}`));
  if (after.reachable && before.replication.link === 'up' && after.replication.link === 'down')
    changes.push(bad(`${name} lost the link to its primary`));
  if (before.replication.link === 'down' && after.replication.link === 'up')
    changes.push(good(`${name} has a link to its primary again`));
  const moved = after.slotCount - before.slotCount;
  if (moved !== 0 && before.role === 'primary' && after.role === 'primary' && after.reachable) {
    changes.push(note(`${name} ${moved > 0 ? 'gained' : 'lost'} ${slotsText(Math.abs(moved))}`));
  }
  return changes;
}

function roleChange(after: NodeView, topology: Topology): Omit<WatchEvent, 'at_ms'> {
  if (after.role === 'primary') {
    const shard = after.shard === 0 ? '' : ` of shard ${after.shard}`;
    return good(`${after.address} was promoted to primary${shard} (epoch ${after.epoch ?? '?'})`);
  }
  return note(`${after.address} is now a replica of ${nameOf(after.primaryId, topology)}`);
}

function nameOf(id: string | null, { nodes }: Topology): string {
  return nodes.find((node) => node.id === id)?.address ?? id ?? 'nobody';
}

/** A node that lost its id in a reset is another node; one that we could not ask yet is known by its address. */
function keyOf(node: NodeView): string {
  return node.address;
}

function slotsText(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'slot' : 'slots'}`;
}

function article(role: NodeView['role']): string {
  return role === 'unknown' ? 'of an unknown role' : `a ${role}`;
}

function good(text: string): Omit<WatchEvent, 'at_ms'> {
  return { severity: 'good', text };
}

function bad(text: string): Omit<WatchEvent, 'at_ms'> {
  return { severity: 'bad', text };
}

function note(text: string): Omit<WatchEvent, 'at_ms'> {
  return { severity: 'note', text };
}
