/*
 * What happens once per turn of the event loop, and why in this order. This order is the durability contract: nothing a
 * client is told can be undone by a crash that the configuration promised to survive.
 */

import { handOver } from './command/hand-over.ts';
import { serveReleased } from './command/serve.ts';
import type { Server } from './state/server.ts';

/** Of every turn that has changed something; when there is nothing to clean, a look at it takes 70 ns. */
const CLEAN_BUDGET_MS = 0.5;

/** `turn_ms` is how long it took, where somebody wants to know: while there are dead keys to remove. */
export function endOfTurn(server: Server, turn_ms = 0): void {
  // May change what we own, before anyone is woken for it.
  server.cluster?.carryOut();
  // Of keys that came to be without a command, with the data set of a primary or the end of a MIGRATE.
  if (!server.keyspace.ready.isEmpty) server.keyspace.ready.serve();
  // Acknowledgements that arrived in this turn end waits.
  server.links.serveWaiting();
  // What they are answered leaves with this turn, and so do the effects of what they sent behind.
  serveReleased(server);
  const { propagation } = server;
  // With appendfsync always: on disk before any reply says so.
  handOver(server);
  // Behind the effects of the turn: now the data set and the offset of the stream say the same, as a snapshot needs it.
  server.links.endTurn();
  server.persistence.flush();
  // Last of all promises: a reply is one.
  server.output.writeAll();
  // Clients have their answers, so this delays nobody's. Memory is won back as fast as writes leave it behind.
  server.keyspace.cleanAfterChanges(CLEAN_BUDGET_MS);
  const hasMore = server.keyspace.releaseMemory();
  server.keyspace.expireSlice(turn_ms);
  // Deletions of what nobody sees any more leave with the next turn, which comes at once.
  if (propagation.length > 0 || hasMore) server.wake();
}
