/* INFO persistence. What Redis says about a child that it forked is 0 here: nothing forks. */

import { type InfoLines, percent } from '../../base/info-lines.ts';
import type { Persistence } from './persistence.ts';

interface Surroundings {
  readonly loading: boolean;
  /** A full copy comes in, beside the data that is served. */
  readonly asyncLoading: boolean;
  readonly now_ms: number;
  /** Of the data set. */
  readonly usedBytes: number;
}

export function persistenceInfo(
  persistence: Persistence,
  { loading, asyncLoading, now_ms, usedBytes }: Surroundings,
): InfoLines {
  const { log, purpose, progress } = persistence;
  const job = progress.snapshot;
  const saving = purpose === 'save' || purpose === 'replicas';
  const took_s = job === null ? -1 : job.took_s;
  return [
    ['loading', loading ? 1 : 0],
    ['async_loading', asyncLoading ? 1 : 0],
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', job === null ? '0.00' : percent(Math.min(job.keys, job.keysTotal), job.keysTotal)],
    ['current_save_keys_processed', job?.keys ?? 0],
    ['current_save_keys_total', job?.keysTotal ?? 0],
    ['rdb_changes_since_last_save', persistence.changesSinceSave],
    ['rdb_bgsave_in_progress', saving ? 1 : 0],
    ['rdb_last_save_time', persistence.lastSave_s],
    ['rdb_last_bgsave_status', persistence.lastSaveOk ? 'ok' : 'err'],
    ['rdb_last_bgsave_time_sec', progress.lastSave_s],
    ['rdb_current_bgsave_time_sec', saving ? took_s : -1],
    ['rdb_saves', persistence.saves],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', progress.keysExpired],
    ['rdb_last_load_keys_loaded', progress.keysLoaded],
    ['aof_enabled', log.enabled ? 1 : 0],
    ['aof_rewrite_in_progress', purpose === 'rewrite' ? 1 : 0],
    ['aof_rewrite_scheduled', persistence.rewriteScheduled ? 1 : 0],
    ['aof_last_rewrite_time_sec', progress.lastRewrite_s],
    ['aof_current_rewrite_time_sec', purpose === 'rewrite' ? took_s : -1],
    ['aof_last_bgrewrite_status', persistence.lastRewriteOk ? 'ok' : 'err'],
    ['aof_rewrites', persistence.rewrites],
    ['aof_rewrites_consecutive_failures', persistence.pace.failures],
    ['aof_last_write_status', persistence.log.failure === null ? 'ok' : 'err'],
    ['aof_last_cow_size', 0],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
    ...logLines(persistence),
    ...loadingLines(persistence, now_ms, usedBytes),
  ];
}

function loadingLines({ progress: { loading } }: Persistence, now_ms: number, usedBytes: number): InfoLines {
  if (loading === null) return [];
  const { since_s, bytes, totalBytes } = loading;
  const passed_s = Math.floor(now_ms / 1000) - since_s;
  // One second when it cannot be told yet, as in Redis.
  const left_s = bytes === 0 || passed_s <= 0 ? 1 : Math.floor((passed_s * (totalBytes - bytes)) / bytes);
  return [
    ['loading_start_time', since_s],
    ['loading_total_bytes', totalBytes],
    ['loading_rdb_used_mem', usedBytes],
    ['loading_loaded_bytes', bytes],
    ['loading_loaded_perc', percent(bytes, totalBytes)],
    ['loading_eta_seconds', left_s],
  ];
}

function logLines({ log, rewriteScheduled }: Persistence): InfoLines {
  if (!log.enabled) return [];
  return [
    ['aof_current_size', log.size],
    ['aof_base_size', log.baseSize],
    ['aof_pending_rewrite', rewriteScheduled ? 1 : 0],
    ['aof_buffer_length', log.batchBytes],
    ['aof_pending_bio_fsync', log.syncing ? 1 : 0],
    ['aof_delayed_fsync', log.delayedSyncs],
  ];
}
