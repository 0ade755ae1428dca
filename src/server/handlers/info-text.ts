/*
 * INFO: sections of `name:value` lines. A section is a function of the server; which sections are shown by default, and
 * the order, are Redis'. Source: https://redis.io/docs/latest/commands/info/
 */

import { arch, platform, release } from 'node:os';
import { version as nodeVersion, resourceUsage } from 'node:process';
import type { Connection } from '../net/connection.ts';
import { OWN_VERSION, REDIS_VERSION } from '../observe/version.ts';
import type { Server } from '../state/server.ts';
import { replicationInfo } from './info-replication.ts';

export type InfoLines = [name: string, value: string | number][];

const SECTIONS: readonly { name: string; title: string; default: boolean; lines(server: Server): InfoLines }[] = [
  { name: 'server', title: 'Server', default: true, lines: serverLines },
  { name: 'clients', title: 'Clients', default: true, lines: clientLines },
  { name: 'memory', title: 'Memory', default: true, lines: memoryLines },
  { name: 'persistence', title: 'Persistence', default: true, lines: persistenceLines },
  { name: 'stats', title: 'Stats', default: true, lines: statsLines },
  { name: 'replication', title: 'Replication', default: true, lines: replicationInfo },
  { name: 'cpu', title: 'CPU', default: true, lines: cpuLines },
  { name: 'modules', title: 'Modules', default: true, lines: () => [] },
  { name: 'commandstats', title: 'Commandstats', default: false, lines: commandLines },
  { name: 'errorstats', title: 'Errorstats', default: true, lines: errorLines },
  { name: 'cluster', title: 'Cluster', default: true, lines: clusterLines },
  { name: 'keyspace', title: 'Keyspace', default: true, lines: keyspaceLines },
];

/** The text of INFO; `wanted` in lower case, empty for the default. Unknown sections are left out, as in Redis. */
export function infoText(server: Server, wanted: readonly string[]): string {
  const all = wanted.includes('all') || wanted.includes('everything');
  const defaults = wanted.length === 0 || wanted.includes('default');
  const shown = SECTIONS.filter((section) => all || (defaults && section.default) || wanted.includes(section.name));
  return shown
    .map(({ title, lines }) => {
      const body = lines(server).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${title}\r\n${body.join('')}`;
    })
    .join('\r\n');
}

function serverLines({
  clock,
  config,
  runId,
  started_ms,
  keyspace,
  port,
  tlsPort,
  configFile,
  cluster,
}: Server): InfoLines {
  const uptime_s = Math.floor((clock.monotonic_ms() - started_ms) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', `rkv-${OWN_VERSION}`],
    ['redis_mode', cluster === null ? 'standalone' : 'cluster'],
    ['os', `${platform()} ${release()} ${arch()}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'node performance.now'],
    ['multiplexing_api', 'libuv'],
    ['rkv_version', OWN_VERSION],
    ['node_version', nodeVersion],
    ['process_id', process.pid],
    ['process_supervised', 'no'],
    ['run_id', runId],
    ['tcp_port', port],
    ...(tlsPort === 0 ? [] : ([['tls_port', tlsPort]] as InfoLines)),
    ['server_time_usec', keyspace.now_ms * 1000],
    ['uptime_in_seconds', uptime_s],
    ['uptime_in_days', Math.floor(uptime_s / 86_400)],
    ['hz', config.hz],
    ['configured_hz', config.hz],
    ['lru_clock', Math.floor(keyspace.now_ms / 1000) & 0xffffff],
    ['executable', process.argv[1] ?? process.execPath],
    ['config_file', configFile ?? ''],
    ['io_threads_active', 0],
  ];
}

function clientLines({ clients, blocking, config, cluster }: Server): InfoLines {
  let normal = 0;
  for (const client of clients.values()) if (client.kind === 'normal') normal++;
  return [
    ['connected_clients', normal],
    ['cluster_connections', cluster === null ? 0 : cluster.connections],
    ['maxclients', config.maxclients],
    ['client_recent_max_input_buffer', 0],
    ['client_recent_max_output_buffer', 0],
    ['blocked_clients', blocking.size],
    ['tracking_clients', 0],
    ['clients_in_timeout_table', 0],
  ];
}

