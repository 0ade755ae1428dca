/*
 * Config epochs order the claims to slots: the newer wins. An election gives a new one by majority; what is here does
 * without, and is used where an operator asks for it or where two nodes ended up with the same.
 */
import { type ClusterNode, isPrimary, log, persist, type State, type World } from './state.ts';

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
