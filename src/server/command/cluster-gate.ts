/*
 * Cluster routing of one request: finds its keys and their slot, and asks gossip/redirect.ts who serves it. Nearly every
 * request has one key in a slot of ours; that answer is two array reads behind the slot's CRC.
 */

import { slotOf } from '../../base/slot.ts';
import { isOpen, newRouteQuery, type RouteQuery, redirectError, route, SERVE, servesSlot } from '../gossip/redirect.ts';
import type { State } from '../gossip/state.ts';
import type { Request } from '../protocol/request.ts';
import type { Call } from './call.ts';
import { ReplyError } from './errors.ts';
import { findKeys } from './keys.ts';
import type { Command } from './registry.ts';

export function whyNotServedHere(call: Call): ReplyError | null {
  const { server, client, command, request } = call;
  // Our primary and our own log have decided already; CLUSTER and the like name no keys.
  if (server.cluster === null || client.kind === 'primary') return null;
  const state = server.cluster.state;
  if (command.keyShape === 1) {
    if (servesSlot(state, slotOf(request.buf, request.off[1]!, request.len[1]!))) return null;
  } else if (command.keyShape === 0 && !command.is('runs_queue')) {
    return null;
  }
  return whyRerouted(call, state);
}

function whyRerouted(call: Call, state: State): ReplyError | null {
  const { client, command } = call;
  const query = newRouteQuery();
  query.slot = -1;
  query.write = command.isWrite;
  query.readonlyClient = client.readonly;
  query.asking = client.asking || command.has('asking');
  query.migrate = command.is('moves_keys');
  let firstKey: Buffer | null = null;
  if (command.is('runs_queue')) {
    for (const queued of client.transaction?.queue ?? []) {
      if (queued.command.isWrite) query.write = true;
      firstKey = addKeys(call, query, firstKey, queued);
    }
  } else {
    firstKey = addKeys(call, query, firstKey, call);
  }
  if (query.slot < 0) return null;
  const verdict = route(state, query);
  if (verdict === SERVE) return null;
  return new ReplyError(redirectError(state, verdict, query.slot, client));
}

/** Takes the keys of one command into the query; answers the first key of all. */
function addKeys(
  call: Call,
  query: RouteQuery,
  first: Buffer | null,
  { command, request }: { command: Command; request: Request },
): Buffer | null {
  const indexes: number[] = [];
  findKeys(command.spec, request, indexes);
  if (command.isWrite && indexes.length > 0) query.writesKeys = true;
  const state = call.server.cluster!.state;
  let firstKey = first;
  for (const i of indexes) {
    const off = request.off[i]!;
    const len = request.len[i]!;
    const slot = slotOf(request.buf, off, len);
    if (firstKey === null) {
      query.slot = slot;
      firstKey = request.buf.subarray(off, off + len);
    } else if (slot !== query.slot) {
      query.crossSlot = true;
    } else if (firstKey.compare(request.buf, off, off + len) !== 0) {
      query.multipleKeys = true;
    }
    if (query.crossSlot || !isOpen(state, slot)) continue;
    if (call.server.keyspace.databases[0]!.peek(request.buf, off, len) === 0) query.missingKeys++;
    else query.existingKeys++;
  }
  return firstKey;
}
