/*
 * A handover without loss, asked for by an operator. The replica asks its primary to hold back writes; the primary says
 * in its next ping where its data ends; once the replica is there too it is elected, with the primary's own vote among
 * the others. If it takes too long, everything stays as it was.
 */
import { promoteMyself, resetElection } from './election.ts';
import { bumpEpoch } from './epoch.ts';
import type { CommandResult } from './event.ts';
import { pingInbound } from './heartbeat.ts';
import { makeHeader, send } from './link.ts';
import { FAILOVER_START } from './message.ts';
import { endManualFailover } from './role.ts';
import { type ClusterNode, isFailed, isPrimary, isReplica, isSuspected, log, type State, type World } from './state.ts';

const MANUAL_FAILOVER_MS = 5000;
/** Longer than the failover may take: the replica could win at the last moment, and its first pong has to arrive. */
const WRITE_PAUSE_MS = 10_000;

const OK: CommandResult = { status: 'OK' };

export function commandFailover(state: State, mode: 'agreed' | 'force' | 'takeover', world: World): CommandResult {
  const { myself, manual } = state;
  const { primary } = myself;
  if (isPrimary(myself)) return { error: 'ERR You should send CLUSTER FAILOVER to a replica' };
  if (primary === null) return { error: "ERR I'm a replica but my master is unknown to me" };
  if (mode === 'agreed' && (isFailed(primary) || !primary.linkUp)) {
    return { error: 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE' };
  }
  const refusal = whyUnfit(state, mode, world);
  if (refusal !== null) return { error: refusal };
  endManualFailover(state, world);
  resetElection(state);
  if (mode === 'takeover') {
    log(world, 'warning', 'Taking over the master (user request).');
    bumpEpoch(state, world);
    promoteMyself(state, world);
    return OK;
  }
  manual.end_ms = world.now_ms + MANUAL_FAILOVER_MS;
  if (mode === 'force') {
    log(world, 'warning', 'Forced failover user request accepted.');
    manual.canStart = true;
    return OK;
  }
  log(world, 'warning', 'Manual failover user request accepted.');
  send(state, primary, { type: FAILOVER_START, header: makeHeader(state, world) }, world);
  return OK;
}

/**
 * Who takes over without the data of its shard takes it from the primary as well, which follows as a replica then. Only
 * an operator can know that there is no data left to wait for, and only when the primary does not answer either.
 */
function whyUnfit({ myself }: State, mode: 'agreed' | 'force' | 'takeover', world: World): string | null {
  const { unfit } = world.replication;
  const primary = myself.primary as ClusterNode;
  const isLost = isFailed(primary) || isSuspected(primary) || !primary.linkUp;
  if (unfit === '') return null;
  if (mode === 'takeover' && isLost) {
    log(world, 'warning', `Taking over although this replica ${unfit}: the data of this shard is what is here now.`);
    return null;
  }
  const way = isLost
    ? 'If its data is lost for good, CLUSTER FAILOVER TAKEOVER serves what is here.'
    : 'Wait until master_link_status is up (INFO replication), then try again.';
  return `ERR This replica ${unfit}. ${way}`;
}

/** On the primary: one of its replicas wants to take over. */
export function startHandover(
  state: State,
  { replica, inbound }: { replica: ClusterNode; inbound: number },
  world: World,
): void {
  const { myself, manual } = state;
  if (!isPrimary(myself) || !isReplica(replica) || replica.primary !== myself) return;
  endManualFailover(state, world);
  manual.end_ms = world.now_ms + MANUAL_FAILOVER_MS;
  manual.replica = replica;
  world.effects.push({ type: 'pauseWrites', for_ms: WRITE_PAUSE_MS });
  log(world, 'warning', `Manual failover requested by replica ${replica.id}.`);
  // At once, and on the link of the question: it carries the offset that the replica waits for.
  if (inbound !== 0) pingInbound(state, inbound, replica, world);
}

/** On the replica: our primary has stopped writing, at this offset. */
export function notePausedPrimary(state: State, sender: ClusterNode, offset: number, world: World): void {
  const { myself, manual } = state;
  if (manual.end_ms === 0 || manual.canStart || manual.primaryOffset !== -1) return;
  if (!isReplica(myself) || myself.primary !== sender) return;
  manual.primaryOffset = offset;
  log(world, 'warning', `Received replication offset for paused master manual failover: ${offset}`);
}

/** Both ends give up in time; the replica starts when it has caught up. */
export function advanceManualFailover(state: State, world: World): void {
  const { manual } = state;
  if (manual.end_ms === 0) return;
  if (manual.end_ms < world.now_ms) {
    log(world, 'warning', 'Manual failover timed out.');
    endManualFailover(state, world);
  } else if (!manual.canStart && manual.primaryOffset !== -1 && manual.primaryOffset === world.replication.offset) {
    manual.canStart = true;
    log(world, 'warning', 'All master replication stream processed, manual failover can start.');
  }
}
