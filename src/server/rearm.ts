/*
 * State that follows from other state, for the sake of speed: each piece is derived here and written nowhere else.
 */

import { armedBits } from './command/gates.ts';
import { releaseHeld } from './command/serve.ts';
import type { PauseKind, PauseReason } from './state/pause.ts';
import type { Server } from './state/server.ts';

export function rearm(server: Server): void {
  const { persistence, links, pause, replication, propagation, keyspace } = server;
  server.armed = armedBits(server);
  // What is being loaded is in the log already.
  propagation.active = !server.loading && (persistence.active || links.wantsStream);
  // A replica removes dead keys when its primary says so. And whoever holds back writes does not want to see such
  // removals in the stream either: they would move the offset that a replica is to reach. While a log is being read, a
  // key that is dead by now may still be asked for.
  keyspace.passive = replication.role === 'replica' || pause.isArmed || server.loading;
}

export function beginPause(
  server: Server,
  { who, kind, until_ms }: { who: PauseReason; kind: PauseKind; until_ms: number },
): void {
  server.pause.start(who, kind, until_ms);
  rearm(server);
  // The end of the turn sees to it that the end of the pause is not missed.
  server.wake();
}

export function endPause(server: Server, who: PauseReason): void {
  server.pause.end(who);
  rearm(server);
  releaseHeld(server);
}
