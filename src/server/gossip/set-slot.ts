/*
 * CLUSTER SETSLOT: moving a slot between two primaries while both serve it. The destination opens it as importing, the
 * source as migrating; keys are moved one by one; then first the destination and after it the source (and whoever else
 * should know at once) are told the new owner. The destination takes a new epoch on its own, so that everybody believes
 * its claim over the old one.
 */
import { bumpEpoch } from './epoch.ts';
import type { CommandResult } from './event.ts';
import { becomeReplicaOf } from './role.ts';
import { setOwner } from './slot-map.ts';
import { type ClusterNode, inHandshake, isReplica, log, ownerOf, persist, type State, type World } from './state.ts';

interface SlotAndNode {
  slot: number;
  /** An id. */
  node: string;
}

const OK: CommandResult = { status: 'OK' };
const ONLY_PRIMARIES: CommandResult = { error: 'ERR Please use SETSLOT only with masters.' };
const NOT_A_PRIMARY: CommandResult = { error: 'ERR Target node is not a master' };

export function setSlotMigrating(state: State, { slot, node: id }: SlotAndNode, world: World): CommandResult {
  if (isReplica(state.myself)) return ONLY_PRIMARIES;
  if (ownerOf(state, slot) !== state.myself) return { error: `ERR I'm not the owner of hash slot ${slot}` };
  const node = findTarget(state, id);
  if (node === null) return { error: `ERR I don't know about node ${id}` };
  if (isReplica(node)) return NOT_A_PRIMARY;
  // Redis lets a slot migrate to its owner, and then asks clients to go where they are.
  if (node === state.myself) return { error: 'ERR Target node is myself' };
  state.migratingTo.set(slot, node);
  return changed(state, world);
}

export function setSlotImporting(state: State, { slot, node: id }: SlotAndNode, world: World): CommandResult {
  if (isReplica(state.myself)) return ONLY_PRIMARIES;
  if (ownerOf(state, slot) === state.myself) return { error: `ERR I'm already the owner of hash slot ${slot}` };
  const node = findTarget(state, id);
  if (node === null) return { error: `ERR I don't know about node ${id}` };
  if (isReplica(node)) return NOT_A_PRIMARY;
  state.importingFrom.set(slot, node);
  return changed(state, world);
}

export function setSlotStable(state: State, slot: number, world: World): CommandResult {
  if (isReplica(state.myself)) return ONLY_PRIMARIES;
  state.importingFrom.delete(slot);
  state.migratingTo.delete(slot);
  return changed(state, world);
}

export function setSlotNode(state: State, { slot, node: id }: SlotAndNode, world: World): CommandResult {
  const { myself } = state;
  if (isReplica(myself)) return ONLY_PRIMARIES;
  const node = findTarget(state, id);
  if (node === null) return { error: `ERR Unknown node ${id}` };
  if (isReplica(node)) return NOT_A_PRIMARY;
  const wasOurs = ownerOf(state, slot) === myself;
  const empty = world.countKeysInSlot(slot) === 0;
  if (wasOurs && node !== myself && !empty) {
    return {
      error: `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`,
    };
  }
  if (empty || node !== myself) state.migratingTo.delete(slot);
  setOwner(state, slot, node);
  if (wasOurs && node !== myself && myself.slots.count() === 0 && state.config.allowReplicaMigration) {
    log(world, 'warning', `Configuration change detected. Reconfiguring myself as a replica of ${node.id}`);
    becomeReplicaOf(state, node, { heir: false }, world);
  }
  if (wasOurs || node === myself) state.announceWanted = true;
  if (node === myself && state.importingFrom.has(slot)) finishImport(state, slot, world);
  return changed(state, world);
}

function finishImport(state: State, slot: number, world: World): void {
  if (bumpEpoch(state, world)) log(world, 'warning', `configEpoch updated after importing slot ${slot}`);
  state.importingFrom.delete(slot);
  // What the others believe from now on must not be forgotten here; a new epoch has asked for fsync already.
  state.syncWanted = true;
  // Clients are sent here from now on: nobody should hear of it from them first. One message a turn says it all.
  state.broadcastWanted = true;
}

function changed(state: State, world: World): CommandResult {
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
  return OK;
}

function findTarget(state: State, id: string): ClusterNode | null {
  const node = state.nodes.get(id);
  return node === undefined || inHandshake(node) ? null : node;
}
