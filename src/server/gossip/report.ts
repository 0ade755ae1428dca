/*
 * What the node tells clients about the cluster. Texts where Redis has texts; plain values where the reply is an array
 * or a map, which a handler then writes in RESP.
 */
import { rangesOf, SLOTS, type SlotRange } from '../../base/slot.ts';
import { countReports } from './failure.ts';
import { formatFlags } from './flags.ts';
import { MESSAGE_NAMES } from './message.ts';
import { clientPort } from './redirect.ts';
import { slotsTextOf } from './slot-map.ts';
import {
  type ClusterNode,
  dateOf,
  hasAddress,
  isFailed,
  isPrimary,
  isReplica,
  isSuspected,
  NOBODY,
  type State,
  shardIdOf,
  shardPrimary,
} from './state.ts';

/** CLUSTER INFO: lines that end in CRLF. */
export function clusterInfo(state: State): string {
  let suspected = 0;
  let failed = 0;
  for (const node of state.list) {
    if (isFailed(node)) failed += node.slots.count();
    else if (isSuspected(node)) suspected += node.slots.count();
  }
  const lines = [
    `cluster_state:${state.ok ? 'ok' : 'fail'}`,
    `cluster_slots_assigned:${state.assigned}`,
    `cluster_slots_ok:${state.assigned - suspected - failed}`,
    `cluster_slots_pfail:${suspected}`,
    `cluster_slots_fail:${failed}`,
    `cluster_known_nodes:${state.list.length}`,
    `cluster_size:${state.size}`,
    `cluster_current_epoch:${state.currentEpoch}`,
    `cluster_my_epoch:${shardPrimary(state.myself).configEpoch}`,
    ...messageCounts(state.sent, 'sent'),
    ...messageCounts(state.received, 'received'),
    `total_cluster_links_buffer_limit_exceeded:${state.linksOverLimit}`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** CLUSTER NODES: a line for each node, each ends in \n. Ports are those that this client can use. */
export function nodesText(state: State, client: { tls: boolean }): string {
  return state.list.map((node) => `${nodeLine(state, node, clientPort(node, client))}\n`).join('');
}

/**
 * One line of CLUSTER NODES, CLUSTER REPLICAS and, with the announced port and more fields behind the hostname, nodes.conf;
 * without the line end.
 */
export function nodeLine(state: State, node: ClusterNode, port: number, fields = ''): string {
  const host = node.hostname === '' && fields === '' ? '' : `,${node.hostname}${fields}`;
  const primary = isReplica(node) && node.primary !== null ? node.primary.id : '-';
  const linked = node === state.myself || node.link !== 0 ? 'connected' : 'disconnected';
  let line =
    `${node.id} ${node.ip}:${port}@${node.busPort}${host} ${formatFlags(node.flags)} ${primary} ` +
    `${dateOf(state, node.pingSent_ms)} ${dateOf(state, node.pongReceived_ms)} ${shardPrimary(node).configEpoch} ${linked}`;
  if (node.slots.count() > 0) line += ` ${slotsTextOf(node)}`;
  if (node === state.myself) for (const text of openSlots(state)) line += ` ${text}`;
  return line;
}

/** Slots on their way out and in, as they follow the ranges on our own line. */
function openSlots(state: State): string[] {
  const texts: [number, string][] = [];
  for (const [slot, target] of state.migratingTo) texts.push([slot, `[${slot}->-${target.id}]`]);
  for (const [slot, source] of state.importingFrom) {
    if (!state.migratingTo.has(slot)) texts.push([slot, `[${slot}-<-${source.id}]`]);
  }
  return texts.sort(([a], [b]) => a - b).map(([, text]) => text);
}

interface OwnedRange extends SlotRange {
  /** The owner first, then its replicas that may be read. */
  readonly nodes: readonly ClusterNode[];
}

/** CLUSTER SLOTS, in slot order. Our own offset is `myOffset`. */
export function ownedRanges(state: State, myOffset: number): OwnedRange[] {
  const readers = new Map<number, ClusterNode[]>();
  const ranges: OwnedRange[] = [];
  for (let start = 0, slot = 1; slot <= SLOTS; slot++) {
    const index = state.owner[start] as number;
    if (slot < SLOTS && state.owner[slot] === index) continue;
    if (index !== NOBODY) {
      let nodes = readers.get(index);
      if (nodes === undefined) {
        const owner = state.byIndex[index] as ClusterNode;
        nodes = [owner, ...owner.replicas.filter((replica) => isReadable(state, replica, myOffset))];
        readers.set(index, nodes);
      }
      ranges.push({ start, end: slot - 1, nodes });
    }
    start = slot;
  }
  return ranges;
}

/** A replica that has none of the data yet, does not answer, or lives nobody knows where, is no address to give to a client. */
function isReadable({ myself }: State, replica: ClusterNode, myOffset: number): boolean {
  return !isFailed(replica) && hasAddress(replica) && (replica === myself ? myOffset : replica.offset) !== 0;
}

export interface ShardMember {
  readonly node: ClusterNode;
  readonly role: 'master' | 'replica';
  readonly offset: number;
  readonly health: 'online' | 'fail' | 'loading';
}

export interface Shard {
  readonly slots: readonly SlotRange[];
  readonly members: readonly ShardMember[];
}

/**
 * CLUSTER SHARDS, those without slots too. A primary that failed and the one that took its place are of one shard. Our own
 * offset is `myOffset`.
 */
export function shards(state: State, myOffset: number): Shard[] {
  const primaries = state.list.filter(isPrimary);
  const byShard = Map.groupBy(primaries, (node) => (state.config.tellsShards ? shardIdOf(node) : node.id));
  return [...byShard.values()].map((leading) => ({
    slots: leading.flatMap(({ slots }) => rangesOf(slots.bitmap)),
    members: leading
      .flatMap((primary) => [primary, ...primary.replicas])
      .map((node) => {
        const offset = node === state.myself ? myOffset : node.offset;
        return { node, role: isPrimary(node) ? 'master' : 'replica', offset, health: healthOf(node, offset) };
      }),
  }));
}

function healthOf(node: ClusterNode, offset: number): ShardMember['health'] {
  if (isFailed(node)) return 'fail';
  return isReplica(node) && offset === 0 ? 'loading' : 'online';
}

interface LinkView {
  readonly direction: 'to' | 'from';
  readonly node: string;
  readonly created_ms: number;
  /** As in effects and events: its buffers are known to the shell. */
  readonly link: number;
}

/** CLUSTER LINKS. */
export function linkViews(state: State): LinkView[] {
  const views: LinkView[] = [];
  for (const { id: node, link, linkCreated_ms, inbound, inboundCreated_ms } of state.list) {
    if (link !== 0) views.push({ direction: 'to', node, created_ms: dateOf(state, linkCreated_ms), link });
    if (inbound !== 0)
      views.push({ direction: 'from', node, created_ms: dateOf(state, inboundCreated_ms), link: inbound });
  }
  return views;
}

/** CLUSTER COUNT-FAILURE-REPORTS. */
export function countFailureReports(state: State, node: ClusterNode, now_ms: number): number {
  return countReports(state, node, now_ms);
}

function messageCounts(counts: readonly number[], word: 'sent' | 'received'): string[] {
  const lines: string[] = [];
  let total = 0;
  counts.forEach((count, type) => {
    total += count;
    if (count > 0) lines.push(`cluster_stats_messages_${MESSAGE_NAMES[type]}_${word}:${count}`);
  });
  lines.push(`cluster_stats_messages_${word}:${total}`);
  return lines;
}
