/*
 * A message came in. What is done with it, in order:
 *
 *   whose is it · epochs and offset of the header · (heartbeats:) our own address, introductions, the pong · is the link
 *   to whom we think it is · address · liveness · role · slots · epoch collision · gossip · extensions
 *
 * The order matters: a claim to slots must be judged with the role and the epoch of the same header, and gossip about a
 * node must not overrule what the node says of itself.
 */
import { isHost } from '../../base/host.ts';
import { applyClaim } from './claim.ts';
import { noteVote } from './election.ts';
import { hasBelievableEpochs, resolveCollision } from './epoch.ts';
import type { MessageEvent } from './event.ts';
import { acceptFailure, noteAnswer } from './failure.ts';
import { NO_FAILOVER } from './flags.ts';
import { hearGossip } from './hearsay.ts';
import { pong, pongOnLink } from './heartbeat.ts';
import { addressOf, finishHandshake, forget, loseAddress, removeNode, startHandshake, updateAddress } from './join.ts';
import { makeHeader, send, senderOf } from './link.ts';
import { notePausedPrimary, startHandover } from './manual-failover.ts';
import {
  EXTENSION_FORGOTTEN_NODE,
  EXTENSION_HOSTNAME,
  EXTENSION_NODENAME,
  EXTENSION_SHARD_ID,
  FAIL,
  FAILOVER_START,
  HAS_EXTENSIONS,
  type Header,
  type Heartbeat,
  MEET,
  type Message,
  PING,
  PONG,
  PUBLISH,
  PUBLISH_SHARD,
  UPDATE,
  type UpdateMessage,
  VOTE,
  VOTE_REQUEST,
  WRITES_PAUSED,
} from './message.ts';
import { logRarely } from './rare-log.ts';
import { markPrimary, markReplica } from './role.ts';
import { firstOutdated } from './slot-map.ts';
import {
  type ClusterNode,
  inHandshake,
  isPrimary,
  isReplica,
  log,
  ownerOf,
  persist,
  type State,
  shardPrimary,
  type World,
} from './state.ts';
import { considerVote } from './vote.ts';

export function receive(state: State, event: MessageEvent, world: World): void {
  const { message } = event;
  state.received[message.type] = (state.received[message.type] as number) + 1;
  if (!hasBelievableEpochs(state, message, world)) return;
  if (event.inbound && message.header.sender === state.myself.id) noteOurId(state, event, world);
  const linked = event.inbound ? null : (state.links.get(event.link) ?? null);
  // A link that we have closed may still deliver what was on its way.
  if (!event.inbound && linked === null) return;
  if (linked !== null && !inHandshake(linked) && linked.id !== message.header.sender) {
    if (isHeartbeat(message)) loseAddress(state, linked, world);
    return;
  }
  const sender = senderOf(state, event, world);
  if (sender !== null && !inHandshake(sender)) noteHeader(state, sender, message.header, world);
  switch (message.type) {
    case PING:
    case PONG:
    case MEET:
      receiveHeartbeat(state, { event, message, linked, sender }, world);
      return;
    default:
      if (sender !== null) receiveFromKnown(state, { event, message, sender }, world);
  }
}

/** Our own id on the wire: we were met by our own address, or there is a copy of our nodes.conf at work. */
function noteOurId(state: State, { message, remoteIp, localIp }: MessageEvent, world: World): void {
  const { port, busPort, sender } = message.header;
  const { myself } = state;
  if (remoteIp === localIp && port === myself.port && busPort === myself.busPort) return;
  const text =
    `Another node has our id ${sender}: it is at ${addressOf(message.header, remoteIp).ip}:${port}. Two nodes must not share ` +
    'a copy of nodes.conf; stop one of them, and give it a nodes.conf of its own (it becomes a new node without one).';
  logRarely(state, { kind: 'duplicate', level: 'warning', text }, world);
}

interface Arrival {
  event: MessageEvent;
  message: Message;
  sender: ClusterNode;
}

interface HeartbeatArrival {
  event: MessageEvent;
  message: Heartbeat;
  /** Whose outgoing link it came by; null on an inbound one. */
  linked: ClusterNode | null;
  sender: ClusterNode | null;
}

function isHeartbeat(message: Message): message is Heartbeat {
  return message.type === PING || message.type === PONG || message.type === MEET;
}

