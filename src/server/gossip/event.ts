/*
 * What can happen to a node. Time comes with `World`, not with the event. state.ts tells how the two are used.
 */
import type { Message } from './message.ts';

export type Event =
  /** The heartbeat's clock: every TICK_MS. */
  | { readonly type: 'tick' }
  | { readonly type: 'linkUp'; readonly link: number }
  /** A connection could not be made, was closed by the peer, or outgrew its output limit. */
  | { readonly type: 'linkDown'; readonly link: number; readonly overLimit?: boolean }
  | { readonly type: 'inboundClosed'; readonly link: number }
  | MessageEvent
  /** A client published here; the other nodes' subscribers must hear it. Sharded: only our shard's. */
  | { readonly type: 'publish'; readonly sharded: boolean; readonly channel: Buffer; readonly payload: Buffer };

export interface MessageEvent {
  readonly type: 'message';
  /** The number of an outgoing link, or of an inbound one: they are two namespaces. */
  readonly link: number;
  readonly inbound: boolean;
  /** The address of the peer's end of the socket, textual, without brackets or the ::ffff: of mapped IPv4. */
  readonly remoteIp: string;
  /** The address of our end. */
  readonly localIp: string;
  readonly message: Message;
}

/** What CLUSTER subcommands ask for, arguments parsed (16384 > slot >= 0), nothing else checked. */
export type Command =
  | { readonly type: 'meet'; readonly ip: string; readonly port: number; readonly busPort: number }
  | { readonly type: 'addSlots'; readonly slots: readonly number[] }
  | { readonly type: 'delSlots'; readonly slots: readonly number[] }
  | { readonly type: 'flushSlots' }
  | { readonly type: 'setSlotMigrating'; readonly slot: number; readonly node: string }
  | { readonly type: 'setSlotImporting'; readonly slot: number; readonly node: string }
  | { readonly type: 'setSlotStable'; readonly slot: number }
  | { readonly type: 'setSlotNode'; readonly slot: number; readonly node: string }
  | { readonly type: 'setConfigEpoch'; readonly epoch: number }
  | { readonly type: 'bumpEpoch' }
  | { readonly type: 'replicate'; readonly node: string }
  | { readonly type: 'forget'; readonly node: string }
  | { readonly type: 'reset'; readonly hard: boolean }
  | { readonly type: 'failover'; readonly mode: 'agreed' | 'force' | 'takeover' };

/** `error` is the reply without the leading '-'; `status` the text of a simple string. */
export type CommandResult = { readonly status: string } | { readonly error: string };
