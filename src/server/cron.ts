/*
 * What happens by itself, `hz` times a second: dead keys are removed, the arena is cleaned, silent clients are dropped.
 * Each task has a budget, so that no tick keeps clients waiting noticeably.
 */

import { closeIdleClients, enforceOutputLimits } from './client-limits.ts';
import { sampleMemory } from './handlers/info-memory.ts';
import { sampleRates } from './handlers/info-stats.ts';
import type { Server } from './state/server.ts';

/** Milliseconds of one tick that go into moving records together. */
const CLEAN_BUDGET_MS = 1;

export function cronTick(server: Server): void {
  const { keyspace, clock, replication } = server;
  keyspace.now_ms = clock.now_ms();
  if (server.cronPaused) return;
  sampleRates(server);
  sampleMemory(server);
  // The turn that is asked for below does it, and those that follow (turn.ts).
  keyspace.beginExpiring();
  if (replication.role === 'primary') keyspace.own.clear();
  else if (keyspace.activeExpire) keyspace.own.removeDead();
  keyspace.clean(CLEAN_BUDGET_MS);
  closeIdleClients(server);
  enforceOutputLimits(server);
  server.links.cron();
  server.peers.cron();
  server.persistence.cron(clock.monotonic_ms());
  server.wake();
}