function noteHeader(state: State, sender: ClusterNode, header: Header, world: World): void {
  sender.dataReceived_ms = world.now_ms;
  if (header.currentEpoch > state.currentEpoch) {
    state.currentEpoch = header.currentEpoch;
    persist(state, world, { fsync: false });
  }
  if (header.configEpoch > sender.configEpoch) {
    sender.configEpoch = header.configEpoch;
    // (4) A claim can be newer than all that its sender has heard of.
    if (header.configEpoch > state.currentEpoch) state.currentEpoch = header.configEpoch;
    persist(state, world, { fsync: true });
  }
  sender.offset = header.offset;
  if ((header.messageFlags & WRITES_PAUSED) !== 0) notePausedPrimary(state, sender, header.offset, world);
}

function receiveFromKnown(state: State, { event, message, sender }: Arrival, world: World): void {
  switch (message.type) {
    case FAIL: {
      const failed = state.nodes.get(message.failed);
      if (failed !== undefined) acceptFailure(state, failed, sender, world);
      return;
    }
    case PUBLISH:
    case PUBLISH_SHARD: {
      // Copies: the packet's bytes are only lent.
      const channel = Buffer.from(message.channel);
      const payload = Buffer.from(message.payload);
      world.effects.push({ type: 'deliver', sharded: message.type === PUBLISH_SHARD, channel, payload });
      return;
    }
    case VOTE_REQUEST:
      considerVote(state, sender, message.header, world);
      return;
    case VOTE:
      noteVote(state, sender, message.header);
      return;
    case FAILOVER_START:
      startHandover(state, { replica: sender, inbound: event.inbound ? event.link : 0 }, world);
      return;
    case UPDATE:
      receiveUpdate(state, message, world);
      return;
    default:
  }
}

/** We claimed, or repeated, what another has a newer claim to. */
function receiveUpdate(state: State, { owner, ownerEpoch, ownerSlots }: UpdateMessage, world: World): void {
  const node = state.nodes.get(owner);
  if (node === undefined || node === state.myself || node.configEpoch >= ownerEpoch) return;
  markPrimary(state, node, world);
  node.configEpoch = ownerEpoch;
  if (ownerEpoch > state.currentEpoch) state.currentEpoch = ownerEpoch;
  persist(state, world, { fsync: true });
  applyClaim(state, { claimer: node, epoch: ownerEpoch, slots: ownerSlots }, world);
}

function receiveHeartbeat(state: State, arrival: HeartbeatArrival, world: World): void {
  const { event, message, linked } = arrival;
  if (message.type !== PONG) answer(state, arrival, world);
  let { sender } = arrival;
  if (linked !== null && inHandshake(linked)) {
    sender = introduce(state, { linked, sender, event }, world);
    if (sender === null) return;
  }
  if (linked !== null && message.type === PONG) noteAnswer(state, linked, world);
  if (sender === null || inHandshake(sender)) return;
  sender.flags = (sender.flags & ~NO_FAILOVER) | (message.header.flags & NO_FAILOVER);
  if (message.type === PING && event.inbound) {
    updateAddress(state, sender, addressOf(message.header, event.remoteIp), world);
  }
  learnRole(state, sender, message.header, world);
  learnSlots(state, sender, message.header, world);
  resolveCollision(state, sender, message.header.configEpoch, world);
  hearGossip(state, message.gossip, sender, world);
  readExtensions(state, message, sender, world);
}

/** Everybody who pings gets a pong, known or not. */
function answer(state: State, { event, message, linked, sender }: HeartbeatArrival, world: World): void {
  const introduced = message.type === MEET;
  learnOwnAddress(state, event, { anyway: introduced }, world);
  const itself = message.header.sender === state.myself.id;
  if (sender === null && introduced && !itself && event.inbound) {
    startHandshake(state, addressOf(message.header, event.remoteIp), 0, world);
  }
  if (event.inbound) pong(state, event.link, sender, world);
  else if (linked !== null) pongOnLink(state, linked, world);
}

/** A node cannot know its own address before somebody has reached it there. */
function learnOwnAddress(state: State, event: MessageEvent, { anyway }: { anyway: boolean }, world: World): void {
  const { myself, config } = state;
  if (config.announceIp !== '' || !event.inbound || (myself.ip !== '' && !anyway)) return;
  if (event.localIp === '' || event.localIp === myself.ip) return;
  myself.ip = event.localIp;
  log(world, 'notice', `IP address for this node updated to ${myself.ip}`);
  persist(state, world, { fsync: false });
}

