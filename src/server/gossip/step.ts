/*
 * The machine's door. Each call takes in one thing that happened and then settles what follows from it, in this order:
 * failovers first, because they change what we own; then the cluster's health; then the news for the others.
 */
import { advanceElection } from './election.ts';
import type { Command, CommandResult, Event } from './event.ts';
import { checkSilence, startWaiting } from './failure.ts';
import { HANDSHAKE, NO_ADDRESS, SUSPECTED } from './flags.ts';
import { evaluateHealth, noteSleep } from './health.ts';
import { announce, broadcastPong, connectAll, greet, pingSomebody, shardPeers } from './heartbeat.ts';
import { expire } from './join.ts';
import { broadcast, forgetInbound, forgetLink, makeHeader, send } from './link.ts';
import { advanceManualFailover } from './manual-failover.ts';
import { PUBLISH, PUBLISH_SHARD, type PublishMessage } from './message.ts';
import { carryOutCommand } from './operator.ts';
import { adoptOrphan } from './orphan.ts';
import { receive } from './receive.ts';
import { followPrimary } from './role.ts';
import {
  announceMyself,
  type ClusterConfig,
  isReachable,
  NOBODY,
  ownerOf,
  persist,
  type State,
  shardPrimary,
  type World,
} from './state.ts';

/** Takes in one event. */
export function step(state: State, event: Event, world: World): void {
  begin(state, world);
  switch (event.type) {
    case 'tick':
      tick(state, world);
      break;
    case 'message':
      receive(state, event, world);
      break;
    case 'linkUp':
      linkUp(state, event.link, world);
      break;
    case 'linkDown':
      if (event.overLimit === true) state.linksOverLimit++;
      linkDown(state, event.link, world);
      break;
    case 'inboundClosed':
      forgetInbound(state, event.link);
      break;
    case 'publish':
      relay(state, event, world);
      break;
  }
  settle(state, world);
}

/** Carries out one CLUSTER subcommand, or refuses it and changes nothing. */
export function runCommand(state: State, command: Command, world: World): CommandResult {
  begin(state, world);
  const result = carryOutCommand(state, command, world);
  settle(state, world);
  return result;
}

/** Makes changes of `state.config` take effect: announced addresses, coverage rules. */
export function configChanged(state: State, config: ClusterConfig, world: World): void {
  begin(state, world);
  // Nobody says any more who we are: the next node that reaches us will.
  if (state.config.announceIp !== '' && config.announceIp === '') state.myself.ip = '';
  Object.assign(state.config, config);
  announceMyself(state);
  state.evaluateWanted = true;
  state.announceWanted = true;
  persist(state, world, { fsync: false });
  settle(state, world);
}

/** Says what the steps of this turn have in common to say. */
export function endTurn(state: State, world: World): void {
  if (state.broadcastWanted) broadcastPong(state, world);
}

function begin(state: State, world: World): void {
  state.persist = null;
  state.wallAhead_ms = world.wallAhead_ms;
  state.myself.offset = world.replication.offset;
  noteSleep(state, world);
}

function tick(state: State, world: World): void {
  if (state.syncWanted) {
    state.syncWanted = false;
    world.effects.push({ type: 'sync' });
  }
  expire(state, world);
  connectAll(state, world);
  countSuspected(state);
  pingSomebody(state, world);
  checkSilence(state, world);
  adoptOrphan(state, world);
  if (!state.ok) state.evaluateWanted = true;
}

function settle(state: State, world: World): void {
  followPrimary(state, world);
  advanceManualFailover(state, world);
  advanceElection(state, world);
  if (state.evaluateWanted) {
    state.evaluateWanted = false;
    evaluateHealth(state, world);
  }
  tellLostSlots(state, world);
  announce(state, world);
}

function linkUp(state: State, link: number, world: World): void {
  const node = state.links.get(link);
  if (node === undefined) return;
  node.linkUp = true;
  greet(state, node, world);
}

function linkDown(state: State, link: number, world: World): void {
  const node = state.links.get(link);
  if (node === undefined) return;
  forgetLink(state, node);
  startWaiting(node, world);
}

function relay(
  state: State,
  { sharded, channel, payload }: { sharded: boolean; channel: Buffer; payload: Buffer },
  world: World,
): void {
  const header = makeHeader(state, world);
  const message: PublishMessage = { type: sharded ? PUBLISH_SHARD : PUBLISH, header, channel, payload };
  if (!sharded) {
    broadcast(state, message, world);
    return;
  }
  for (const node of shardPeers(state)) if (isReachable(node)) send(state, node, message, world);
}

function countSuspected(state: State): void {
  let count = 0;
  for (const node of state.list) {
    if ((node.flags & SUSPECTED) !== 0 && (node.flags & (HANDSHAKE | NO_ADDRESS)) === 0) count++;
  }
  state.suspectedCount = count;
}

/** A slot may have left our shard and come back within one step. */
function tellLostSlots(state: State, world: World): void {
  if (state.lostSlots.length === 0) return;
  const ours = shardPrimary(state.myself);
  const slots = state.lostSlots.filter((slot) => state.owner[slot] === NOBODY || ownerOf(state, slot) !== ours);
  state.lostSlots = [];
  if (slots.length > 0) world.effects.push({ type: 'slotsLost', slots });
}
