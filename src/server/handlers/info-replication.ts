/* INFO replication (spec: replication.md, section 8). */

import type { InfoLines } from '../../base/info-lines.ts';
import type { Server } from '../state/server.ts';

export function replicationInfo(server: Server): InfoLines {
  const { replication, links, config } = server;
  const replicas = links.replicas();
  const { backlog } = links;
  return [
    ['role', replication.role === 'replica' ? 'slave' : 'master'],
    ...linesOfReplica(server),
    ['connected_slaves', replicas.length],
    ...linesOfMinimum(server),
    ...replicas.map(({ ip, port, state, offset, lag_s }, i): InfoLines[number] => {
      return [`slave${i}`, `ip=${ip},port=${port},state=${state},offset=${offset},lag=${lag_s}`];
    }),
    ['master_failover_state', 'no-failover'],
    ['master_replid', replication.id],
    ['master_replid2', replication.secondId],
    ['master_repl_offset', replication.offset],
    ['second_repl_offset', replication.secondOffset],
    ['repl_backlog_active', backlog === null ? 0 : 1],
    ['repl_backlog_size', config['repl-backlog-size']],
    ['repl_backlog_first_byte_offset', backlog?.first ?? 0],
    ['repl_backlog_histlen', backlog?.length ?? 0],
  ];
}

function linesOfReplica({ replication, links, config, clock }: Server): InfoLines {
  const { primary } = links;
  if (primary === null) return [];
  const since_s = (at_ms: number): number => Math.floor((clock.monotonic_ms() - at_ms) / 1000);
  const { total, read } = primary.progress;
  const lines: InfoLines = [
    ['master_host', primary.address.host],
    ['master_port', primary.address.port],
    ['master_link_status', primary.isUp ? 'up' : 'down'],
    ['master_last_io_seconds_ago', primary.isUp ? since_s(primary.heard_ms) : -1],
    ['master_sync_in_progress', primary.isSyncing ? 1 : 0],
    ['slave_read_repl_offset', replication.offset],
    ['slave_repl_offset', replication.offset],
  ];
  if (primary.isSyncing) {
    lines.push(
      ['master_sync_total_bytes', total],
      ['master_sync_read_bytes', read],
      ['master_sync_left_bytes', total - read],
      ['master_sync_perc', total === 0 ? '0.00' : ((read * 100) / total).toFixed(2)],
      ['master_sync_last_io_seconds_ago', since_s(primary.heard_ms)],
    );
  }
  if (!primary.isUp) {
    const { silence_ms } = links;
    lines.push(['master_link_down_since_seconds', Number.isFinite(silence_ms) ? Math.floor(silence_ms / 1000) : -1]);
    if (primary.whyDown !== '') lines.push(['master_link_down_reason', inOneLine(primary.whyDown)]);
    if (links.refusal !== null) lines.push(['master_refused_command', inOneLine(links.refusal.command)]);
  }
  lines.push(
    ['slave_priority', config['replica-priority']],
    ['slave_read_only', config['replica-read-only'] ? 1 : 0],
    ['replica_announced', config['replica-announced'] ? 1 : 0],
  );
  return lines;
}

/** What the other side sent may hold anything; a field of INFO ends with its line. */
function inOneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

function linesOfMinimum({ config, links }: Server): InfoLines {
  const configured = config['min-replicas-to-write'] > 0 && config['min-replicas-max-lag'] > 0;
  return configured ? [['min_slaves_good_slaves', links.goodReplicas]] : [];
}