/** The node that was met by its address tells who it is. Null when there is nothing more to learn from the message. */
function introduce(
  state: State,
  { linked, sender, event }: { linked: ClusterNode; sender: ClusterNode | null; event: MessageEvent },
  world: World,
): ClusterNode | null {
  const { header } = event.message;
  if (sender === null && header.sender !== state.myself.id && finishHandshake(state, linked, header, world)) {
    noteHeader(state, linked, header, world);
    return linked;
  }
  // We know it already (or are it): all that may be new is where it lives.
  removeNode(state, linked, world);
  if (sender !== null) updateAddress(state, sender, addressOf(header, event.remoteIp), world);
  return null;
}

function learnRole(state: State, sender: ClusterNode, header: Header, world: World): void {
  if (header.primary === '') markPrimary(state, sender, world);
  else markReplica(state, sender, state.nodes.get(header.primary) ?? null, world);
}

function learnSlots(state: State, sender: ClusterNode, header: Header, world: World): void {
  const speaker = shardPrimary(sender);
  // A replica whose primary we do not know yet repeats claims we cannot place.
  if (isReplica(speaker)) return;
  const { slots, configEpoch: epoch } = header;
  const differs = !speaker.slots.equals(slots);
  // Slots that had been given up and are claimed again look the same as before, but are not up for grabs any more.
  if (isPrimary(sender) && (differs || state.abandoned.count() > 0)) {
    applyClaim(state, { claimer: sender, epoch, slots }, world);
  }
  // What it claims, it has by now: nobody's claim to it is newer.
  if (speaker.slots.equals(slots)) return;
  const slot = firstOutdated(state, { claimed: slots, epoch, except: sender });
  if (slot !== -1) sendUpdate(state, sender, ownerOf(state, slot) as ClusterNode, world);
}

/** Tells the node who has the newer claim. It will learn of other owners with its next heartbeats. */
function sendUpdate(state: State, to: ClusterNode, owner: ClusterNode, world: World): void {
  const ownerSlots = Buffer.from(owner.slots.bitmap);
  for (const slot of state.abandoned.count() > 0 ? state.abandoned : []) {
    ownerSlots[slot >> 3] = (ownerSlots[slot >> 3] as number) & ~(1 << (slot & 7));
  }
  const header = makeHeader(state, world);
  send(state, to, { type: UPDATE, header, owner: owner.id, ownerEpoch: owner.configEpoch, ownerSlots }, world);
}

function readExtensions(state: State, message: Heartbeat, sender: ClusterNode, world: World): void {
  let hostname = '';
  let nodename = '';
  let { shardId } = sender;
  for (const { type, data } of message.extensions) {
    if (type === EXTENSION_HOSTNAME) {
      const text = textIn(data);
      if (isHost(text)) hostname = text;
    } else if (type === EXTENSION_NODENAME) {
      const text = textIn(data);
      if (NODENAME_PATTERN.test(text)) nodename = text;
    } else if (type === EXTENSION_SHARD_ID && data.length === 40) {
      const text = data.toString('latin1');
      if (ID_PATTERN.test(text)) shardId = text;
    } else if (type === EXTENSION_FORGOTTEN_NODE && data.length === 48) {
      hearForgotten(state, data, world);
    }
  }
  noteExtensions(sender, message);
  if (sender.hostname === hostname && sender.nodename === nodename && sender.shardId === shardId) return;
  sender.hostname = hostname;
  sender.nodename = nodename;
  sender.shardId = shardId;
  persist(state, world, { fsync: false });
}

/** Redis 7.0 knows a hostname and nothing else, and marks no message without one. */
function noteExtensions(sender: ClusterNode, { header, extensions }: Heartbeat): void {
  const isMarked = (header.messageFlags & HAS_EXTENSIONS) !== 0;
  const isLater = extensions.length === 0 || extensions.some(({ type }) => type !== EXTENSION_HOSTNAME);
  if (isMarked && isLater) sender.knowsShards = true;
}

const ID_PATTERN = /^[0-9a-f]{40}$/;
const NODENAME_PATTERN = /^[A-Za-z0-9._-]{1,255}$/;

/** Up to the zero byte behind it. */
function textIn(data: Buffer): string {
  return data.toString('latin1').replace(/\0.*$/s, '');
}

/** Newer servers pass on what their operators told them to forget. */
function hearForgotten(state: State, data: Buffer, world: World): void {
  const node = state.nodes.get(data.toString('latin1', 0, 40));
  if (node === undefined || node === state.myself || node === state.myself.primary) return;
  const seconds = Number(data.readBigUInt64BE(40));
  if (seconds > 0) forget(state, node, world, Math.min(seconds, FORGOTTEN_S_MAX) * 1000);
}

/** Nobody asks for more than a minute; a broken sender might. */
const FORGOTTEN_S_MAX = 3600;
