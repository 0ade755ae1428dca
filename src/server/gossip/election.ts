/*
 * A replica whose primary has failed asks the other primaries for their votes, and takes over with a majority. Replicas
 * of one primary wait for each other: the one with the most data asks first, the next one a second later, and so on;
 * a random part keeps equals apart. The life of an election:
 *
 *   idle -- the primary failed --> scheduled(at_ms) -- time is up --> requested -- majority --> primary
 *                                                                       \-- too late --> idle, and again after a pause
 */

import { NO_FAILOVER } from './flags.ts';
import { broadcastPong, pongSiblings } from './heartbeat.ts';
import { broadcast, makeHeader } from './link.ts';
import { FORCE_VOTE, type Header, VOTE_REQUEST } from './message.ts';
import { endManualFailover, takeOver } from './role.ts';
import {
  type ClusterNode,
  isFailed,
  isPrimary,
  isReplica,
  log,
  majority,
  persist,
  type State,
  type World,
} from './state.ts';

/** Gives the FAIL message time to reach the voters. */
const DELAY_MS = 500;
const DELAY_RANDOM_MS = 500;
const DELAY_PER_RANK_MS = 1000;
const ELECTION_MS_MIN = 2000;

/** Goes as far as it can go now; called with every tick, and after every vote. */
export function advanceElection(state: State, world: World): void {
  if (!isFailoverDue(state)) return;
  const { election } = state;
  const refusal = whyNoElection(state, world) ?? '';
  if (refusal !== election.refusal && refusal !== '') {
    log(world, 'warning', `Currently unable to failover: ${refusal}`);
  }
  election.refusal = refusal;
  if (refusal !== '') return;
  const election_ms = Math.max(state.config.nodeTimeout_ms * 2, ELECTION_MS_MIN);
  // A failed attempt is repeated after twice the time it was given.
  if (world.now_ms - election.at_ms > election_ms * 2) {
    schedule(state, world);
    // A manual failover need not wait for anything.
    if (state.manual.end_ms === 0) return;
  }
  if (!election.requested && state.manual.end_ms === 0) raiseRank(state, world);
  if (world.now_ms < election.at_ms || world.now_ms - election.at_ms > election_ms) return;
  if (!election.requested) requestVotes(state, world);
  if (election.voters.size >= majority(state)) win(state, world);
}

/** A vote counts when it comes from a primary with slots and was given in the epoch of our request, not before. */
export function noteVote(state: State, voter: ClusterNode, header: Header): void {
  const { election } = state;
  if (!election.requested || !isPrimary(voter) || voter.slots.count() === 0) return;
  if (header.currentEpoch >= election.epoch) election.voters.add(voter);
}

/** How many replicas of our primary have more of its data than we have. */
function rankOf(state: State, offset: number): number {
  const { myself } = state;
  let rank = 0;
  for (const sibling of myself.primary?.replicas ?? []) {
    if (sibling !== myself && (sibling.flags & NO_FAILOVER) === 0 && sibling.offset > offset) rank++;
  }
  return rank;
}

/** The next election begins at once, however short ago the last one was. */
export function resetElection(state: State): void {
  state.election.at_ms = 0;
  state.election.requested = false;
  state.election.voters.clear();
}

/** Takes the slots of our primary with an epoch that is settled already, and tells everybody. */
export function promoteMyself(state: State, world: World): void {
  takeOver(state, world);
  resetElection(state);
  // The first pongs after a manual failover still say that writes are paused; peers must bear it anyway.
  broadcastPong(state, world);
  endManualFailover(state, world);
}

/** We are a replica, and our primary has failed or has agreed to hand over. */
function isFailoverDue({ myself, manual }: State): boolean {
  const { primary } = myself;
  if (!isReplica(myself) || primary === null || primary.slots.count() === 0) return false;
  return isFailed(primary) || (manual.end_ms !== 0 && manual.canStart);
}

/** What an operator asks for is done, but for data that is not there. */
function whyNoElection(state: State, world: World): string | null {
  if (world.replication.unfit !== '') return `this replica ${world.replication.unfit}.`;
  if (state.manual.end_ms !== 0 && state.manual.canStart) return null;
  if (state.config.replicaNoFailover) return 'forbidden by cluster-replica-no-failover.';
  if (isTooOld(state, world)) return 'disconnected from master for longer than allowed.';
  return null;
}

/** Data that is much older than a failover takes: another replica may have newer, or an operator should decide. */
function isTooOld(state: State, world: World): boolean {
  const { replicaValidityFactor, replicaPingPeriod_s, nodeTimeout_ms } = state.config;
  if (replicaValidityFactor === 0) return false;
  let age_ms = world.replication.silence_ms;
  // The time it takes to find the primary down does not count.
  if (age_ms > nodeTimeout_ms) age_ms -= nodeTimeout_ms;
  return age_ms > replicaPingPeriod_s * 1000 + nodeTimeout_ms * replicaValidityFactor;
}

function schedule(state: State, world: World): void {
  const { election, manual } = state;
  const { offset } = world.replication;
  election.requested = false;
  election.voters.clear();
  if (manual.end_ms !== 0) {
    election.rank = 0;
    election.at_ms = world.now_ms;
  } else {
    election.rank = rankOf(state, offset);
    const delay_ms = DELAY_MS + world.prng.below(DELAY_RANDOM_MS) + election.rank * DELAY_PER_RANK_MS;
    election.at_ms = world.now_ms + delay_ms;
  }
  const delay_ms = election.at_ms - world.now_ms;
  const text = `Start of election delayed for ${delay_ms} milliseconds (rank #${election.rank}, offset ${offset}).`;
  log(world, 'warning', text);
  pongSiblings(state, world);
}

/** The others' offsets may have arrived only now. */
function raiseRank(state: State, world: World): void {
  const { election } = state;
  const rank = rankOf(state, world.replication.offset);
  if (rank <= election.rank) return;
  const added_ms = (rank - election.rank) * DELAY_PER_RANK_MS;
  election.at_ms += added_ms;
  election.rank = rank;
  log(world, 'warning', `Replica rank updated to #${rank}, added ${added_ms} milliseconds of delay.`);
}

function requestVotes(state: State, world: World): void {
  const { election } = state;
  state.currentEpoch++;
  election.epoch = state.currentEpoch;
  election.requested = true;
  log(world, 'warning', `Starting a failover election for epoch ${election.epoch}.`);
  // (5) After a crash this epoch must not be asked for again: the votes of then could count twice.
  persist(state, world, { fsync: true });
  const header = makeHeader(state, world, state.manual.end_ms !== 0 ? FORCE_VOTE : 0);
  broadcast(state, { type: VOTE_REQUEST, header }, world);
}

function win(state: State, world: World): void {
  const { myself, election } = state;
  log(world, 'warning', "Failover election won: I'm the new master.");
  if (myself.configEpoch < election.epoch) {
    myself.configEpoch = election.epoch;
    log(world, 'warning', `configEpoch set to ${election.epoch} after successful failover`);
  }
  promoteMyself(state, world);
}
