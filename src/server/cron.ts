/*
 * What happens by itself, `hz` times a second: dead keys are removed, the arena is cleaned, silent clients are dropped.
 * Each task has a budget, so that no tick keeps clients waiting noticeably.
 */

import { closeIdleClients, enforceOutputLimits } from './client-limits.ts';
import type { Server } from './state/server.ts';

/** Milliseconds of one tick that go into removing dead keys, and into moving records together. */
const EXPIRE_BUDGET_MS = 1;
const CLEAN_BUDGET_MS = 1;

export function cronTick(server: Server): void {
  const { keyspace, clock, stats } = server;
  keyspace.now_ms = clock.now_ms();
  stats.sample(clock.monotonic_ms());
  if (!server.loading && !keyspace.passive) keyspace.expireCycle(EXPIRE_BUDGET_MS);
  keyspace.clean(CLEAN_BUDGET_MS);
  closeIdleClients(server);
  enforceOutputLimits(server);
  server.links.cron();
  server.peers.cron();
  server.persistence.cron(clock.monotonic_ms());
  server.wake();
}
