/*
 * Is the cluster up, as seen from here? Yes, when every slot has an owner that has not failed (or coverage is not asked
 * for), and a majority of the primaries can be reached. Down comes at once; up may have to wait:
 *
 * - A primary that comes back with slots from its nodes.conf waits WRITABLE_DELAY_MS: while it was away a replica may
 *   have taken its place, and it should hear of that before it takes writes nobody will keep. A node that started
 *   without slots has nothing to be wrong about, and does not wait: a new cluster is up as soon as it is complete.
 *   It also has to hear from a majority in this life: that nobody is suspected yet says nothing right after a start.
 * - A primary that was cut off with a minority waits a moment longer, for the same reason.
 */
import { SLOTS } from '../../base/slot.ts';
import { FAILED, SUSPECTED } from './flags.ts';
import { isPrimary, log, majority, type State, type World } from './state.ts';

const WRITABLE_DELAY_MS = 2000;
const REJOIN_MS_MIN = 500;
const REJOIN_MS_MAX = 5000;

export function evaluateHealth(state: State, world: World): void {
  const { now_ms } = world;
  if (state.firstEvaluated_ms === 0) state.firstEvaluated_ms = now_ms;
  const { reachable, heard } = countVoters(state);
  const cautious = state.bootedWithSlots && isPrimary(state.myself) && !state.ok;
  if (cautious && (now_ms - state.firstEvaluated_ms < WRITABLE_DELAY_MS || heard < majority(state))) return;
  const inMinority = reachable < majority(state);
  // Where nobody has slots yet nobody is cut off: a cluster that is just being made should not have to wait.
  if (inMinority && state.size > 0) state.minority_ms = now_ms;
  const ok = !inMinority && (!state.config.requireFullCoverage || isCovered(state));
  if (ok === state.ok) return;
  if (ok && isPrimary(state.myself) && now_ms - state.minority_ms < rejoinDelay_ms(state)) return;
  log(world, 'warning', `Cluster state changed: ${ok ? 'ok' : 'fail'}`);
  state.ok = ok;
  world.effects.push({ type: 'stateChanged', ok });
}

/**
 * Counts the primaries with slots into `state.size`; answers how many of them can be reached as far as we know, and how
 * many have said something since we started.
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
    if (node === state.myself || node.dataReceived_ms !== 0) heard++;
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
