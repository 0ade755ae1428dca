/*
 * Config epochs order the claims to slots: the newer wins. An election gives a new one by majority; what is here does
 * without, and is used where an operator asks for it or where two nodes ended up with the same.
 */
import type { Message } from './message.ts';
import { UPDATE } from './message.ts';
import { logRarely } from './rare-log.ts';
import { type ClusterNode, isPrimary, log, persist, type State, type World } from './state.ts';

/** Half of what a number holds exactly: behind every epoch that is believed there are as many again to be taken. */
export const EPOCH_MAX = 2 ** 52;
/**
 * How far an epoch may be ahead of all we know. A thousand nodes that each take a new one ten times a second for three
 * years, while we are away, get about this far; one election takes a second.
 */
export const EPOCH_JUMP_MAX = 2 ** 40;

/** Why no cluster that we belong to can have got to this epoch by counting; null when it can. */
export function whyNoEpoch(known: number, epoch: number): string | null {
  if (epoch > EPOCH_MAX) return `epoch ${epoch} leaves none to be taken after it (the limit is ${EPOCH_MAX})`;
  if (epoch - known > EPOCH_JUMP_MAX) {
    return `epoch ${epoch} is further ahead of ours (${known}) than counting gets (the limit is ${EPOCH_JUMP_MAX})`;
  }
  return null;
}

/** Whether the epochs of a message can be believed; else nothing of it can, and the log says so. */
export function hasBelievableEpochs(state: State, message: Message, world: World): boolean {
  const { sender, currentEpoch, configEpoch } = message.header;
  const epoch = Math.max(currentEpoch, configEpoch, message.type === UPDATE ? message.ownerEpoch : 0);
  const why = whyNoEpoch(state.currentEpoch, epoch);
  if (why === null) return true;
  const text = `Ignoring a cluster message that names node ${JSON.stringify(sender)} as its sender: ${why}`;
  logRarely(state, { kind: 'epoch', level: 'warning', text }, world);
  return false;
}

function newestEpoch(state: State): number {
  let newest = state.currentEpoch;
  for (const node of state.list) if (node.configEpoch > newest) newest = node.configEpoch;
  return newest;
}

/** Makes our epoch the newest of all, unless it is; true when it changed. */
export function bumpEpoch(state: State, world: World): boolean {
  const { myself } = state;
  const newest = newestEpoch(state);
  if (myself.configEpoch !== 0 && myself.configEpoch === newest) return false;
  takeNextEpoch(state, world);
  log(world, 'warning', `New configEpoch set to ${myself.configEpoch}`);
  return true;
}

/** (7) Of two primaries with one epoch the one with the smaller id takes the next. */
export function resolveCollision(state: State, other: ClusterNode, epoch: number, world: World): void {
  const { myself } = state;
  if (!isPrimary(myself) || !isPrimary(other) || epoch !== myself.configEpoch || myself.id > other.id) return;
  takeNextEpoch(state, world);
  log(
    world,
    'verbose',
    `WARNING: configEpoch collision with node ${other.id}. configEpoch set to ${myself.configEpoch}`,
  );
}

function takeNextEpoch(state: State, world: World): void {
  state.currentEpoch++;
  state.myself.configEpoch = state.currentEpoch;
  state.announceWanted = true;
  persist(state, world, { fsync: true });
}
