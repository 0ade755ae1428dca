/*
 * At start-up: the keys found on disk and the slots in nodes.conf may disagree, after a restore or a lost file. Keys
 * must not be served under another's slots, and must not be lost either.
 */
import { SLOTS } from '../../base/slot.ts';
import { setOwner } from './slot-map.ts';
import { isReplica, log, MYSELF_INDEX, ownerOf, persist, type State, type World } from './state.ts';

/** Takes slots without owner whose keys are here; opens those of others as importing. True when something changed. */
export function claimFoundKeys(state: State, world: World): boolean {
  // A replica's keys are its primary's.
  if (isReplica(state.myself)) return false;
  if (world.keyCount() === 0) return false;
  let changed = false;
  for (let slot = 0; slot < SLOTS; slot++) {
    if (state.owner[slot] === MYSELF_INDEX || state.importingFrom.has(slot)) continue;
    if (world.countKeysInSlot(slot) === 0) continue;
    changed = true;
    const owner = ownerOf(state, slot);
    if (owner === null) {
      log(world, 'warning', `I have keys for unassigned slot ${slot}. Taking responsibility for it.`);
      setOwner(state, slot, state.myself);
    } else {
      log(
        world,
        'warning',
        `I have keys for slot ${slot}, but it is assigned to another node. Setting it to importing.`,
      );
      state.importingFrom.set(slot, owner);
    }
  }
  if (!changed) return false;
  state.evaluateWanted = true;
  state.persist = null;
  persist(state, world, { fsync: true });
  return true;
}
