/*
 * Pings and pongs: how nodes show that they live, and spread what they know. Every message names a few other nodes
 * (a tenth of the cluster, at least three) chosen by chance, and all that are suspected, so that a failure is agreed
 * on quickly. On top of that this node speaks up at once when it has news: a node that just joined, or a change of its
 * own slots, epoch or role. Such an announcement is a pong nobody asked for, which every peer takes in like another.
 */
import { HANDSHAKE, KNOWN_FLAGS, MEET_FIRST, NO_ADDRESS, SUSPECTED } from './flags.ts';
import { makeHeader, openLink, reply, send } from './link.ts';
import type { Extension, GossipEntry, Heartbeat } from './message.ts';
import {
  EXTENSION_FORGOTTEN_NODE,
  EXTENSION_HOSTNAME,
  EXTENSION_NODENAME,
  EXTENSION_SHARD_ID,
  HAS_EXTENSIONS,
  MEET,
  PING,
  PONG,
} from './message.ts';
import { type ClusterNode, dateOf, isReachable, type State, shardIdOf, shardPrimary, type World } from './state.ts';

/** A random node is pinged this often, the one of a sample that was silent for longest. */
const RANDOM_PING_MS = 1000;
const RANDOM_PING_SAMPLE = 5;
/** At least this many nodes are named in a heartbeat, if there are as many. */
const GOSSIP_MIN = 3;
/** Named in the first ping on a new link, so that a newcomer meets all of a small cluster in one go. */
const GOSSIP_FIRST = 16;
/** Announcements keep this distance, unless something forces one. */
const ANNOUNCE_GAP_MS = 30;
/** In a bigger cluster an announcement reaches this many nodes; the usual heartbeats carry it to the others. */
const ANNOUNCE_NODES_MAX = 64;
const ANNOUNCED_NEWS_MAX = 16;

/** What a node says first on a new link. */
export function greet(state: State, node: ClusterNode, world: World): void {
  const wanted = Math.max(gossipWanted(state), Math.min(GOSSIP_FIRST, state.list.length - 2));
  const meeting = (node.flags & MEET_FIRST) !== 0;
  const pending_ms = node.pingSent_ms;
  send(state, node, makeHeartbeat(state, { type: meeting ? MEET : PING, to: node, wanted }, world), world);
  if (meeting) return;
  // A ping that went unanswered on the link before this one still counts: a new socket is no sign of life.
  node.pingSent_ms = pending_ms !== 0 ? pending_ms : world.now_ms;
}

export function ping(state: State, node: ClusterNode, world: World): void {
  if (!node.linkUp) return;
  node.pingSent_ms = world.now_ms;
  send(state, node, makeHeartbeat(state, { type: PING, to: node, wanted: gossipWanted(state) }, world), world);
}

/** A ping where the answer to a manual failover's request goes: back on the link it came by. */
export function pingInbound(state: State, inbound: number, to: ClusterNode, world: World): void {
  reply(state, inbound, makeHeartbeat(state, { type: PING, to, wanted: gossipWanted(state) }, world), world);
}

export function pong(state: State, inbound: number, to: ClusterNode | null, world: World): void {
  reply(state, inbound, makeHeartbeat(state, { type: PONG, to, wanted: gossipWanted(state) }, world), world);
}

export function pongOnLink(state: State, node: ClusterNode, world: World): void {
  send(state, node, makeHeartbeat(state, { type: PONG, to: node, wanted: gossipWanted(state) }, world), world);
}

/** Tells everybody at once who we are now. */
export function broadcastPong(state: State, world: World): void {
  state.broadcastWanted = false;
  // What an announcement would say, unless it is about newcomers.
  state.announceWanted = state.list.some((node) => node.newsLeft > 0);
  state.lastAnnounce_ms = world.now_ms;
  for (const node of state.list) if (isReachable(node)) pongOnLink(state, node, world);
}

/** Tells the other replicas of our primary where we stand, so that they can rank themselves. */
export function pongSiblings(state: State, world: World): void {
  const { primary } = state.myself;
  if (primary === null) return;
  for (const node of primary.replicas) if (isReachable(node)) pongOnLink(state, node, world);
}

/** Our part of the shard: who else must see its sharded messages. */
export function shardPeers(state: State): ClusterNode[] {
  const primary = shardPrimary(state.myself);
  return [primary, ...primary.replicas].filter((node) => node !== state.myself);
}

/** Spreads news, if there are any and the last ones are not too fresh. */
export function announce(state: State, world: World): void {
  // At the end of the turn everybody will hear all of it.
  if (state.broadcastWanted) return;
  if (!state.announceWanted || world.now_ms - state.lastAnnounce_ms < ANNOUNCE_GAP_MS) return;
  state.announceWanted = false;
  state.lastAnnounce_ms = world.now_ms;
  const news = state.list.filter((node) => node.newsLeft > 0).slice(0, ANNOUNCED_NEWS_MAX);
  for (const node of news) node.newsLeft--;
  const { list } = state;
  // Those who come after the maximum in one announcement come first in the next, more often than not.
  let at = list.length > ANNOUNCE_NODES_MAX ? world.prng.below(list.length) : 0;
  for (let seen = 0, told = 0; seen < list.length && told < ANNOUNCE_NODES_MAX; seen++, at = (at + 1) % list.length) {
    const node = list[at] as ClusterNode;
    if (!isReachable(node)) continue;
    told++;
    const message = makeHeartbeat(state, { type: PONG, to: node, wanted: gossipWanted(state), news }, world);
    send(state, node, message, world);
  }
  // Those who are not linked yet hear it in the next round.
  if (list.some((node) => node.newsLeft > 0)) state.announceWanted = true;
}

