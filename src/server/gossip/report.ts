import type { SlotRange } from '../../base/slot.ts';
import type { ClusterNode, State } from './state.ts';

/** CLUSTER INFO: lines that end in CRLF. */
export function clusterInfo(state: State): string {
  throw new Error(state.myself.id);
}

/** CLUSTER NODES: a line for each node, each ends in \n. */
export function nodesText(state: State): string {
  throw new Error(state.myself.id);
}

/** One line of CLUSTER NODES, CLUSTER REPLICAS, without the line end. */
export function nodeLine(state: State, node: ClusterNode): string {
  throw new Error(state.myself.id + node.id);
}

export interface OwnedRange extends SlotRange {
  /** The owner first, then its replicas that may be read. */
  readonly nodes: readonly ClusterNode[];
}

/** CLUSTER SLOTS, in slot order. */
export function ownedRanges(state: State): OwnedRange[] {
  throw new Error(state.myself.id);
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

/** CLUSTER SHARDS. Our own offset is `myOffset`. */
export function shards(state: State, myOffset: number): Shard[] {
  throw new Error(state.myself.id + myOffset);
}

export interface LinkView {
  readonly direction: 'to' | 'from';
  readonly node: string;
  readonly created_ms: number;
  /** As in effects and events: its buffers are known to the shell. */
  readonly link: number;
}

/** CLUSTER LINKS. */
export function linkViews(state: State): LinkView[] {
  throw new Error(state.myself.id);
}

export function countFailureReports(state: State, node: ClusterNode, now_ms: number): number {
  throw new Error(state.myself.id + node.id + now_ms);
}
