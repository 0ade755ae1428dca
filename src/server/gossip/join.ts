/*
 * How nodes come to know each other, and how they part. An operator introduces a node by its address alone (MEET); it
 * stands in the books under an invented id until it tells its own. Everybody else learns of it by gossip, from nodes
 * they know already: gossip never starts a handshake, so a stranger cannot talk its way in.
 */
import { isHost } from '../../base/host.ts';
import { SLOTS } from '../../base/slot.ts';
import { FAILED, HANDSHAKE, MEET_FIRST, MIGRATE_TO, NO_ADDRESS, NO_FAILOVER, PRIMARY, REPLICA } from './flags.ts';
import { closeInbound, closeLink, openLink } from './link.ts';
import type { GossipEntry, Header } from './message.ts';
import { logRarely } from './rare-log.ts';
import { endManualFailover, followPrimary } from './role.ts';
import { dropSlots } from './slot-map.ts';
import { addNode, type ClusterNode, inHandshake, log, persist, type State, setPrimaryOf, type World } from './state.ts';

const HANDSHAKE_MS_MIN = 1000;
/** A forgotten node may not come back by gossip for this long; everybody has to be told to forget it meanwhile. */
const FORGET_MS = 60_000;
/** How many announcements name a node that has just joined. */
const NEWS_ROUNDS = 3;
/** Times the node timeout: nobody moves away and comes back in so short a time. */
const FLAPPING_FACTOR = 2;
/** Introductions under way at one time, each with a connection: whoever reaches the bus port may ask for one. */
const HANDSHAKES_MAX = 1000;
/** More nodes than slots have no use. */
const NODES_MAX = SLOTS;
const ID_PATTERN = /^[a-z0-9]{40}$/;

export interface Address {
  ip: string;
  port: number;
  plainPort: number;
  busPort: number;
}

/**
 * A node known by address only is asked who it is; MEET_FIRST when it has to be told about us. Nothing is done when that
 * is under way already, or when too many are.
 */
export function startHandshake(state: State, address: Address, flags: number, world: World): void {
  let underway = 0;
  for (const node of state.list) {
    if (!inHandshake(node)) continue;
    if (isAt(node, address)) return;
    underway++;
  }
  if (underway >= HANDSHAKES_MAX || isFull(state, world)) return;
  const node = addNode(state, { id: world.prng.hex(40), flags: HANDSHAKE | flags, ...address }, world.now_ms);
  openLink(state, node, world);
}

function isAt(node: ClusterNode, { ip, port, busPort }: Address): boolean {
  return node.ip === ip && node.port === port && node.busPort === busPort;
}

function isFull(state: State, world: World): boolean {
  if (state.list.length < NODES_MAX) return false;
  const text = `No more nodes are taken in: ${NODES_MAX} are known`;
  logRarely(state, { kind: 'full', level: 'warning', text }, world);
  return true;
}

/** The node met by address has told its id, and nobody has it yet: now it is one of us. */
export function finishHandshake(state: State, node: ClusterNode, header: Header, world: World): boolean {
  if (!ID_PATTERN.test(header.sender)) return false;
  log(world, 'debug', `Handshake with node ${header.sender} completed.`);
  state.nodes.delete(node.id);
  node.id = header.sender;
  state.nodes.set(node.id, node);
  // Only now: had the link broken before the answer, the introduction would have to be repeated.
  node.flags = (node.flags & ~(HANDSHAKE | MEET_FIRST)) | (header.flags & (PRIMARY | REPLICA));
  node.plainPort = header.plainPort;
  node.newsLeft = NEWS_ROUNDS;
  state.announceWanted = true;
  persist(state, world, { fsync: false });
  return true;
}

/** A node we trust names one we do not know. */
export function learnOf(state: State, entry: GossipEntry, world: World): void {
  if (!ID_PATTERN.test(entry.id) || !isHost(entry.ip) || entry.busPort === 0) return;
  if ((entry.flags & (NO_ADDRESS | HANDSHAKE)) !== 0 || isForgotten(state, entry.id, world)) return;
  if (isFull(state, world)) return;
  const { id, ip, port, plainPort, busPort } = entry;
  // Whether it is silent for us, only we can tell.
  const flags = entry.flags & (PRIMARY | REPLICA | FAILED | MIGRATE_TO | NO_FAILOVER);
  openLink(state, addNode(state, { id, flags, ip, port, plainPort, busPort }, world.now_ms), world);
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
}

