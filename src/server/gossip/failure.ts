/*
 * Who is down? A node that leaves a ping unanswered for the node timeout is suspected by this node alone. Heartbeats
 * carry suspicions; when a majority of the primaries share one, the node counts as failed, and a FAIL message makes it
 * so everywhere at once. Reports grow stale: an old one says nothing about now.
 */
import { FAILED, SUSPECTED } from './flags.ts';
import { ping } from './heartbeat.ts';
import { broadcast, closeLink, makeHeader } from './link.ts';
import { FAIL } from './message.ts';
import {
  type ClusterNode,
  hasAddress,
  inHandshake,
  isFailed,
  isPrimary,
  isReplica,
  isSuspected,
  log,
  majority,
  persist,
  type State,
  type World,
} from './state.ts';

/** Times the node timeout: how long a report counts, and how long a primary stays failed before it may return. */
const VALIDITY_FACTOR = 2;

/** Once a tick: pings what was quiet, drops links that seem dead, suspects whom does not answer. */
export function checkSilence(state: State, world: World): void {
  for (const node of state.list) {
    if (node === state.myself || inHandshake(node) || !hasAddress(node)) continue;
    checkNode(state, node, world);
  }
}

/** A connection could not be made, or broke: without a ping underway nobody would notice the silence. */
export function startWaiting(node: ClusterNode, world: World): void {
  if (node.pingSent_ms === 0) node.pingSent_ms = world.now_ms;
}

/** The node answered our ping. */
export function noteAnswer(state: State, node: ClusterNode, world: World): void {
  node.pongReceived_ms = world.now_ms;
  node.pingSent_ms = 0;
  if (isSuspected(node)) {
    node.flags &= ~SUSPECTED;
    state.evaluateWanted = true;
    persist(state, world, { fsync: false });
  } else if (isFailed(node)) {
    clearFailure(state, node, world);
  }
}

/** A primary tells what it thinks of another node. */
export function noteReport(
  state: State,
  { about, reporter, silent }: { about: ClusterNode; reporter: ClusterNode; silent: boolean },
  world: World,
): void {
  if (silent) {
    if (!about.reports.has(reporter)) {
      log(world, 'verbose', `Node ${reporter.id} reported node ${about.id} as not reachable.`);
    }
    about.reports.set(reporter, world.now_ms);
    failIfAgreed(state, about, world);
  } else if (about.reports.delete(reporter)) {
    log(world, 'verbose', `Node ${reporter.id} reported node ${about.id} is back online.`);
  }
}

/** Reports that still count. */
export function countReports(state: State, node: ClusterNode, now_ms: number): number {
  const { reports } = node;
  if (reports.size === 0) return 0;
  for (const [reporter, at_ms] of reports) {
    if (now_ms - at_ms > state.config.nodeTimeout_ms * VALIDITY_FACTOR) reports.delete(reporter);
  }
  return reports.size;
}

/** Somebody counted a majority. */
export function acceptFailure(state: State, node: ClusterNode, reporter: ClusterNode, world: World): void {
  if (node === state.myself || isFailed(node)) return;
  log(world, 'notice', `FAIL message received from ${reporter.id} about ${node.id}`);
  markFailed(state, node, world);
}

function checkNode(state: State, node: ClusterNode, world: World): void {
  const { now_ms } = world;
  const timeout_ms = state.config.nodeTimeout_ms;
  const waited_ms = now_ms - node.pingSent_ms;
  const quiet_ms = now_ms - node.dataReceived_ms;
  // A socket may look alive long after its other end has gone: try a new one before giving the node up.
  if (
    node.link !== 0 &&
    node.pingSent_ms !== 0 &&
    now_ms - node.linkCreated_ms > timeout_ms &&
    waited_ms > timeout_ms / 2 &&
    quiet_ms > timeout_ms / 2
  ) {
    closeLink(state, node, world);
  }
  if (node.pingSent_ms === 0 && now_ms - node.pongReceived_ms > timeout_ms / 2) {
    if (node.linkUp) ping(state, node, world);
    else startWaiting(node, world);
    return;
  }
  if (state.manual.end_ms !== 0 && isPrimary(state.myself) && state.manual.replica === node && node.linkUp) {
    ping(state, node, world);
    return;
  }
  if (node.pingSent_ms === 0 || Math.min(waited_ms, quiet_ms) <= timeout_ms || isFailed(node)) return;
  if (!isSuspected(node)) {
    log(world, 'debug', `*** NODE ${node.id} possibly failing`);
    node.flags |= SUSPECTED;
    state.evaluateWanted = true;
  }
  // The others may have reported it before we found out ourselves.
  failIfAgreed(state, node, world);
}

function failIfAgreed(state: State, node: ClusterNode, world: World): void {
  if (!isSuspected(node) || isFailed(node)) return;
  const count = countReports(state, node, world.now_ms) + (isPrimary(state.myself) ? 1 : 0);
  if (count < majority(state)) return;
  log(world, 'notice', `Marking node ${node.id} as failing (quorum reached).`);
  markFailed(state, node, world);
  // Also from a replica: what counts is that it saw a majority.
  broadcast(state, { type: FAIL, header: makeHeader(state, world), failed: node.id }, world);
}

function markFailed(state: State, node: ClusterNode, world: World): void {
  node.flags = (node.flags & ~SUSPECTED) | FAILED;
  node.failed_ms = world.now_ms;
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
}

/** A replica is welcome at once. A primary waits: if its slots were to be taken over, that has happened by then. */
function clearFailure(state: State, node: ClusterNode, world: World): void {
  const harmless = isReplica(node) || node.slots.count() === 0;
  const rested = world.now_ms - node.failed_ms > state.config.nodeTimeout_ms * VALIDITY_FACTOR;
  if (!harmless && !rested) return;
  const what = isReplica(node) ? 'replica is reachable again' : 'master without slots is reachable again';
  const why = harmless ? what : 'is reachable again and nobody is serving its slots after some time';
  log(world, 'notice', `Clear FAIL state for node ${node.id}: ${why}.`);
  node.flags &= ~FAILED;
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
}
