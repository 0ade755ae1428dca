/*
 * Links and what leaves on them. Each node keeps one outgoing link to every other; a node knows an inbound link as a
 * peer's once a message with a known sender came in on it.
 */
import type { Header, Message } from './message.ts';
import { WRITES_PAUSED } from './message.ts';
import { snapshotOf } from './slot-map.ts';
import {
  type ClusterNode,
  hasAddress,
  inHandshake,
  isPrimary,
  isReachable,
  isReplica,
  type State,
  shardPrimary,
  type World,
} from './state.ts';

/** Connects to the node, unless that is done or cannot be. Its first words are said by heartbeat.ts, once it is up. */
export function openLink(state: State, node: ClusterNode, world: World): void {
  if (node === state.myself || node.link !== 0 || !hasAddress(node) || node.ip === '' || node.busPort === 0) return;
  const link = state.nextLink++;
  node.link = link;
  node.linkUp = false;
  node.linkCreated_ms = world.now_ms;
  state.links.set(link, node);
  world.effects.push({ type: 'connect', link, node: node.id, ip: node.ip, busPort: node.busPort });
}

/** Ends our link to the node; the next tick makes a new one. */
export function closeLink(state: State, node: ClusterNode, world: World): void {
  if (node.link === 0) return;
  world.effects.push({ type: 'disconnect', link: node.link });
  forgetLink(state, node);
}

/** The link is gone already. */
export function forgetLink(state: State, node: ClusterNode): void {
  state.links.delete(node.link);
  node.link = 0;
  node.linkUp = false;
}

/** (6) Notes that an inbound link is this node's; an older one of the same node is closed. */
function noteInbound(state: State, link: number, node: ClusterNode, world: World): void {
  if (node.inbound === link) return;
  const before = state.inbounds.get(link);
  if (before !== undefined) before.inbound = 0;
  if (node.inbound !== 0) {
    state.inbounds.delete(node.inbound);
    world.effects.push({ type: 'closeInbound', link: node.inbound });
  }
  node.inbound = link;
  node.inboundCreated_ms = world.now_ms;
  state.inbounds.set(link, node);
}

export function closeInbound(state: State, node: ClusterNode, world: World): void {
  if (node.inbound === 0) return;
  world.effects.push({ type: 'closeInbound', link: node.inbound });
  forgetInbound(state, node.inbound);
}

export function forgetInbound(state: State, link: number): void {
  const node = state.inbounds.get(link);
  if (node === undefined) return;
  state.inbounds.delete(link);
  node.inbound = 0;
}

/** Says it on our link to the node; when that is not up, nobody hears it. */
export function send(state: State, node: ClusterNode, message: Message, world: World): void {
  if (!node.linkUp) return;
  countSent(state, message);
  world.effects.push({ type: 'send', link: node.link, message });
}

/** Says it on the inbound link that the question came by. */
export function reply(state: State, inbound: number, message: Message, world: World): void {
  countSent(state, message);
  world.effects.push({ type: 'reply', link: inbound, message });
}

/** One message for everybody who knows us. */
export function broadcast(state: State, message: Message, world: World): void {
  for (const node of state.list) if (isReachable(node)) send(state, node, message, world);
}

/** What we say about ourselves in front of every message. */
export function makeHeader(state: State, world: World, extraMessageFlags = 0): Header {
  const { myself, config } = state;
  const speaker = shardPrimary(myself);
  const paused = isPrimary(myself) && state.manual.end_ms !== 0;
  return {
    sender: myself.id,
    port: myself.port,
    plainPort: myself.plainPort,
    busPort: myself.busPort,
    ip: config.announceIp,
    currentEpoch: state.currentEpoch,
    configEpoch: speaker.configEpoch,
    offset: world.replication.offset,
    slots: snapshotOf(speaker),
    primary: isReplica(myself) && myself.primary !== null ? myself.primary.id : '',
    flags: myself.flags,
    ok: state.ok,
    messageFlags: (paused ? WRITES_PAUSED : 0) | extraMessageFlags,
  };
}

/** The node that sent the message, if we know it: a link says who is at its other end, else the header does. */
export function senderOf(
  state: State,
  { link, inbound, message }: { link: number; inbound: boolean; message: Message },
  world: World,
): ClusterNode | null {
  const attached = inbound ? state.inbounds.get(link) : state.links.get(link);
  const { sender } = message.header;
  // A node that was reset hard comes back on its old connection with a new id.
  if (attached !== undefined && !inHandshake(attached) && attached.id === sender) return attached;
  const node = state.nodes.get(sender) ?? null;
  // Our own id on the wire is a node that was met by its own address, or a copy of our nodes.conf: not a peer.
  if (node === null || node === state.myself) return null;
  if (inbound) noteInbound(state, link, node, world);
  return node;
}

function countSent(state: State, message: Message): void {
  state.sent[message.type] = (state.sent[message.type] as number) + 1;
}
