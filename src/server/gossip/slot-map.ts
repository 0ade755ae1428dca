/*
 * Which slots belong to whom: the table by slot and the bitmap by node, kept equal here (state.ts, invariant 1).
 */
import { assert } from '../../base/assert.ts';
import { formatRanges, SLOTS, SlotSet } from '../../base/slot.ts';
import { MIGRATE_TO } from './flags.ts';
import { type ClusterNode, NO_SLOTS, NO_SLOTS_SNAPSHOT, NOBODY, ownerOf, type State, shardPrimary } from './state.ts';

/** Gives a slot to a node, or to nobody. */
export function setOwner(state: State, slot: number, node: ClusterNode | null): void {
  const previous = ownerOf(state, slot);
  state.abandoned.delete(slot);
  if (previous === node) return;
  if (previous !== null) {
    previous.slots.delete(slot);
    previous.snapshot = null;
    previous.slotsText = null;
    state.assigned--;
    if (previous === shardPrimary(state.myself)) state.lostSlots.push(slot);
  }
  state.owner[slot] = node === null ? NOBODY : node.index;
  if (node === null) return;
  if (node.slots === NO_SLOTS) node.slots = new SlotSet();
  // A primary without replicas becomes a place to move replicas to, but only where others have some to spare.
  if (node.slots.count() === 0 && state.list.some((other) => other.replicas.length > 0)) node.flags |= MIGRATE_TO;
  node.slots.add(slot);
  node.snapshot = null;
  node.slotsText = null;
  state.assigned++;
}

/** Leaves all slots of a node without owner. */
export function dropSlots(state: State, node: ClusterNode): void {
  if (node.slots.count() === 0) return;
  for (const slot of [...node.slots]) setOwner(state, slot, null);
  assert(node.slots.count() === 0, '(1) a node without slots has an empty bitmap');
}

/** Hands all slots of one node to another. */
export function moveSlots(state: State, from: ClusterNode, to: ClusterNode): void {
  for (const slot of [...from.slots]) setOwner(state, slot, to);
}

/** Forgets what is on its way in or out. */
export function closeOpenSlots(state: State): void {
  state.migratingTo.clear();
  state.importingFrom.clear();
}

/** The bitmap as a message carries it: it stays as it is when the node's slots change. */
export function snapshotOf(node: ClusterNode): Buffer {
  if (node.slots === NO_SLOTS) return NO_SLOTS_SNAPSHOT;
  node.snapshot ??= Buffer.from(node.slots.bitmap);
  return node.snapshot;
}

/** As in CLUSTER NODES: "0-5460 7000". */
export function slotsTextOf(node: ClusterNode): string {
  node.slotsText ??= formatRanges(node.slots.ranges());
  return node.slotsText;
}

export function hasBit(bitmap: Buffer, slot: number): boolean {
  return ((bitmap[slot >> 3] as number) & (1 << (slot & 7))) !== 0;
}

/** True when the owner of the slot has stopped claiming it, or there is none: anyone may have it. */
export function isUnclaimed(state: State, slot: number): boolean {
  return state.owner[slot] === NOBODY || state.abandoned.has(slot);
}

/** The first slot of a claim that belongs to someone with a newer epoch, or -1. */
export function firstOutdated(
  state: State,
  { claimed, epoch, except }: { claimed: Buffer; epoch: number; except: ClusterNode | null },
): number {
  for (let byte = 0; byte < claimed.length; byte++) {
    if (claimed[byte] === 0) continue;
    for (let slot = byte * 8; slot < byte * 8 + 8; slot++) {
      if (!hasBit(claimed, slot) || isUnclaimed(state, slot)) continue;
      const owner = ownerOf(state, slot) as ClusterNode;
      if (owner !== except && owner.configEpoch > epoch) return slot;
    }
  }
  return -1;
}

export function countBits(bitmap: Buffer): number {
  let count = 0;
  for (let slot = 0; slot < SLOTS; slot++) if (hasBit(bitmap, slot)) count++;
  return count;
}