/** Once a tick: the links that are missing. */
export function connectAll(state: State, world: World): void {
  for (const node of state.list) if (node.link === 0) openLink(state, node, world);
}

/** Once a tick: a ping to a node taken by chance, if it is time. */
export function pingSomebody(state: State, world: World): void {
  if (world.now_ms - state.lastRandomPing_ms < RANDOM_PING_MS) return;
  state.lastRandomPing_ms = world.now_ms;
  let oldest: ClusterNode | null = null;
  for (let i = 0; i < RANDOM_PING_SAMPLE; i++) {
    const node = world.prng.pick(state.list);
    if (!isReachable(node) || node.pingSent_ms !== 0) continue;
    if (oldest === null || node.pongReceived_ms < oldest.pongReceived_ms) oldest = node;
  }
  if (oldest !== null) ping(state, oldest, world);
}

interface HeartbeatPlan {
  type: Heartbeat['type'];
  /** The receiver, when known: it needs no news about itself. */
  to: ClusterNode | null;
  wanted: number;
  news?: readonly ClusterNode[];
}

function makeHeartbeat(state: State, { type, to, wanted, news }: HeartbeatPlan, world: World): Heartbeat {
  const extensions = extensionsOf(state, to, world);
  // Without any, it says that we know them.
  const isMarked = state.config.tellsShards || extensions.length > 0;
  const header = makeHeader(state, world, isMarked ? HAS_EXTENSIONS : 0);
  const named = chooseNodes(state, { to, wanted, news: news ?? [] }, world);
  return { type, header, gossip: named.map((node) => entryOf(state, node)), extensions };
}

/** What the header has no room for, in the order of Redis; most of it only for those who have shown that they know it. */
function extensionsOf(state: State, to: ClusterNode | null, world: World): readonly Extension[] {
  const { hostname, nodename } = state.myself;
  const extensions: Extension[] = [];
  if (hostname !== '') extensions.push({ type: EXTENSION_HOSTNAME, data: Buffer.from(`${hostname}\0`, 'latin1') });
  if (!state.config.tellsShards || to?.knowsShards !== true) return extensions;
  if (nodename !== '') extensions.push({ type: EXTENSION_NODENAME, data: Buffer.from(`${nodename}\0`, 'latin1') });
  for (const [id, until_ms] of state.forgotten) {
    const left_s = Math.ceil((until_ms - world.now_ms) / 1000);
    if (left_s > 0) extensions.push({ type: EXTENSION_FORGOTTEN_NODE, data: forgottenNode(id, left_s) });
  }
  extensions.push({ type: EXTENSION_SHARD_ID, data: Buffer.from(shardIdOf(state.myself), 'latin1') });
  return extensions;
}

/** The id, and how many seconds it stays forgotten. */
function forgottenNode(id: string, left_s: number): Buffer {
  const data = Buffer.alloc(id.length + 8);
  data.write(id, 'latin1');
  data.writeBigUInt64BE(BigInt(left_s), id.length);
  return data;
}

/** A tenth of the cluster, at least three, and never more than there are others than the two who talk. */
function gossipWanted(state: State): number {
  const known = state.list.length;
  return Math.min(Math.max(GOSSIP_MIN, Math.floor(known / 10)), known - 2);
}

function chooseNodes(
  state: State,
  { to, wanted, news }: { to: ClusterNode | null; wanted: number; news: readonly ClusterNode[] },
  world: World,
): ClusterNode[] {
  const { list, myself } = state;
  const chosen: ClusterNode[] = [];
  for (const node of news) if (node !== to) chosen.push(node);
  const goal = chosen.length + wanted;
  // A walk from a random place finds the same as many random draws, without repeats.
  let at = wanted > 0 ? world.prng.below(list.length) : 0;
  for (let seen = 0; seen < list.length && chosen.length < goal; seen++, at = at + 1 === list.length ? 0 : at + 1) {
    const node = list[at] as ClusterNode;
    if (node === myself || node === to || (node.flags & (SUSPECTED | HANDSHAKE | NO_ADDRESS)) !== 0) continue;
    if (node.link === 0 && node.slots.count() === 0) continue;
    if (news.length === 0 || !news.includes(node)) chosen.push(node);
  }
  if (state.suspectedCount === 0) return chosen;
  for (const node of list) {
    if ((node.flags & SUSPECTED) !== 0 && (node.flags & (HANDSHAKE | NO_ADDRESS)) === 0) chosen.push(node);
  }
  return chosen;
}

function entryOf(state: State, node: ClusterNode): GossipEntry {
  return {
    id: node.id,
    pingSent_s: Math.floor(dateOf(state, node.pingSent_ms) / 1000),
    pongReceived_s: Math.floor(dateOf(state, node.pongReceived_ms) / 1000),
    ip: node.ip,
    port: node.port,
    busPort: node.busPort,
    flags: node.flags & KNOWN_FLAGS,
    plainPort: node.plainPort,
  };
}
