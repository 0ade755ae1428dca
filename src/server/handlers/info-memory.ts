/*
 * INFO memory. `used_memory` is a sum of what this server counts itself: what the process had when the server was put
 * together (startup), the data set, and what connections, replication and the log hold on top of it. V8's garbage is in
 * none of them: it shows in the allocator's figures, which are those of the whole process.
 */

import { totalmem } from 'node:os';
import { humanBytes, type InfoLines, percent } from '../../base/info-lines.ts';
import type { Server } from '../state/server.ts';
import { memoryOfClient } from './client-memory.ts';

interface Used {
  readonly startup: number;
  /** Tables of keys: the part of the databases that is not data. */
  readonly tables: number;
  readonly data: number;
  readonly normalClients: number;
  readonly replicas: number;
  readonly backlog: number;
  readonly replicationBuffers: number;
  readonly clusterLinks: number;
  readonly log: number;
  readonly overhead: number;
  readonly total: number;
}

function usedMemory(server: Server): Used {
  const { keyspace, links, persistence, cluster, stats } = server;
  const { tableBytes: tables, usedBytes } = keyspace.stats();
  let normalClients = 0;
  let replicas = 0;
  for (const client of server.clients.values()) {
    const { total } = memoryOfClient(server, client);
    if (client.kind === 'replica') replicas += total;
    else normalClients += total;
  }
  const backlog = links.backlog?.length ?? 0;
  const clusterLinks = cluster?.linkBytes ?? 0;
  const log = persistence.log.batchBytes;
  const startup = stats.usedMemoryStartup;
  const overhead = startup + tables + normalClients + replicas + backlog + clusterLinks + log;
  return {
    startup,
    tables,
    data: usedBytes - tables,
    normalClients,
    replicas,
    backlog,
    replicationBuffers: backlog + replicas,
    clusterLinks,
    log,
    overhead,
    total: overhead + usedBytes - tables,
  };
}

/** As often the cron looks: adding up what all clients hold takes a while when there are thousands. */
const SAMPLE_INTERVAL_MS = 1000;

/** Called by the cron. Whenever somebody asks for INFO memory, the peak is noted too. */
export function sampleMemory(server: Server): void {
  const now_ms = server.clock.monotonic_ms();
  if (now_ms - server.stats.memorySampled_ms < SAMPLE_INTERVAL_MS) return;
  server.stats.memorySampled_ms = now_ms;
  noteMemoryPeak(server, usedMemory(server));
}

function noteMemoryPeak({ stats }: Server, { total }: Used): void {
  if (total > stats.usedMemoryPeak) stats.usedMemoryPeak = total;
}

export function memoryInfo(server: Server): InfoLines {
  const { stats, config } = server;
  const used = usedMemory(server);
  noteMemoryPeak(server, used);
  const figures = allocatorFigures(server);
  const peak = stats.usedMemoryPeak;
  return [
    ...withHuman('used_memory', used.total),
    ...withHuman('used_memory_rss', figures.rss),
    ...withHuman('used_memory_peak', peak),
    ['used_memory_peak_perc', `${percent(used.total, peak)}%`],
    ['used_memory_overhead', used.overhead],
    ['used_memory_startup', used.startup],
    ['used_memory_dataset', used.data],
    ['used_memory_dataset_perc', `${percent(used.data, used.total - used.startup)}%`],
    ['allocator_allocated', figures.allocated],
    ['allocator_active', figures.active],
    ['allocator_resident', figures.rss],
    ...withHuman('total_system_memory', totalmem()),
    ...SCRIPTING,
    ...withHuman('maxmemory', config.maxmemory),
    ['maxmemory_policy', config['maxmemory-policy']],
    ...fragmentationLines(used, figures),
    ['mem_not_counted_for_evict', used.log + used.replicas],
    ['mem_replication_backlog', used.backlog],
    ['mem_total_replication_buffers', used.replicationBuffers],
    ['mem_clients_slaves', used.replicas],
    ['mem_clients_normal', used.normalClients],
    ['mem_cluster_links', used.clusterLinks],
    ['mem_aof_buffer', used.log],
    ['mem_allocator', 'rkv-arena'],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', 0],
    ['lazyfreed_objects', 0],
    ['node_heap_used', figures.heapUsed],
    ['node_external', figures.external],
  ];
}

/** There are no scripts and no functions that could take memory. */
const SCRIPTING: InfoLines = [
  ['used_memory_lua', 0],
  ['used_memory_vm_eval', 0],
  ['used_memory_lua_human', '0B'],
  ['used_memory_scripts_eval', 0],
  ['number_of_cached_scripts', 0],
  ['number_of_functions', 0],
  ['number_of_libraries', 0],
  ['used_memory_vm_functions', 0],
  ...withHuman('used_memory_vm_total', 0),
  ['used_memory_functions', 0],
  ...withHuman('used_memory_scripts', 0),
];

interface AllocatorFigures {
  /** In use, and held for it: V8's heap and what lies outside of it, the arenas of the data among them. */
  readonly allocated: number;
  readonly active: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

function allocatorFigures({ keyspace }: Server): AllocatorFigures {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { arenaBytes, recordBytes } = keyspace.stats();
  const active = heapTotal + external;
  const unused = Math.max(0, arenaBytes - recordBytes);
  return { allocated: Math.max(0, heapUsed + external - unused), active, rss, heapUsed, external };
}

function fragmentationLines({ total }: Used, { allocated, active, rss }: AllocatorFigures): InfoLines {
  return [
    ['allocator_frag_ratio', ratio(active, allocated)],
    ['allocator_frag_bytes', active - allocated],
    ['allocator_rss_ratio', ratio(rss, active)],
    ['allocator_rss_bytes', rss - active],
    // Redis' third step, from what the allocator holds to what the process has: here both are the same.
    ['rss_overhead_ratio', '1.00'],
    ['rss_overhead_bytes', 0],
    ['mem_fragmentation_ratio', ratio(rss, total)],
    ['mem_fragmentation_bytes', rss - total],
  ];
}

function ratio(part: number, whole: number): string {
  return (part / Math.max(1, whole)).toFixed(2);
}

function withHuman(name: string, bytes: number): InfoLines {
  return [
    [name, bytes],
    [`${name}_human`, humanBytes(bytes)],
  ];
}
