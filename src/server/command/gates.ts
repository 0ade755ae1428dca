/*
 * What must hold before any command runs. The order is visible protocol behaviour (spec: resp.md, section 3), so it is
 * data, with reasons. Most gates stand open most of the time: each has a bit that is set only while it could refuse
 * somebody, on the server or on the client, and a command passes without looking while no bit is set. The bits are
 * derived (`server.rearm`, `rearmClient`): nobody sets one by hand.
 */

import { type Profile, profileOf } from '../../config/profiles.ts';
import {
  ARMED_AUTH,
  ARMED_CLUSTER,
  ARMED_COPYING,
  ARMED_DISK,
  ARMED_FEW_REPLICAS,
  ARMED_LOADING,
  ARMED_MULTI,
  ARMED_PAUSED,
  ARMED_REPLICA,
  ARMED_STALE,
  ARMED_SUBSCRIBED,
} from '../state/client.ts';
import type { Server } from '../state/server.ts';
import type { Call } from './call.ts';
import { whyNotServedHere } from './cluster-gate.ts';
import {
  aofFails,
  LOADING,
  MASTER_DOWN,
  NO_AUTH,
  NO_REPLICAS,
  NOT_IN_MULTI,
  READ_ONLY,
  ReplyError,
  SNAPSHOTS_FAIL,
} from './errors.ts';

/** A command that a pause holds back: not refused, it comes again when the pause is over. */
export const HELD = Symbol('held back');

type Verdict = ReplyError | typeof HELD | null;

interface Gate {
  readonly bit: number;
  /** May it refuse anybody now? */
  readonly isArmed: (server: Server) => boolean;
  readonly refusal: (call: Call) => Verdict;
}

/** The gates of a single client are derived with it (state/client.ts). */
const byClient = (): boolean => false;

export const GATES: readonly Gate[] = [
  // First: a stranger learns nothing about the data.
  { bit: ARMED_AUTH, isArmed: byClient, refusal: needsAuthentication },
  { bit: ARMED_MULTI, isArmed: byClient, refusal: allowedInMulti },
  // Before everything that speaks of this node's condition: another node may be in a better one. The cluster machine is
  // asked about every key: whether it says no changes too often to be worth a closer condition.
  { bit: ARMED_CLUSTER, isArmed: ({ cluster }) => cluster !== null, refusal: whyNotServedHere },
  { bit: ARMED_DISK, isArmed: ({ persistence }) => persistence.whyNotDurable() !== null, refusal: durable },
  { bit: ARMED_FEW_REPLICAS, isArmed: wantsReplicas, refusal: enoughReplicas },
  { bit: ARMED_REPLICA, isArmed: isReadOnlyReplica, refusal: writableHere },
  { bit: ARMED_SUBSCRIBED, isArmed: byClient, refusal: allowedWhileSubscribed },
  { bit: ARMED_STALE, isArmed: isStale, refusal: fresh },
  { bit: ARMED_LOADING, isArmed: ({ loading }) => loading, refusal: allowedWhileLoading },
  { bit: ARMED_COPYING, isArmed: ({ links }) => links.isCopying, refusal: allowedWhileCopying },
  // Last: what is refused anyway need not wait for it.
  { bit: ARMED_PAUSED, isArmed: ({ pause }) => pause.isArmed, refusal: notHeldBack },
];

/** The bits of all gates that may refuse somebody. */
export function armedBits(server: Server): number {
  let bits = 0;
  for (const { bit, isArmed } of GATES) if (isArmed(server)) bits |= bit;
  return bits;
}

/** Why the command may not run now, or null. `armed`: the bits of server and client together. */
export function whyRefused(call: Call, armed: number): Verdict {
  for (let i = 0; i < GATES.length; i++) {
    const gate = GATES[i]!;
    if ((gate.bit & armed) === 0) continue;
    const refusal = gate.refusal(call);
    if (refusal !== null) return refusal;
  }
  return null;
}

function needsAuthentication(call: Call): ReplyError | null {
  return call.command.has('no_auth') ? null : NO_AUTH;
}

function allowedInMulti(call: Call): ReplyError | null {
  return call.command.has('no_multi') ? NOT_IN_MULTI : null;
}

/** PING too: whoever watches this server learns of it by the question that is asked most. */
function durable(call: Call): ReplyError | null {
  const failure = call.server.persistence.whyNotDurable();
  if (failure === null || !(mayWrite(call) || call.command.is('tells_health'))) return null;
  return failure.file === 'rdb' ? SNAPSHOTS_FAIL[productOf(call.server)] : aofFails(failure.reason);
}

function wantsReplicas({ config, replication }: Server): boolean {
  return replication.role === 'primary' && config['min-replicas-to-write'] > 0 && config['min-replicas-max-lag'] > 0;
}

function enoughReplicas(call: Call): ReplyError | null {
  return mayWrite(call) && !call.server.links.hasEnoughReplicas() ? NO_REPLICAS : null;
}

function isReadOnlyReplica({ config, replication }: Server): boolean {
  return replication.role === 'replica' && config['replica-read-only'];
}

function writableHere(call: Call): ReplyError | null {
  return call.client.kind !== 'primary' && mayWrite(call) ? READ_ONLY : null;
}

/** In RESP2 a client could not tell messages from replies. */
function allowedWhileSubscribed({ client, command }: Call): ReplyError | null {
  if (client.resp === 3 || command.is('while_subscribed')) return null;
  return new ReplyError(
    `ERR Can't execute '${command.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
  );
}

function isStale({ config, replication, links }: Server): boolean {
  return replication.role === 'replica' && !links.isLinkUp && !config['replica-serve-stale-data'];
}

function fresh(call: Call): ReplyError | null {
  return call.client.kind !== 'primary' && !mayRun(call, 'stale') ? MASTER_DOWN : null;
}

function allowedWhileLoading(call: Call): ReplyError | null {
  return mayRun(call, 'loading') ? null : LOADING[productOf(call.server)];
}

/** What is written to the old data now would be gone in a moment. */
function allowedWhileCopying(call: Call): Verdict {
  return mayWrite(call) ? LOADING[productOf(call.server)] : null;
}

function notHeldBack(call: Call): Verdict {
  const { server, client } = call;
  const kind = server.pause.kind(server.clock.monotonic_ms());
  if (kind === null || client.kind !== 'normal' || client.connection === null) return null;
  return kind === 'all' || mayWrite(call) || mayReplicate(call) ? HELD : null;
}

/** In whose name it is refused. */
function productOf({ config }: Server): Profile['product'] {
  return profileOf(config).product;
}

/** Whether commands with this flag may run: EXEC, when all of its commands have it. */
function mayRun({ command, client }: Call, flag: 'stale' | 'loading'): boolean {
  return command.has(flag) && (!command.is('runs_queue') || client.transaction?.queue.allHave(flag) !== false);
}

/** EXEC may write when one of its commands does. */
function mayWrite(call: Call): boolean {
  if (call.command.isWrite) return true;
  if (!call.command.is('runs_queue')) return false;
  return call.client.transaction?.queue.hasWrites ?? false;
}

function mayReplicate({ command, client }: Call): boolean {
  if (!command.is('runs_queue')) return command.is('may_replicate');
  return client.transaction?.queue.anyIs('may_replicate') ?? false;
}
