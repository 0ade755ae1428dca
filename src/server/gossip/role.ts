/*
 * Primary or replica: the changes of role, ours and the others'.
 */
import { assert } from '../../base/assert.ts';
import { MIGRATE_TO, PRIMARY, REPLICA } from './flags.ts';
import { closeOpenSlots, dropSlots, moveSlots } from './slot-map.ts';
import {
  type ClusterNode,
  hasAddress,
  isPrimary,
  isReplica,
  persist,
  type State,
  setPrimaryOf,
  shardIdOf,
  type World,
} from './state.ts';

/** Another node says, or an election shows, that it is a primary. */
export function markPrimary(state: State, node: ClusterNode, world: World): void {
  if (isPrimary(node)) return;
  // The shard is the same, under another primary.
  node.shardId = shardIdOf(node);
  setPrimaryOf(node, null);
  // It had a primary: it is a place worth a replica.
  if (node !== state.myself) node.flags |= MIGRATE_TO;
  node.flags = (node.flags & ~REPLICA) | PRIMARY;
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
}

/** Another node says that it is a replica. Its primary may be unknown yet. */
export function markReplica(state: State, node: ClusterNode, primary: ClusterNode | null, world: World): void {
  if (!isReplica(node)) {
    dropSlots(state, node);
    node.flags = (node.flags & ~(PRIMARY | MIGRATE_TO)) | REPLICA;
    state.evaluateWanted = true;
    persist(state, world, { fsync: false });
  }
  if (primary === null || primary === node || node.primary === primary) return;
  setPrimaryOf(node, primary);
  persist(state, world, { fsync: false });
}

/**
 * Makes this node a replica of another. Its slots, if it had any, are gone already. `heir`: the other one has taken over
 * the shard whose data we have; else ours is worth nothing there.
 */
export function becomeReplicaOf(state: State, primary: ClusterNode, { heir }: { heir: boolean }, world: World): void {
  const { myself } = state;
  assert(primary !== myself, 'a node does not replicate itself');
  assert(myself.slots.count() === 0, '(3) a replica owns no slots');
  if (isPrimary(myself)) {
    myself.flags = (myself.flags & ~(PRIMARY | MIGRATE_TO)) | REPLICA;
    closeOpenSlots(state);
  }
  if (myself.primary !== primary && !heir) state.newShard = true;
  setPrimaryOf(myself, primary);
  state.evaluateWanted = true;
  state.announceWanted = true;
  endManualFailover(state, world);
  persist(state, world, { fsync: true });
  followPrimary(state, world);
}

/** Makes this node, a replica, the primary of its shard, with all slots its primary had. The epoch is settled already. */
export function takeOver(state: State, world: World): void {
  const { myself } = state;
  const previous = myself.primary;
  assert(previous !== null, 'only a replica with a primary takes over');
  markPrimary(state, myself, world);
  persist(state, world, { fsync: true });
  stopFollowing(state, world);
  moveSlots(state, previous, myself);
  state.evaluateWanted = true;
}

/** Points the replication at our primary, when it is not there already and there is an address. */
export function followPrimary(state: State, world: World): void {
  const { primary } = state.myself;
  if (!isReplica(state.myself) || primary === null || !hasAddress(primary) || primary.ip === '') return;
  const address = `${primary.id} ${primary.ip}:${primary.port}`;
  if (state.replicating === address) return;
  state.replicating = address;
  const { id: node, ip, port, plainPort } = primary;
  world.effects.push({ type: 'replicate', node, ip, port, plainPort, newShard: state.newShard });
  state.newShard = false;
}

export function stopFollowing(state: State, world: World): void {
  state.replicating = '';
  state.newShard = false;
  world.effects.push({ type: 'becomePrimary' });
}

/** Forgets a manual failover, however far it got; a primary lets its clients write again. */
export function endManualFailover(state: State, world: World): void {
  const { manual } = state;
  if (manual.replica !== null) world.effects.push({ type: 'resumeWrites' });
  manual.end_ms = 0;
  manual.replica = null;
  manual.primaryOffset = -1;
  manual.canStart = false;
}
