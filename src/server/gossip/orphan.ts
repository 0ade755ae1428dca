/*
 * A primary whose last replica is gone gets one from a shard that can spare it. Exactly one replica of the cluster should
 * move: the one with the smallest id among those of the richest shards, and only after a while, because replicas that
 * restart come back.
 */
import { MIGRATE_TO } from './flags.ts';
import { becomeReplicaOf } from './role.ts';
import { type ClusterNode, isFailed, isPrimary, isReplica, isSuspected, log, type State, type World } from './state.ts';

const ORPHANED_MS = 5000;

/** Once a tick, on replicas. */
export function adoptOrphan(state: State, world: World): void {
  const { myself, config } = state;
  if (!isReplica(myself) || !config.allowReplicaMigration) return;
  const richest = countOrphansAndRichest(state, world.now_ms);
  const { primary } = myself;
  if (richest.orphans === 0 || richest.replicas < 2 || primary === null || !state.ok) return;
  if (liveReplicas(primary) !== richest.replicas) return;
  // Suspected replicas are not live enough to be the ones that stay.
  const staying = primary.replicas.filter((node) => !isFailed(node) && !isSuspected(node)).length;
  if (staying <= config.migrationBarrier) return;
  const target = state.list.find((node) => isOrphaned(node) && node.slots.count() > 0);
  if (target === undefined || world.now_ms - target.orphaned_ms <= ORPHANED_MS) return;
  if (config.replicaNoFailover || candidateOf(state, richest.replicas) !== myself) return;
  log(world, 'warning', `Migrating to orphaned master ${target.id}`);
  becomeReplicaOf(state, target, { heir: false }, world);
}

/** Replicas that have not failed. */
function liveReplicas(primary: ClusterNode): number {
  let count = 0;
  for (const replica of primary.replicas) if (!isFailed(replica)) count++;
  return count;
}

function countOrphansAndRichest(state: State, now_ms: number): { orphans: number; replicas: number } {
  let orphans = 0;
  let replicas = 0;
  for (const node of state.list) {
    if (!isPrimary(node)) continue;
    replicas = Math.max(replicas, liveReplicas(node));
    if (!isOrphaned(node)) {
      node.orphaned_ms = 0;
      continue;
    }
    if (node.orphaned_ms === 0) node.orphaned_ms = now_ms;
    if (node.slots.count() > 0) orphans++;
  }
  return { orphans, replicas };
}

function isOrphaned(node: ClusterNode): boolean {
  return isPrimary(node) && !isFailed(node) && (node.flags & MIGRATE_TO) !== 0 && liveReplicas(node) === 0;
}

function candidateOf(state: State, replicas: number): ClusterNode {
  let candidate = state.myself;
  for (const primary of state.list) {
    if (liveReplicas(primary) !== replicas) continue;
    for (const replica of primary.replicas) if (replica.id < candidate.id) candidate = replica;
  }
  return candidate;
}
