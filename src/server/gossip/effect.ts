/*
 * What the machine wants done in the world. The shell carries effects out in order, after `step` or `runCommand` has
 * returned, and empties the list.
 *
 * (1) `persist` reaches the disk before any later `send` or `reply` leaves. With `fsync` it must survive a power cut;
 *     without, a write that the system may still lose is enough. What is written is `formatNodesConf(state)` at the
 *     time of carrying out. The machine pushes at most one `persist` per step and pushes it before everything that
 *     promises what it holds, so the shell may simply write synchronously. When the write fails, the shell must stop
 *     the process: a vote that is not on disk may be given twice. `sync` asks that what was written last survives a
 *     power cut soon; nothing waits for it.
 * (2) `connect` opens a TCP (or TLS) connection to ip:busPort and names it `link`, a number that is never used again.
 *     The shell answers with a `linkUp` event, or with `linkDown` when it failed, closed or broke. Every link ends in
 *     exactly one `linkDown`, but for those that the machine ended itself with `disconnect`: then the shell says
 *     nothing more about it, and drops what still arrives.
 * (3) Inbound connections are named by the shell, with numbers of its own choice, unique among the inbound ones. The
 *     shell mentions one for the first time in a `message` event and tells `inboundClosed` at its end. `closeInbound`
 *     asks to close one; no `inboundClosed` is told for it.
 * (4) `send` goes out on an outgoing link that is up, `reply` on the inbound link it names. Both are fire and forget:
 *     when the link is gone the message is dropped. The same message object may appear in many sends of a row (a
 *     broadcast), so the shell may keep the bytes of the last object it encoded. A shell that measures its output
 *     (cluster-link-sendbuf-limit) closes the link and tells `linkDown` with `overLimit`.
 * (5) `becomePrimary` stops replicating and keeps the data. `replicate` starts replicating from ip:port, or moves to
 *     it; it may repeat what is already so, and then must not interrupt a healthy link. With `newShard` the data that
 *     this node has is that of another shard, until a full copy has come. `flushData` empties all databases.
 * (6) `pauseWrites` holds back writing commands of clients until `resumeWrites`, or until this time has passed.
 *     While it lasts, a primary also keeps quiet towards its replicas (no replication PING), so that its offset stands.
 * (7) `slotsLost` names slots that were ours and no longer are: sharded-channel subscribers of these slots must be
 *     told. `deleteKeysInSlots` names slots whose keys are another's now.
 */
import type { Message } from './message.ts';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

export interface PersistEffect {
  readonly type: 'persist';
  /** Raised, never lowered, while the step goes on. */
  fsync: boolean;
}

export type Effect =
  | PersistEffect
  | { readonly type: 'sync' }
  | {
      readonly type: 'connect';
      readonly link: number;
      readonly node: string;
      readonly ip: string;
      readonly busPort: number;
    }
  | { readonly type: 'disconnect'; readonly link: number }
  | { readonly type: 'closeInbound'; readonly link: number }
  | { readonly type: 'send'; readonly link: number; readonly message: Message }
  | { readonly type: 'reply'; readonly link: number; readonly message: Message }
  | { readonly type: 'becomePrimary' }
  | {
      readonly type: 'replicate';
      readonly node: string;
      readonly ip: string;
      readonly port: number;
      /** When `port` speaks TLS and the replication stream should not. 0: there is none. */
      readonly plainPort: number;
      readonly newShard: boolean;
    }
  | { readonly type: 'flushData' }
  | { readonly type: 'deleteKeysInSlots'; readonly slots: readonly number[] }
  | { readonly type: 'slotsLost'; readonly slots: readonly number[] }
  | { readonly type: 'stateChanged'; readonly ok: boolean }
  | { readonly type: 'pauseWrites'; readonly for_ms: number }
  | { readonly type: 'resumeWrites' }
  | { readonly type: 'deliver'; readonly sharded: boolean; readonly channel: Buffer; readonly payload: Buffer }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string };
