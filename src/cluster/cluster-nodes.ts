/*
 * The reply of CLUSTER NODES: one node's view of the whole cluster.
 * <id> <ip:port@busport[,hostname]> <flags> <primary id or -> <ping-sent> <pong-received> <epoch> <link> <slots…>
 */
import type { SlotRange } from './slot-ranges.ts';

export interface OpenSlot {
  readonly slot: number;
  readonly direction: 'migrating' | 'importing';
  /** Where it goes to, or comes from. */
  readonly peer: string;
}

/** One line: what the asked node believes of one node. */
export interface SeenNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string | null;
  readonly flags: readonly string[];
  readonly isMyself: boolean;
  readonly role: 'primary' | 'replica' | 'unknown';
  readonly primaryId: string | null;
  readonly pingSent_ms: number;
  readonly pongReceived_ms: number;
  readonly epoch: number;
  readonly connected: boolean;
  readonly slots: readonly SlotRange[];
  /** Known of oneself only. */
  readonly open: readonly OpenSlot[];
}
