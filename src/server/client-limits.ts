/*
 * Clients that are dropped: those that were silent for longer than `timeout`, and those that do not read what they asked
 * for (client-output-buffer-limit: at once above the hard limit, after a while above the soft one).
 */

import type { Config } from '../config/directives.ts';
import type { BufferLimit } from '../config/special-kinds.ts';
import { clientLine } from './handlers/client-line.ts';
import type { Client } from './state/client.ts';
import type { Server } from './state/server.ts';

export function closeIdleClients(server: Server): void {
  const timeout_s = server.config.timeout;
  if (timeout_s === 0) return;
  const oldest_ms = server.clock.monotonic_ms() - timeout_s * 1000;
  for (const client of server.clients.values()) {
    if (client.lastInteraction_ms >= oldest_ms || mayBeSilent(client)) continue;
    server.log.verbose(`Closing idle client: ${clientLine(server, client)}`);
    server.closeClient(client, 'now');
  }
}

/** Who waits for something has nothing to say. */
function mayBeSilent({ kind, blocked, subscriber }: Client): boolean {
  return kind !== 'normal' || blocked !== null || subscriber !== null;
}

/** For the soft limit, which is a matter of time. On the way, notes what clients hold, for INFO. */
export function enforceOutputLimits(server: Server): void {
  const { stats, keyspace } = server;
  for (const client of server.clients.values()) {
    stats.largestInput.note(client.connection?.parser.held ?? 0, keyspace.now_ms);
    enforceOutputLimit(server, client);
  }
}

/** Also called when a socket did not take all it was given: a client must not outgrow its hard limit between two ticks. */
export function enforceOutputLimit(server: Server, client: Client): void {
  const held = client.kind === 'replica' ? server.links.heldBytesOf(client.id) : 0;
  const pending = held + (client.connection?.pendingOutput ?? 0);
  if (pending === 0) {
    client.softLimitSince_ms = 0;
    return;
  }
  server.stats.largestOutput.note(pending, server.keyspace.now_ms);
  const limit = limitOf(server, client);
  if (!exceeds(client, pending, limit, server.clock.monotonic_ms())) return;
  server.stats.add('outputLimitDisconnections');
  server.log.warning(
    `Client ${clientLine(server, client)} scheduled to be closed ASAP for overcoming of output buffer limits.`,
  );
  server.closeClient(client, 'now');
}

/** So many bytes may be too much for somebody; Infinity when nothing is for anybody. */
export function smallestHardLimit(config: Config): number {
  const { normal, replica, pubsub } = config['client-output-buffer-limit'];
  return Math.min(...[normal, replica, pubsub].map(({ hard }) => hard || Number.POSITIVE_INFINITY));
}

function limitOf(server: Server, client: Client): BufferLimit {
  const { normal, replica, pubsub } = server.config['client-output-buffer-limit'];
  if (client.kind === 'replica') return replica;
  return client.subscriber === null ? normal : pubsub;
}

function exceeds(client: Client, pending: number, limit: BufferLimit, now_ms: number): boolean {
  if (limit.hard > 0 && pending > limit.hard) return true;
  if (limit.soft === 0 || pending <= limit.soft) {
    client.softLimitSince_ms = 0;
    return false;
  }
  if (client.softLimitSince_ms === 0) client.softLimitSince_ms = now_ms;
  return now_ms - client.softLimitSince_ms > limit.soft_s * 1000;
}