/** The sender's address as it tells it, or else as the socket shows it. */
export function addressOf(header: Header, remoteIp: string): Address {
  const { port, plainPort, busPort } = header;
  return { ip: isHost(header.ip) ? header.ip : remoteIp, port, plainPort, busPort };
}

/** Moves a node to another address; the link to the old one is dropped. True when it is another one. */
export function updateAddress(state: State, node: ClusterNode, address: Address, world: World): boolean {
  const { ip, port, plainPort, busPort } = address;
  const same = node.ip === ip && node.port === port && node.busPort === busPort && node.plainPort === plainPort;
  if (same) return false;
  noteFlapping(state, node, address, world);
  node.ip = ip;
  node.port = port;
  node.plainPort = plainPort;
  node.busPort = busPort;
  node.flags &= ~NO_ADDRESS;
  closeLink(state, node, world);
  openLink(state, node, world);
  log(world, 'warning', `Address updated for node ${node.id}, now ${ip}:${port}`);
  if (node === state.myself.primary) followPrimary(state, world);
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
  return true;
}

/** One node that moves to and fro is two nodes with one id. */
function noteFlapping(state: State, node: ClusterNode, { ip, port }: Address, world: World): void {
  const { left } = node;
  const isBack = left !== null && left.ip === ip && left.port === port;
  if (isBack && world.now_ms - left.at_ms < state.config.nodeTimeout_ms * FLAPPING_FACTOR) {
    const text =
      `Two nodes have the id ${node.id}: one is at ${node.ip}:${node.port}, one at ${ip}:${port}. Stop one of them, and ` +
      'give it a nodes.conf of its own.';
    logRarely(state, { kind: 'duplicate', level: 'warning', text }, world);
  }
  node.left = { ip: node.ip, port: node.port, at_ms: world.now_ms };
}

/** Somebody else answers at the node's address: where the node is, nobody knows. */
export function loseAddress(state: State, node: ClusterNode, world: World): void {
  node.flags |= NO_ADDRESS;
  closeLink(state, node, world);
  node.ip = '';
  node.port = 0;
  node.plainPort = 0;
  node.busPort = 0;
  persist(state, world, { fsync: false });
}

/** Takes a node out of the books, with all that refers to it. */
export function removeNode(state: State, node: ClusterNode, world: World): void {
  dropSlots(state, node);
  for (const [slot, target] of state.migratingTo) if (target === node) state.migratingTo.delete(slot);
  for (const [slot, source] of state.importingFrom) if (source === node) state.importingFrom.delete(slot);
  for (const replica of [...node.replicas]) setPrimaryOf(replica, null);
  setPrimaryOf(node, null);
  for (const other of state.list) other.reports.delete(node);
  state.election.voters.delete(node);
  if (state.manual.replica === node) endManualFailover(state, world);
  closeLink(state, node, world);
  closeInbound(state, node, world);
  state.nodes.delete(node.id);
  state.list.splice(state.list.indexOf(node), 1);
  state.byIndex[node.index] = null;
}

/** Removes the node, and keeps gossip from bringing it back for a while. */
export function forget(state: State, node: ClusterNode, world: World, forget_ms = FORGET_MS): void {
  state.forgotten.set(node.id, world.now_ms + forget_ms);
  removeNode(state, node, world);
  state.evaluateWanted = true;
  persist(state, world, { fsync: false });
}

/** Once a tick: handshakes that lead nowhere, and names that may be spoken again. */
export function expire(state: State, world: World): void {
  const handshake_ms = Math.max(state.config.nodeTimeout_ms, HANDSHAKE_MS_MIN);
  for (let i = state.list.length - 1; i >= 0; i--) {
    const node = state.list[i] as ClusterNode;
    if (inHandshake(node) && world.now_ms - node.created_ms > handshake_ms) removeNode(state, node, world);
  }
  for (const [id, until_ms] of state.forgotten) if (until_ms < world.now_ms) state.forgotten.delete(id);
}

function isForgotten(state: State, id: string, world: World): boolean {
  const until_ms = state.forgotten.get(id);
  return until_ms !== undefined && until_ms >= world.now_ms;
}
