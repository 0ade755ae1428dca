/*
 * INFO: sections of `name:value` lines. A section is a function of the server; which sections are shown by default, and
 * the order, are Redis'. Source: https://redis.io/docs/latest/commands/info/
 */

import { machine, release, type } from 'node:os';
import { version as nodeVersion } from 'node:process';
import { toByteText } from '../../base/byte-text.ts';
import type { InfoLines } from '../../base/info-lines.ts';
import { type Profile, profileOf } from '../../config/profiles.ts';
import { commandStatsInfo, latencyStatsInfo } from '../command/command-info.ts';
import { keyspaceInfo } from '../keyspace/keyspace-info.ts';
import { OWN_VERSION } from '../observe/version.ts';
import { persistenceInfo } from '../persistence/persistence-info.ts';
import type { Server } from '../state/server.ts';
import { memoryInfo } from './info-memory.ts';
import { replicationInfo } from './info-replication.ts';
import { statsInfo } from './info-stats.ts';

const SECTIONS: readonly { name: string; title: string; default: boolean; lines(server: Server): InfoLines }[] = [
  { name: 'server', title: 'Server', default: true, lines: serverLines },
  { name: 'clients', title: 'Clients', default: true, lines: clientLines },
  { name: 'memory', title: 'Memory', default: true, lines: memoryInfo },
  { name: 'persistence', title: 'Persistence', default: true, lines: persistenceLines },
  { name: 'stats', title: 'Stats', default: true, lines: statsInfo },
  { name: 'replication', title: 'Replication', default: true, lines: replicationInfo },
  { name: 'cpu', title: 'CPU', default: true, lines: cpuLines },
  { name: 'modules', title: 'Modules', default: true, lines: () => [] },
  { name: 'commandstats', title: 'Commandstats', default: false, lines: commandLines },
  { name: 'errorstats', title: 'Errorstats', default: true, lines: errorLines },
  { name: 'latencystats', title: 'Latencystats', default: false, lines: latencyLines },
  { name: 'cluster', title: 'Cluster', default: true, lines: clusterLines },
  { name: 'keyspace', title: 'Keyspace', default: true, lines: ({ keyspace }) => keyspaceInfo(keyspace) },
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

/** As which server this one is seen. */
function versionLines(profile: Profile): InfoLines {
  const { redisVersion, product, productVersion, since72 } = profile;
  const lines: InfoLines = [['redis_version', redisVersion]];
  if (since72) lines.push(['server_name', product === 'valkey' ? product : 'rkv']);
  if (product === 'valkey') lines.push(['valkey_version', productVersion]);
  return lines;
}

/** What it listens on, a line for each kind of connection. */
function listenerLines({ config, port, tlsPort }: Server): InfoLines {
  const bound = config.bind.map((address) => `,bind=${address}`).join('');
  const lines: InfoLines = [];
  if (port !== 0) lines.push(['listener0', `name=tcp${bound},port=${port}`]);
  if (config.unixsocket !== '') lines.push(['listener1', `name=unix,bind=${config.unixsocket}`]);
  if (tlsPort !== 0) lines.push(['listener2', `name=tls${bound},port=${tlsPort}`]);
  return lines;
}

function serverLines(server: Server): InfoLines {
  const { clock, config, runId, started_ms, keyspace, port, tlsPort, configFile, cluster, shutdownLeft_ms } = server;
  const profile = profileOf(config);
  const uptime_s = Math.floor((clock.monotonic_ms() - started_ms) / 1000);
  const left_ms = shutdownLeft_ms();
  return [
    ...versionLines(profile),
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', `rkv-${OWN_VERSION}`],
    [profile.product === 'valkey' ? 'server_mode' : 'redis_mode', cluster === null ? 'standalone' : 'cluster'],
    ['os', `${type()} ${release()} ${machine()}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'node performance.now'],
    ['multiplexing_api', 'libuv'],
    ['atomicvar_api', 'ecmascript'],
    // What Redis says when it was not built by GCC.
    ['gcc_version', '0.0.0'],
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
    ['executable', toByteText(process.argv[1] ?? process.execPath)],
    ['config_file', configFile ?? ''],
    ['io_threads_active', 0],
    ...(profile.since72 ? listenerLines(server) : []),
    ...(left_ms === null ? [] : ([['shutdown_in_milliseconds', Math.ceil(left_ms)]] as InfoLines)),
  ];
}

function clientLines({ clients, blocking, config, cluster, stats, keyspace }: Server): InfoLines {
  const { since72, product } = profileOf(config);
  let normal = 0;
  let watching = 0;
  let watched = 0;
  for (const client of clients.values()) {
    if (client.kind === 'normal') normal++;
    if (client.watching.length > 0) watching++;
    watched += client.watching.length;
  }
  return [
    ['connected_clients', normal],
    ['cluster_connections', cluster === null ? 0 : cluster.connections],
    ['maxclients', config.maxclients],
    ['client_recent_max_input_buffer', stats.largestInput.value(keyspace.now_ms)],
    ['client_recent_max_output_buffer', stats.largestOutput.value(keyspace.now_ms)],
    ['blocked_clients', blocking.size],
    ['tracking_clients', 0],
    ...(product === 'valkey' ? ([['watching_clients', watching]] as InfoLines) : []),
    ['clients_in_timeout_table', blocking.withDeadline],
    ...(product === 'valkey' ? ([['total_watched_keys', watched]] as InfoLines) : []),
    ...(since72 ? NO_BLOCKING_KEYS : []),
  ];
}

/** No command waits for a key yet. */
const NO_BLOCKING_KEYS: InfoLines = [
  ['total_blocking_keys', 0],
  ['total_blocking_keys_on_nokey', 0],
];

function persistenceLines({ persistence, loading, links, clock, keyspace }: Server): InfoLines {
  const asyncLoading = links.isCopying;
  return persistenceInfo(persistence, {
    loading,
    asyncLoading,
    now_ms: clock.now_ms(),
    usedBytes: keyspace.usedBytes(),
  });
}

function cpuLines(): InfoLines {
  const whole = process.cpuUsage();
  // Node has it since 23.9.
  const own = (process as { threadCpuUsage?: () => NodeJS.CpuUsage }).threadCpuUsage?.() ?? whole;
  return [
    ['used_cpu_sys', seconds(whole.system)],
    ['used_cpu_user', seconds(whole.user)],
    ['used_cpu_sys_children', seconds(0)],
    ['used_cpu_user_children', seconds(0)],
    ['used_cpu_sys_main_thread', seconds(own.system)],
    ['used_cpu_user_main_thread', seconds(own.user)],
  ];
}

function seconds(us: number): string {
  return (us / 1_000_000).toFixed(6);
}

function commandLines({ commands, commandStats }: Server): InfoLines {
  return commandStatsInfo(commands, commandStats);
}

function latencyLines({ commands, commandStats, config }: Server): InfoLines {
  if (!config['latency-tracking']) return [];
  return latencyStatsInfo(commands, commandStats, config['latency-tracking-info-percentiles']);
}

function errorLines({ stats }: Server): InfoLines {
  return [...stats.errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function clusterLines({ cluster }: Server): InfoLines {
  return [['cluster_enabled', cluster === null ? 0 : 1]];
}
