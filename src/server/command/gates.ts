/*
 * What must hold before any command runs. The order is visible protocol behaviour (spec: resp.md, section 3), so it is
 * data, with reasons. Most gates stand open most of the time: each has a bit that is set only while it could refuse
 * somebody, on the server or on the client, and a command passes without looking while no bit is set.
 */

import {
  ARMED_AUTH,
  ARMED_CLUSTER,
  ARMED_DISK,
  ARMED_FEW_REPLICAS,
  ARMED_LOADING,
  ARMED_MULTI,
  ARMED_REPLICA,
  ARMED_STALE,
} from '../state/client.ts';
import type { Call } from './call.ts';
import { whyNotServedHere } from './cluster-gate.ts';
import { LOADING, MASTER_DOWN, NO_AUTH, NO_REPLICAS, NOT_IN_MULTI, READ_ONLY, ReplyError } from './errors.ts';

interface Gate {
  armed: number;
  refusal(call: Call): ReplyError | null;
}

const GATES: readonly Gate[] = [
  // First: a stranger learns nothing about the data.
  { armed: ARMED_AUTH, refusal: needsAuthentication },
  { armed: ARMED_MULTI, refusal: allowedInMulti },
  // Before everything that speaks of this node's condition: another node may be in a better one.
  { armed: ARMED_CLUSTER, refusal: whyNotServedHere },
  { armed: ARMED_DISK, refusal: durable },
  { armed: ARMED_FEW_REPLICAS, refusal: enoughReplicas },
  { armed: ARMED_REPLICA, refusal: writableHere },
  { armed: ARMED_STALE, refusal: fresh },
  { armed: ARMED_LOADING, refusal: allowedWhileLoading },
];

/** Why the command may not run, or null. `armed`: the bits of server and client together. */
export function whyRefused(call: Call, armed: number): ReplyError | null {
  for (let i = 0; i < GATES.length; i++) {
    const gate = GATES[i]!;
    if ((gate.armed & armed) === 0) continue;
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

function durable(call: Call): ReplyError | null {
  const failure = call.server.persistence.whyNotDurable();
  if (failure === null || !mayWrite(call)) return null;
  return new ReplyError(`MISCONF Errors writing to the AOF file: ${failure}`);
}

function enoughReplicas(call: Call): ReplyError | null {
  return mayWrite(call) && !call.server.links.hasEnoughReplicas() ? NO_REPLICAS : null;
}

function writableHere(call: Call): ReplyError | null {
  return call.client.kind !== 'primary' && mayWrite(call) && call.server.config['replica-read-only'] ? READ_ONLY : null;
}

function fresh(call: Call): ReplyError | null {
  return call.client.kind !== 'primary' && !call.command.has('stale') ? MASTER_DOWN : null;
}

function allowedWhileLoading(call: Call): ReplyError | null {
  return call.command.has('loading') ? null : LOADING;
}

/** EXEC may write when one of its commands does. */
export function mayWrite(call: Call): boolean {
  if (call.command.isWrite) return true;
  if (call.command.spec.name !== 'exec') return false;
  return call.client.transaction?.queue.some((queued) => queued.command.isWrite) ?? false;
}
