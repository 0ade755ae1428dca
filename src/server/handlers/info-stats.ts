/* INFO stats: totals since the start or since CONFIG RESETSTAT, and rates over the last seconds. */

import { performance } from 'node:perf_hooks';
import type { InfoLines } from '../../base/info-lines.ts';
import { profileOf } from '../../config/profiles.ts';
import type { Connection } from '../net/connection.ts';
import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';

interface Traffic {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly replicaBytesIn: number;
  readonly replicaBytesOut: number;
  readonly reads: number;
  readonly writes: number;
}

/** Of connections that are closed, which were added to the statistics, and of those that are open. */
function trafficOf({ stats, clients, links }: Server): Traffic {
  const isReplica = (client: Client): boolean => client.kind === 'replica';
  return {
    bytesIn: stats.get('bytesIn') + sum(clients, ({ bytesIn }) => bytesIn),
    bytesOut: stats.get('bytesOut') + sum(clients, ({ bytesOut }) => bytesOut),
    replicaBytesIn: stats.get('replicaBytesIn') + (links.primary?.bytesIn ?? 0),
    replicaBytesOut: stats.get('replicaBytesOut') + sum(clients, ({ bytesOut }) => bytesOut, isReplica),
    reads: stats.get('reads') + sum(clients, ({ reads }) => reads),
    writes: stats.get('writes') + sum(clients, ({ writes }) => writes),
  };
}

function sum(
  clients: Server['clients'],
  of: (connection: Connection) => number,
  counts: (client: Client) => boolean = () => true,
): number {
  let total = 0;
  for (const client of clients.values()) {
    if (client.connection !== null && counts(client)) total += of(client.connection);
  }
  return total;
}

/** A connection is closed: what it carried is kept. */
export function keepTraffic({ stats }: Server, { connection, kind }: Client): void {
  if (connection === null) return;
  stats.add('bytesIn', connection.bytesIn);
  stats.add('bytesOut', connection.bytesOut);
  stats.add('reads', connection.reads);
  stats.add('writes', connection.writes);
  if (kind === 'replica') stats.add('replicaBytesOut', connection.bytesOut);
}

/** Of all open connections, as if they had just been opened. */
export function resetTraffic({ clients, links }: Server): void {
  for (const { connection } of clients.values()) connection?.resetTraffic();
  links.primary?.resetTraffic();
}

/** Called by the cron. */
export function sampleRates(server: Server): void {
  const { stats, clock } = server;
  const now_ms = clock.monotonic_ms();
  const traffic = trafficOf(server);
  stats.commandRate.sample(stats.get('commands'), now_ms);
  stats.inputRate.sample(traffic.bytesIn, now_ms);
  stats.outputRate.sample(traffic.bytesOut, now_ms);
  stats.replicaInputRate.sample(traffic.replicaBytesIn, now_ms);
  stats.replicaOutputRate.sample(traffic.replicaBytesOut, now_ms);
  const { cycles, active_us } = eventLoop();
  stats.cycleRate.sample(cycles, now_ms);
  stats.activeRate.sample(active_us, now_ms);
}

export function statsInfo(server: Server): InfoLines {
  const { stats, keyspace, peers, pubsub } = server;
  const traffic = trafficOf(server);
  return [
    ['total_connections_received', stats.get('connections')],
    ['total_commands_processed', stats.get('commands')],
    ['instantaneous_ops_per_sec', Math.round(stats.commandRate.perSecond)],
    ['total_net_input_bytes', traffic.bytesIn + traffic.replicaBytesIn],
    ['total_net_output_bytes', traffic.bytesOut],
    ['total_net_repl_input_bytes', traffic.replicaBytesIn],
    ['total_net_repl_output_bytes', traffic.replicaBytesOut],
    ['instantaneous_input_kbps', kilobytes(stats.inputRate.perSecond)],
    ['instantaneous_output_kbps', kilobytes(stats.outputRate.perSecond)],
    ['instantaneous_input_repl_kbps', kilobytes(stats.replicaInputRate.perSecond)],
    ['instantaneous_output_repl_kbps', kilobytes(stats.replicaOutputRate.perSecond)],
    ['rejected_connections', stats.get('rejectedConnections')],
    ['sync_full', stats.get('fullSyncs')],
    ['sync_partial_ok', stats.get('partialSyncsOk')],
    ['sync_partial_err', stats.get('partialSyncsRefused')],
    ['expired_keys', keyspace.expired],
    ['expired_stale_perc', keyspace.expiry.stalePercent.toFixed(2)],
    ['expired_time_cap_reached_count', keyspace.expiry.cappedSlices],
    ['expire_cycle_cpu_milliseconds', Math.floor(keyspace.expiry.spent_ms)],
    ...EVICTION,
    ['keyspace_hits', keyspace.hits],
    ['keyspace_misses', keyspace.misses],
    ['pubsub_channels', pubsub.channelCount],
    ['pubsub_patterns', pubsub.patternCount],
    ['pubsubshard_channels', 0],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', peers.size],
    ['slave_expires_tracked_keys', keyspace.own.size],
    ...DEFRAGMENTATION_AND_TRACKING,
    ['unexpected_error_replies', 0],
    ['total_error_replies', stats.get('errorReplies')],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', traffic.reads],
    ['total_writes_processed', traffic.writes],
    ['io_threaded_reads_processed', 0],
    ['io_threaded_writes_processed', 0],
    ['reply_buffer_shrinks', 0],
    ['reply_buffer_expands', 0],
    ['client_output_buffer_limit_disconnections', stats.get('outputLimitDisconnections')],
    ...(profileOf(server.config).since72 ? sinceRedis72(server) : []),
  ];
}

/** Refusals by what was not allowed, and what the event loop does. */
function sinceRedis72({ stats, commandStats }: Server): InfoLines {
  const { cycles, active_us } = eventLoop();
  const cyclesPerSecond = stats.cycleRate.perSecond;
  const perCycle_us = cyclesPerSecond === 0 ? 0 : stats.activeRate.perSecond / cyclesPerSecond;
  return [
    ['eventloop_cycles', cycles],
    ['eventloop_duration_sum', active_us],
    ['eventloop_duration_cmd_sum', commandStats.total_us],
    ['instantaneous_eventloop_cycles_per_sec', Math.round(cyclesPerSecond)],
    ['instantaneous_eventloop_duration_usec', Math.round(perCycle_us)],
    ['acl_access_denied_auth', stats.get('refusedLogins')],
    // There are no users who may do less than everything.
    ['acl_access_denied_cmd', 0],
    ['acl_access_denied_key', 0],
    ['acl_access_denied_channel', 0],
  ];
}

/** Of the process: it has one loop, whatever runs in it besides. */
function eventLoop(): { cycles: number; active_us: number } {
  const { active } = performance.eventLoopUtilization();
  return { cycles: performance.nodeTiming.uvMetricsInfo.loopCount, active_us: Math.round(active * 1000) };
}

const EVICTION: InfoLines = [
  ['evicted_keys', 0],
  ['evicted_clients', 0],
  ['total_eviction_exceeded_time', 0],
  ['current_eviction_exceeded_time', 0],
];

const DEFRAGMENTATION_AND_TRACKING: InfoLines = [
  ['active_defrag_hits', 0],
  ['active_defrag_misses', 0],
  ['active_defrag_key_hits', 0],
  ['active_defrag_key_misses', 0],
  ['total_active_defrag_time', 0],
  ['current_active_defrag_time', 0],
  ['tracking_total_keys', 0],
  ['tracking_total_items', 0],
  ['tracking_total_prefixes', 0],
];

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}
