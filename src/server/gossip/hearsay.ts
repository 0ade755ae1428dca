/*
 * Gossip: what a sender that we know says about third nodes.
 */

import { isHost } from '../../base/host.ts';
import { countReports, noteReport } from './failure.ts';
import { FAILED, NO_ADDRESS, SUSPECTED } from './flags.ts';
import { learnOf } from './join.ts';
import { closeLink, openLink } from './link.ts';
import type { GossipEntry } from './message.ts';
import { type ClusterNode, isPrimary, persist, type State, type World } from './state.ts';

/** Clocks of nodes may differ by this much, when a peer's date of a pong is taken over. */
const CLOCK_SKEW_MS = 500;

export function hearGossip(state: State, gossip: readonly GossipEntry[], sender: ClusterNode, world: World): void {
  for (const entry of gossip) {
    const node = state.nodes.get(entry.id);
    if (node === undefined) learnOf(state, entry, world);
    else if (node !== state.myself) hearAbout(state, { node, entry, sender }, world);
  }
}

interface Hearsay {
  node: ClusterNode;
  entry: GossipEntry;
  sender: ClusterNode;
}

function hearAbout(state: State, { node, entry, sender }: Hearsay, world: World): void {
  const silent = (entry.flags & (FAILED | SUSPECTED)) !== 0;
  // Only primaries have a say; a replica's report would count a shard twice.
  if (isPrimary(sender) && node !== sender) noteReport(state, { about: node, reporter: sender, silent }, world);
  if (silent) return;
  if (node.pingSent_ms === 0 && countReports(state, node, world.now_ms) === 0) {
    // Somebody heard from it lately: saves us a ping.
    const pong_ms = entry.pongReceived_s * 1000 - world.wallAhead_ms;
    if (pong_ms > node.pongReceived_ms && pong_ms <= world.now_ms + CLOCK_SKEW_MS) node.pongReceived_ms = pong_ms;
  }
  if ((node.flags & (FAILED | SUSPECTED | NO_ADDRESS)) !== 0 && (entry.flags & NO_ADDRESS) === 0)
    moveTo(state, node, entry, world);
}

/** For us it is gone, or its address is somebody else's now; but others reach it: perhaps at another address. */
function moveTo(state: State, node: ClusterNode, entry: GossipEntry, world: World): void {
  const { ip, port, plainPort, busPort } = entry;
  if (!isHost(ip) || busPort === 0 || (node.ip === ip && node.port === port && node.busPort === busPort)) return;
  closeLink(state, node, world);
  node.ip = ip;
  node.port = port;
  node.plainPort = plainPort;
  node.busPort = busPort;
  node.flags &= ~NO_ADDRESS;
  openLink(state, node, world);
  persist(state, world, { fsync: false });
}
