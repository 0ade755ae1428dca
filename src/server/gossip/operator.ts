/*
 * What operators ask for with CLUSTER subcommands. Everything is checked before anything is changed. The texts of the
 * refusals are Redis' own, since tools read them.
 */
import { isIP } from 'node:net';
import { SlotSet } from '../../base/slot.ts';
import { bumpEpoch, whyNoEpoch } from './epoch.ts';
import type { Command, CommandResult } from './event.ts';
import { MEET_FIRST, MYSELF, PRIMARY } from './flags.ts';
import { forget, removeNode, startHandshake } from './join.ts';
import { commandFailover } from './manual-failover.ts';
import { becomeReplicaOf, endManualFailover, markPrimary, stopFollowing } from './role.ts';
import { setSlotImporting, setSlotMigrating, setSlotNode, setSlotStable } from './set-slot.ts';
import { closeOpenSlots, dropSlots, setOwner } from './slot-map.ts';
import {
  announceMyself,
  inHandshake,
  isPrimary,
  isReplica,
  log,
  MYSELF_INDEX,
  NOBODY,
  persist,
  type State,
  type World,
} from './state.ts';

export function carryOutCommand(state: State, command: Command, world: World): CommandResult {
  switch (command.type) {
    case 'meet':
      return commandMeet(state, command, world);
    case 'addSlots':
      return addSlots(state, command.slots, world);
    case 'delSlots':
      return delSlots(state, command.slots, world);
    case 'flushSlots':
      return flushSlots(state, world);
    case 'setSlotMigrating':
      return setSlotMigrating(state, command, world);
    case 'setSlotImporting':
      return setSlotImporting(state, command, world);
    case 'setSlotStable':
      return setSlotStable(state, command.slot, world);
    case 'setSlotNode':
      return setSlotNode(state, command, world);
    case 'setConfigEpoch':
      return setConfigEpoch(state, command.epoch, world);
    case 'bumpEpoch': {
      const bumped = bumpEpoch(state, world);
      return { status: `${bumped ? 'BUMPED' : 'STILL'} ${state.myself.configEpoch}` };
    }
    case 'replicate':
      return replicate(state, command.node, world);
    case 'forget':
      return commandForget(state, command.node, world);
    case 'reset':
      return reset(state, command.hard, world);
    case 'failover':
      return commandFailover(state, command.mode, world);
  }
}

const OK: CommandResult = { status: 'OK' };

function commandMeet(
  state: State,
  { ip, port, busPort }: { ip: string; port: number; busPort: number },
  world: World,
): CommandResult {
  const isPort = (n: number): boolean => Number.isInteger(n) && n > 0 && n <= 65535;
  if (isIP(ip) === 0 || !isPort(port) || !isPort(busPort)) {
    return { error: `ERR Invalid node address specified: ${ip}:${port}` };
  }
  startHandshake(state, { ip, port, plainPort: 0, busPort }, MEET_FIRST, world);
  return OK;
}

function addSlots(state: State, slots: readonly number[], world: World): CommandResult {
  if (isReplica(state.myself)) return { error: 'ERR Slots can only be assigned to masters.' };
  const error = whyNotAssignable(slots, (slot) =>
    state.owner[slot] === NOBODY ? null : `ERR Slot ${slot} is already busy`,
  );
  if (error !== null) return { error };
  for (const slot of slots) {
    state.importingFrom.delete(slot);
    setOwner(state, slot, state.myself);
  }
  return ownershipChanged(state, world);
}

function delSlots(state: State, slots: readonly number[], world: World): CommandResult {
  const error = whyNotAssignable(slots, (slot) =>
    state.owner[slot] === NOBODY ? `ERR Slot ${slot} is already unassigned` : null,
  );
  if (error !== null) return { error };
  for (const slot of slots) {
    state.importingFrom.delete(slot);
    if (state.owner[slot] === MYSELF_INDEX) state.migratingTo.delete(slot);
    setOwner(state, slot, null);
  }
  return ownershipChanged(state, world);
}

