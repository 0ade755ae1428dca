/*
 * Is the cluster up, as seen from here? Yes, when every slot has an owner that has not failed (or coverage is not asked
 * for), and a majority of the primaries can be reached. Down comes at once; up may have to wait:
 *
 * - A primary that comes back with slots from its nodes.conf waits WRITABLE_DELAY_MS: while it was away a replica may
 *   have taken its place, and it should hear of that before it takes writes nobody will keep. A node that started
 *   without slots has nothing to be wrong about, and does not wait: a new cluster is up as soon as it is complete.
 *   It also has to hear from a majority in this life: that nobody is suspected yet says nothing right after a start.
 * - A primary that was cut off with a minority waits a moment longer, for the same reason, counted from the end of that.
 * - So does one that did not run for longer than its node timeout (a stopped process, a suspended machine, a command that
 *   took so long): it heard of nobody meanwhile, and the others not of it. What is judged is the time that passed since the
 *   step before, so that the first thing it is asked to do afterwards finds it down.
 */
import { SLOTS } from '../../base/slot.ts';
import { FAILED, SUSPECTED } from './flags.ts';
import { isPrimary, log, majority, type State, type World } from './state.ts';

const WRITABLE_DELAY_MS = 2000;
const REJOIN_MS_MIN = 500;
const REJOIN_MS_MAX = 5000;
/** However short the timeout: an election begins half a second after the failure at the earliest (election.ts). */
const SLEEP_MS_MIN = 500;

/** A pause of this node that is longer gives the others time to replace it. */
export function sleepLimit_ms(state: State): number {
  return Math.max(state.config.nodeTimeout_ms, SLEEP_MS_MIN);
}

/** The first thing in every step. */
export function noteSleep(state: State, world: World): void {
  const { now_ms } = world;
  const last_ms = state.stepped_ms;
  state.stepped_ms = now_ms;
  if (last_ms === 0 || now_ms - last_ms <= state.config.nodeTimeout_ms) return;
  // Their answers may lie unread in our sockets: nobody was silent that we did not listen to.
  for (const node of state.list) if (node.pingSent_ms !== 0) node.pingSent_ms = now_ms;
  if (now_ms - last_ms <= sleepLimit_ms(state) || !isReplaceable(state)) return;
  log(world, 'warning', `This node did not run for ${now_ms - last_ms} milliseconds: it may have been replaced`);
  state.asleep_ms = last_ms;
  state.minority_ms = now_ms;
  if (state.ok) become(state, false, world);
}

/** The others are enough to elect a replica in our place. */
function isReplaceable(state: State): boolean {
  const { myself } = state;
  return isPrimary(myself) && myself.slots.count() > 0 && state.size - 1 >= majority(state);
}

export function evaluateHealth(state: State, world: World): void {
  const { now_ms } = world;
  if (state.firstEvaluated_ms === 0) state.firstEvaluated_ms = now_ms;
  const { reachable, heard } = countVoters(state);
  const returning = isPrimary(state.myself) && !state.ok && (state.bootedWithSlots || state.asleep_ms !== 0);
  if (returning && state.bootedWithSlots && now_ms - state.firstEvaluated_ms < WRITABLE_DELAY_MS) return;
  const inMinority = reachable < majority(state);
  // Where nobody has slots yet nobody is cut off: a cluster that is just being made should not have to wait.
  if (inMinority && state.size > 0) state.minority_ms = now_ms;
  if (returning && heard < majority(state)) return;
  const ok = !inMinority && (!state.config.requireFullCoverage || isCovered(state));
  if (ok === state.ok) return;
  if (ok && isPrimary(state.myself) && now_ms - state.minority_ms < rejoinDelay_ms(state)) return;
  become(state, ok, world);
}

function become(state: State, ok: boolean, world: World): void {
  log(world, 'warning', `Cluster state changed: ${ok ? 'ok' : 'fail'}`);
  state.ok = ok;
  world.effects.push({ type: 'stateChanged', ok });
}

/**
 * Counts the primaries with slots into `state.size`; answers how many of them can be reached as far as we know, and how
 * many have said something since we started, or slept.
 */
function countVoters(state: State): { reachable: number; heard: number } {
  let size = 0;
  let reachable = 0;
  let heard = 0;
  for (const node of state.list) {
    if (!isPrimary(node) || node.slots.count() === 0) continue;
    size++;
    if ((node.flags & (FAILED | SUSPECTED)) !== 0) continue;
    reachable++;
    if (node === state.myself || node.dataReceived_ms > state.asleep_ms) heard++;
  }
  state.size = size;
  return { reachable, heard };
}

function isCovered(state: State): boolean {
  if (state.assigned < SLOTS) return false;
  for (const node of state.list) if ((node.flags & FAILED) !== 0 && node.slots.count() > 0) return false;
  return true;
}

function rejoinDelay_ms(state: State): number {
  return Math.min(Math.max(state.config.nodeTimeout_ms, REJOIN_MS_MIN), REJOIN_MS_MAX);
}