function memoryLines({ keyspace, config }: Server): InfoLines {
  const { rss, heapUsed, external } = process.memoryUsage();
  const used = keyspace.usedBytes();
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['used_memory_peak', used],
    ['used_memory_peak_human', human(used)],
    ['used_memory_dataset', used],
    ['node_heap_used', heapUsed],
    ['node_external', external],
    ['maxmemory', config.maxmemory],
    ['maxmemory_human', human(config.maxmemory)],
    ['maxmemory_policy', config['maxmemory-policy']],
    ['mem_fragmentation_ratio', (rss / Math.max(1, used)).toFixed(2)],
    ['mem_allocator', 'rkv-arena'],
    ['lazyfree_pending_objects', 0],
  ];
}

function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(2)}${units[unit]}`;
}

function persistenceLines({ persistence, loading, links }: Server): InfoLines {
  return [
    ['loading', loading ? 1 : 0],
    ['async_loading', links.isCopying ? 1 : 0],
    ['rdb_changes_since_last_save', persistence.changesSinceSave],
    ['rdb_bgsave_in_progress', persistence.purpose === 'save' || persistence.purpose === 'replicas' ? 1 : 0],
    ['rdb_last_save_time', persistence.lastSave_s],
    ['rdb_last_bgsave_status', persistence.lastSaveOk ? 'ok' : 'err'],
    ['rdb_saves', persistence.saves],
    ['aof_enabled', persistence.log.enabled ? 1 : 0],
    ['aof_rewrite_in_progress', persistence.purpose === 'rewrite' ? 1 : 0],
    ['aof_rewrite_scheduled', persistence.rewriteScheduled ? 1 : 0],
    ['aof_last_bgrewrite_status', persistence.lastRewriteOk ? 'ok' : 'err'],
    ['aof_last_write_status', persistence.whyNotDurable() === null ? 'ok' : 'err'],
    ...(persistence.log.enabled
      ? ([
          ['aof_current_size', persistence.log.size],
          ['aof_base_size', persistence.log.baseSize],
          ['aof_delayed_fsync', persistence.log.delayedSyncs],
        ] as InfoLines)
      : []),
  ];
}

function statsLines({ stats, keyspace, clients }: Server): InfoLines {
  return [
    ['total_connections_received', stats.get('connections')],
    ['total_commands_processed', stats.get('commands')],
    ['instantaneous_ops_per_sec', stats.commandsPerSecond()],
    ['total_net_input_bytes', stats.get('bytesIn') + sum(clients, (connection) => connection.bytesIn)],
    ['total_net_output_bytes', stats.get('bytesOut') + sum(clients, (connection) => connection.bytesOut)],
    ['rejected_connections', stats.get('rejectedConnections')],
    ['sync_full', stats.get('fullSyncs')],
    ['sync_partial_ok', stats.get('partialSyncsOk')],
    ['sync_partial_err', stats.get('partialSyncsRefused')],
    ['expired_keys', keyspace.expired],
    ['evicted_keys', 0],
    ['keyspace_hits', keyspace.hits],
    ['keyspace_misses', keyspace.misses],
    ['pubsub_channels', 0],
    ['pubsub_patterns', 0],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['total_error_replies', stats.get('errorReplies')],
    ['client_output_buffer_limit_disconnections', stats.get('outputLimitDisconnections')],
  ];
}

/** Over the connections that are open; those that are closed have been added to the statistics. */
function sum(clients: Server['clients'], of: (connection: Connection) => number): number {
  let total = 0;
  for (const { connection } of clients.values()) if (connection !== null) total += of(connection);
  return total;
}

function cpuLines(): InfoLines {
  const { userCPUTime, systemCPUTime } = resourceUsage();
  return [
    ['used_cpu_sys', (systemCPUTime / 1_000_000).toFixed(6)],
    ['used_cpu_user', (userCPUTime / 1_000_000).toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
  ];
}

function commandLines({ commands }: Server): InfoLines {
  const lines: InfoLines = [];
  for (const command of commands.all.flatMap((one) => [one, ...(one.subcommands?.values() ?? [])])) {
    const calls = commands.calls[command.index]!;
    if (calls > 0) lines.push([`cmdstat_${command.fullName}`, `calls=${calls}`]);
  }
  return lines;
}

function errorLines({ stats }: Server): InfoLines {
  return [...stats.errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function clusterLines({ cluster }: Server): InfoLines {
  return [['cluster_enabled', cluster === null ? 0 : 1]];
}

function keyspaceLines({ keyspace }: Server): InfoLines {
  return keyspace.databases
    .filter((db) => db.size > 0)
    .map((db) => [`db${db.index}`, `keys=${db.size},expires=${db.volatileSize},avg_ttl=0`]);
}
