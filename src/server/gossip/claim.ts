/*
 * A primary claims slots with an epoch. The claim with the newer epoch wins each slot; equal epochs move nothing. A slot
 * that its owner no longer claims stays bound to it, so that clients still find the data, but the next claim has it.
 */
import { becomeReplicaOf } from './role.ts';
import { countBits, hasBit, isUnclaimed, setOwner } from './slot-map.ts';
import { type ClusterNode, log, ownerOf, persist, type State, shardPrimary, type World } from './state.ts';

interface Claim {
  readonly claimer: ClusterNode;
  readonly epoch: number;
  readonly slots: Buffer;
}

/** Takes in the claim; this node may lose slots, and become a replica of the claimer when none are left. */
export function applyClaim(state: State, claim: Claim, world: World): void {
  const { claimer } = claim;
  const { myself } = state;
  // Nobody knows better than ourselves what we own.
  if (claimer === myself) return;
  const ourPrimary = shardPrimary(myself);
  const outcome: Outcome = { taken: 0, takenFromUs: 0, withKeys: [] };
  const arrival: Arrival = { claim, ourPrimary, outcome };
  for (let byte = 0; byte < claim.slots.length; byte++) {
    const claimed = claim.slots[byte] as number;
    const abandoned = state.abandoned.bitmap[byte] as number;
    // Most bytes say what is known.
    if (claimed === claimer.slots.bitmap[byte] && (claimed & abandoned) === 0) continue;
    for (let slot = byte * 8; slot < byte * 8 + 8; slot++) claimSlot(state, slot, arrival, world);
  }
  if (outcome.taken > 0) {
    state.evaluateWanted = true;
    // A new epoch has asked for fsync already. Without one, slots move by the hundreds: a sync a tick is enough for them all.
    persist(state, world, { fsync: false });
    state.syncWanted = true;
  }
  settleLoss(state, arrival, world);
}

interface Outcome {
  taken: number;
  /** Of our shard's slots. */
  takenFromUs: number;
  /** Slots we lost whose keys we hold. */
  withKeys: number[];
}

interface Arrival {
  readonly claim: Claim;
  readonly ourPrimary: ClusterNode;
  readonly outcome: Outcome;
}

function claimSlot(state: State, slot: number, { claim, ourPrimary, outcome }: Arrival, world: World): void {
  const { claimer, epoch } = claim;
  const owner = ownerOf(state, slot);
  if (!hasBit(claim.slots, slot)) {
    if (owner === claimer) state.abandoned.add(slot);
    return;
  }
  if (owner === claimer) {
    state.abandoned.delete(slot);
    return;
  }
  // Keys arrive here right now: only who started that may end it.
  if (state.importingFrom.has(slot)) return;
  // (7) Equal epochs move no slot.
  if (owner !== null && !isUnclaimed(state, slot) && owner.configEpoch >= epoch) return;
  if (owner === state.myself && world.countKeysInSlot(slot) > 0) outcome.withKeys.push(slot);
  if (owner === ourPrimary) outcome.takenFromUs++;
  // Keys that were on their way out have nowhere to go: the new owner is asked for the slot from now on.
  if (owner === state.myself) state.migratingTo.delete(slot);
  outcome.taken++;
  setOwner(state, slot, claimer);
}

function settleLoss(state: State, { claim, ourPrimary, outcome }: Arrival, world: World): void {
  const { myself } = state;
  const { claimer } = claim;
  const lostAll = outcome.takenFromUs > 0 && ourPrimary.slots.count() === 0;
  // Without leave to move between shards, follow only one who took exactly our shard: that was a failover.
  const heir = lostAll && countBits(claim.slots) === outcome.takenFromUs;
  if (lostAll && (state.config.allowReplicaMigration || heir)) {
    log(world, 'warning', `Configuration change detected. Reconfiguring myself as a replica of ${claimer.id}`);
    becomeReplicaOf(state, claimer, { heir }, world);
    return;
  }
  const chained = myself.primary?.primary ?? null;
  if (chained !== null && chained !== myself) {
    log(world, 'notice', `My primary replicates ${chained.id} now: following it`);
    becomeReplicaOf(state, chained, { heir: false }, world);
    return;
  }
  if (outcome.withKeys.length > 0) world.effects.push({ type: 'deleteKeysInSlots', slots: outcome.withKeys });
}
