/*
 * A replica asks for a vote. At most one is given per epoch, and what was given is on disk before the candidate hears of
 * it: a primary that forgot its vote in a crash could elect two.
 */
import { makeHeader, send } from './link.ts';
import { FORCE_VOTE, type Header, VOTE } from './message.ts';
import { firstOutdated } from './slot-map.ts';
import { type ClusterNode, isFailed, isPrimary, isReplica, log, persist, type State, type World } from './state.ts';

/** Times the node timeout: a primary is replaced at most this often with our help. */
const VOTE_GAP_FACTOR = 2;

export function considerVote(state: State, candidate: ClusterNode, request: Header, world: World): void {
  // Replicas, and primaries without slots, are not asked.
  if (!isPrimary(state.myself) || state.myself.slots.count() === 0) return;
  const why = whyNoVote(state, candidate, request, world.now_ms);
  if (why !== null) {
    log(world, 'warning', `Failover auth denied to ${candidate.id}: ${why}`);
    return;
  }
  state.lastVoteEpoch = request.currentEpoch;
  (candidate.primary as ClusterNode).voted_ms = world.now_ms;
  // (5) A vote that is sent but forgotten in a crash could be given twice in one epoch.
  persist(state, world, { fsync: true });
  send(state, candidate, { type: VOTE, header: makeHeader(state, world) }, world);
  log(world, 'warning', `Failover auth granted to ${candidate.id} for epoch ${request.currentEpoch}`);
}

/** The reason for not voting, or null. The epoch of the request has been taken in before: ours is not behind it. */
function whyNoVote(state: State, candidate: ClusterNode, request: Header, now_ms: number): string | null {
  const epoch = request.currentEpoch;
  const forced = (request.messageFlags & FORCE_VOTE) !== 0;
  const { primary } = candidate;
  if (epoch < state.currentEpoch) return `reqEpoch (${epoch}) < curEpoch (${state.currentEpoch})`;
  if (state.lastVoteEpoch >= epoch) return `already voted for epoch ${state.lastVoteEpoch}`;
  if (!isReplica(candidate)) return 'it is a master node';
  if (primary === null) return "I don't know its master";
  if (!isFailed(primary) && !forced) return 'its master is up';
  // Servers other than ours stand for election with a copy that never came to its end.
  if (request.offset === 0 && primary.offset > 0 && !forced) return "it has none of its master's data";
  const rest_ms = state.config.nodeTimeout_ms * VOTE_GAP_FACTOR - (now_ms - primary.voted_ms);
  if (rest_ms > 0) return `can't vote about this master before ${rest_ms} milliseconds`;
  const slot = firstOutdated(state, { claimed: request.slots, epoch: request.configEpoch, except: null });
  if (slot !== -1) {
    return `slot ${slot} has an owner with a newer epoch than ${request.configEpoch}`;
  }
  return null;
}