/** The first thing wrong, slot by slot. */
function whyNotAssignable(slots: readonly number[], why: (slot: number) => string | null): string | null {
  const seen = new SlotSet();
  for (const slot of slots) {
    const error = why(slot);
    if (error !== null) return error;
    if (!seen.add(slot)) return `ERR Slot ${slot} specified multiple times`;
  }
  return null;
}

function flushSlots(state: State, world: World): CommandResult {
  if (world.keyCount() > 0) return { error: 'ERR DB must be empty to perform CLUSTER FLUSHSLOTS.' };
  state.migratingTo.clear();
  dropSlots(state, state.myself);
  return ownershipChanged(state, world);
}

function setConfigEpoch(state: State, epoch: number, world: World): CommandResult {
  const { myself } = state;
  if (epoch < 0 || whyNoEpoch(0, epoch) !== null) return { error: `ERR Invalid config epoch specified: ${epoch}` };
  if (state.list.length > 1) {
    return { error: 'ERR The user can assign a config epoch only when the node does not know any other node.' };
  }
  if (myself.configEpoch !== 0) return { error: 'ERR Node config epoch is already non-zero' };
  myself.configEpoch = epoch;
  state.currentEpoch = Math.max(state.currentEpoch, epoch);
  log(world, 'warning', `configEpoch set to ${epoch} via CLUSTER SET-CONFIG-EPOCH`);
  return ownershipChanged(state, world);
}

function replicate(state: State, id: string, world: World): CommandResult {
  const { myself } = state;
  const node = state.nodes.get(id);
  if (node === undefined || inHandshake(node)) return unknownNode(id);
  if (node === myself) return { error: "ERR Can't replicate myself" };
  if (isReplica(node)) return { error: 'ERR I can only replicate a master, not a replica.' };
  if (isPrimary(myself) && (myself.slots.count() > 0 || world.keyCount() > 0)) {
    return { error: 'ERR To set a master the node must be empty and without assigned slots.' };
  }
  becomeReplicaOf(state, node, { heir: false }, world);
  return OK;
}

function commandForget(state: State, id: string, world: World): CommandResult {
  const { myself } = state;
  const node = state.nodes.get(id);
  if (node === undefined) return unknownNode(id);
  if (node === myself) return { error: "ERR I tried hard but I can't forget myself..." };
  if (isReplica(myself) && myself.primary === node) return { error: "ERR Can't forget my master!" };
  forget(state, node, world);
  return OK;
}

/** Leaves the cluster. Hard: also under another name, and without memory of epochs. */
function reset(state: State, hard: boolean, world: World): CommandResult {
  const { myself } = state;
  if (isPrimary(myself) && world.keyCount() > 0) {
    return { error: "ERR CLUSTER RESET can't be called with master nodes containing keys" };
  }
  endManualFailover(state, world);
  const leavesShard = hard || isReplica(myself);
  if (isReplica(myself)) {
    markPrimary(state, myself, world);
    stopFollowing(state, world);
    world.effects.push({ type: 'flushData' });
  }
  closeOpenSlots(state);
  for (const node of [...state.list]) if (node !== myself) removeNode(state, node, world);
  dropSlots(state, myself);
  myself.flags = MYSELF | PRIMARY;
  announceMyself(state);
  if (leavesShard) myself.shardId = world.prng.hex(40);
  if (hard) startOver(state, world);
  state.size = 0;
  state.evaluateWanted = true;
  persist(state, world, { fsync: true });
  return OK;
}

function startOver(state: State, world: World): void {
  const { myself } = state;
  state.currentEpoch = 0;
  state.lastVoteEpoch = 0;
  myself.configEpoch = 0;
  state.bootedWithSlots = false;
  state.nodes.delete(myself.id);
  const before = myself.id;
  myself.id = world.prng.hex(40);
  state.nodes.set(myself.id, myself);
  log(world, 'notice', `Node hard reset, now I'm ${myself.id} (was ${before})`);
}

function ownershipChanged(state: State, world: World): CommandResult {
  state.evaluateWanted = true;
  state.announceWanted = true;
  persist(state, world, { fsync: false });
  return OK;
}

function unknownNode(id: string): CommandResult {
  return { error: `ERR Unknown node ${id}` };
}
