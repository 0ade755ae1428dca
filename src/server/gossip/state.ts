/*
 * The cluster protocol as a machine. Everything one node believes about the cluster is in one `State`, owned and
 * changed by the functions of this folder alone. They open no socket, read no clock, write no file: what happened
 * comes in as an `Event` (event.ts) or a `Command`, what should be done goes out as `Effect`s (effect.ts), and
 * time, chance and the node's own data are the `World` that each call is handed.
 *
 * The loop a shell has to write:
 *
 *   const state = createState({ id: prng.hex(40), shardId: prng.hex(40), config })      // a new node; or, from a nodes.conf:
 *   const state = loadNodesConf(text, config, now_ms)                  // throws NodesConfError with the line
 *   claimFoundKeys(state, world)                                       // found-keys.ts: keys on disk, slots in books
 *   const world: World = { now_ms, prng, effects: [], countKeysInSlot, keyCount, replication };   // one for ever
 *
 *   every TICK_MS:             world.now_ms = …; step(state, { type: 'tick' }, world); carryOut();
 *   a connection came up:      step(state, { type: 'linkUp', link }, world); carryOut();
 *   a connection ended:        step(state, { type: 'linkDown', link }, world); carryOut();
 *   a packet is complete:      const message = decodeMessage(buffer, offset, length);   // null: ignore the packet
 *                              step(state, { type: 'message', link, inbound, remoteIp, localIp, message }, world);
 *   CLUSTER <subcommand>:      const result = runCommand(state, command, world); carryOut(); reply(result);
 *   PUBLISH, SPUBLISH:         step(state, { type: 'publish', sharded, channel, payload }, world);
 *
 * `carryOut` is called once a turn: it calls `endTurn` (step.ts), walks world.effects in order and empties the list; effect.ts says what each one means. The rules on
 * the order are there too; the one that matters most: a `persist` is on disk before any later `send` leaves.
 * Events that happen while effects are carried out must wait until the walk is over: the machine is not re-entrant.
 *
 * Before each call the shell brings the world up to date: `now_ms` (monotonic: every duration is measured by it),
 * `wallAhead_ms` (dates are only told, never judged by), and the facts of `replication`. `countKeysInSlot` and `keyCount` are asked only by commands and claims that need them.
 * `config` is the shell's object: a CONFIG SET writes to it, and `configChanged` (step.ts) makes announced
 * addresses and coverage rules take effect at once.
 *
 * What is asked, and where:
 *   every client command in cluster mode   redirect.ts    servesSlot(state, slot), then route(state, query)
 *   CLUSTER INFO | NODES | SLOTS | SHARDS  report.ts      clusterInfo, nodesText, slotRanges, shards …
 *   nodes.conf                             nodes-conf.ts  formatNodesConf, loadNodesConf
 *   the bytes                              codec.ts       encodeMessage, decodeMessage, frameLength
 *
 * Invariants, cited by number where they are kept:
 *   (1) owner[slot] === node.index  <=>  node.slots.has(slot). Only slot-map.ts changes these.
 *   (2) `myself` has index 0, is in `nodes`, and never carries HANDSHAKE, NO_ADDRESS, SUSPECTED or FAILED.
 *   (3) A replica owns no slots; its `primary`, when known, lists it in `replicas`.
 *   (4) currentEpoch >= every configEpoch known, >= lastVoteEpoch, and never goes down, but for CLUSTER RESET HARD.
 *   (5) lastVoteEpoch and a claimed configEpoch are persisted with fsync before a message that rests on them.
 *   (6) A node has at most one outgoing link; links.get(link) is that node. Inbound links likewise.
 *   (7) Two primaries with one epoch and an interest in one slot never both keep it: equal epochs move no slot, and a
 *       collision is resolved by the node with the smaller id.
 */
import { assert } from '../../base/assert.ts';
import type { Prng } from '../../base/prng.ts';
import { SLOTS, SlotSet } from '../../base/slot.ts';
import type { Effect, LogLevel, PersistEffect } from './effect.ts';
import {
  FAILED,
  HANDSHAKE,
  MIGRATE_TO,
  MYSELF,
  NO_ADDRESS,
  NO_FAILOVER,
  PRIMARY,
  REPLICA,
  SUSPECTED,
} from './flags.ts';
import { MESSAGE_TYPES } from './message.ts';

/** How often the shell sends a tick. */
export const TICK_MS = 100;

/** The cluster-* directives, in the machine's words. The shell may change them at any time. */
export interface ClusterConfig {
  nodeTimeout_ms: number;
  migrationBarrier: number;
  /** 0: a replica may fail over however old its data. */
  replicaValidityFactor: number;
  requireFullCoverage: boolean;
  allowReplicaMigration: boolean;
  replicaNoFailover: boolean;
  allowReadsWhenDown: boolean;
  allowPubsubShardWhenDown: boolean;
  /** repl-ping-replica-period. */
  replicaPingPeriod_s: number;
  preferredEndpoint: 'ip' | 'hostname' | 'unknown-endpoint';
  /** '' when not configured: the node learns its address from the first socket that reaches it. */
  announceIp: string;
  announceHostname: string;
  /** For people; '' has none. */
  announceNodename: string;
  /** Shards have ids, on the bus and in nodes.conf, as since Redis 7.2. */
  tellsShards: boolean;
  /** The port that clients and the wire know us by: the TLS port with tls-cluster. */
  port: number;
  /** The plaintext port when `port` speaks TLS, else 0. */
  plainPort: number;
  busPort: number;
}

interface ReplicationFacts {
  /** A primary's replication offset; a replica's processed one. */
  offset: number;
  /** How old a replica's data is: since its primary was last heard of, or the link to it was lost; Infinity: it never was up. */
  silence_ms: number;
  /** Why a replica's data must not become its shard's, as the end of a sentence; '' when it may. */
  unfit: string;
}

export interface World {
  /** A clock that only goes forward, at the pace of time; where it begins does not matter, as long as it is not near 0. */
  now_ms: number;
  /** What has to be added to get the date, for what people and other nodes read. It jumps when the machine's clock is set. */
  wallAhead_ms: number;
  readonly prng: Prng;
  readonly effects: Effect[];
  readonly replication: ReplicationFacts;
  countKeysInSlot(slot: number): number;
  /** Of all databases. */
  keyCount(): number;
}

export interface ClusterNode {
  id: string;
  /** Its place in State.byIndex, and its name in State.owner. */
  readonly index: number;
  flags: number;
  configEpoch: number;
  slots: SlotSet;
  /** An immutable copy of `slots` as messages carry it; null after a change. */
  snapshot: Buffer | null;
  /** `slots` as text, for the lines of nodes.conf, which is written often; null after a change. */
  slotsText: string | null;
  primary: ClusterNode | null;
  replicas: ClusterNode[];
  ip: string;
  port: number;
  plainPort: number;
  busPort: number;
  hostname: string;
  nodename: string;
  /** As it was told or kept; '' when that never was. `shardIdOf` has the one that counts. */
  shardId: string;
  /** It has shown that it knows what messages carry since 7.2: to Redis 7.0, that would be a line in its log each time. */
  knowsShards: boolean;
  /** Where it was before it moved, and when that was. */
  left: { readonly ip: string; readonly port: number; readonly at_ms: number } | null;
  readonly created_ms: number;
  /** 0: no ping waits for an answer. */
  pingSent_ms: number;
  pongReceived_ms: number;
  dataReceived_ms: number;
  failed_ms: number;
  /** When we last voted for a replica of it. */
  voted_ms: number;
  orphaned_ms: number;
  offset: number;
  /** The outgoing link, 0 when there is none. */
  link: number;
  linkUp: boolean;
  linkCreated_ms: number;
  /** The inbound link, 0 when none has shown itself. */
  inbound: number;
  inboundCreated_ms: number;
  /** Which primaries find it silent, and when they last said so. */
  reports: Map<ClusterNode, number>;
  /** How often an announcement still names it in its gossip, because it is new. */
  newsLeft: number;
}

interface Election {
  /** When the request for votes goes out, or went; 0 before the first election. */
  at_ms: number;
  requested: boolean;
  readonly voters: Set<ClusterNode>;
  rank: number;
  epoch: number;
  /** Why there is none although the primary failed, as logged last. */
  refusal: string;
}

interface ManualFailover {
  /** 0: none is running. */
  end_ms: number;
  /** On the primary: who takes over. */
  replica: ClusterNode | null;
  /** On the replica: where the paused primary stands; -1 until it has said so. */
  primaryOffset: number;
  canStart: boolean;
}

export interface State {
  readonly config: ClusterConfig;
  readonly myself: ClusterNode;
  readonly nodes: Map<string, ClusterNode>;
  /** The same nodes, for walking without an iterator. */
  readonly list: ClusterNode[];
  readonly byIndex: (ClusterNode | null)[];
  currentEpoch: number;
  lastVoteEpoch: number;
  /** Of the world, as of the last call. */
  wallAhead_ms: number;
  ok: boolean;
  /** Primaries that own slots: those who vote. */
  size: number;
  /** Index of the owner per slot; NOBODY. */
  readonly owner: Int16Array;
  assigned: number;
  /** Slots whose owner stopped claiming them: the next claim takes them whatever its epoch. */
  readonly abandoned: SlotSet;
  readonly migratingTo: Map<number, ClusterNode>;
  readonly importingFrom: Map<number, ClusterNode>;
  /** Forgotten ids, and until when gossip may not bring them back. */
  readonly forgotten: Map<string, number>;
  readonly links: Map<number, ClusterNode>;
  readonly inbounds: Map<number, ClusterNode>;
  nextLink: number;
  readonly election: Election;
  readonly manual: ManualFailover;
  /** Of nodes, counted at the last tick: gossip names them all. */
  suspectedCount: number;
  minority_ms: number;
  firstEvaluated_ms: number;
  /** A primary that comes back may own data that others have changed since; see health.ts. */
  bootedWithSlots: boolean;
  /** When the last step was; 0 before the first. */
  stepped_ms: number;
  /** The last step before this node slept for longer than the others wait for it; 0: it never did. */
  asleep_ms: number;
  lastRandomPing_ms: number;
  /** Everybody is to hear of us before this turn's replies leave. */
  broadcastWanted: boolean;
  announceWanted: boolean;
  lastAnnounce_ms: number;
  readonly sent: number[];
  readonly received: number[];
  linksOverLimit: number;
  /** When a line of its kind was last written (rare-log.ts). */
  readonly told: Map<string, number>;
  /** ip:port of what the shell was last told to replicate; '' for a primary. */
  replicating: string;
  /** The next `replicate` leads to a shard whose data we do not have. */
  newShard: boolean;
  /** Work that waits for the end of the step. */
  evaluateWanted: boolean;
  lostSlots: number[];
  /** Slots changed hands and were written without fsync, because hundreds may in a row; the next tick has them synced. */
  syncWanted: boolean;
  /** The `persist` already pushed in this step. */
  persist: PersistEffect | null;
}

export const NOBODY = -1;
/** (2) */
export const MYSELF_INDEX = 0;
/** What State.owner can hold. */
const INDEX_MAX = 32_767;

/** Shared by nodes that own nothing, so that a thousand replicas cost no bitmaps. Never written: see slot-map.ts. */
export const NO_SLOTS = new SlotSet();
export const NO_SLOTS_SNAPSHOT = Buffer.alloc(SLOTS / 8);

export function createState(options: { id: string; shardId?: string; config: ClusterConfig; now_ms: number }): State {
  const { id, shardId = '', config, now_ms } = options;
  const myself = createNode({ id, flags: MYSELF | PRIMARY, index: MYSELF_INDEX, now_ms });
  myself.shardId = shardId;
  const state: State = {
    config,
    myself,
    nodes: new Map([[id, myself]]),
    list: [myself],
    byIndex: [myself],
    currentEpoch: 0,
    lastVoteEpoch: 0,
    wallAhead_ms: 0,
    ok: false,
    size: 1,
    owner: new Int16Array(SLOTS).fill(NOBODY),
    assigned: 0,
    abandoned: new SlotSet(),
    migratingTo: new Map(),
    importingFrom: new Map(),
    forgotten: new Map(),
    links: new Map(),
    inbounds: new Map(),
    nextLink: 1,
    election: { at_ms: 0, requested: false, voters: new Set(), rank: 0, epoch: 0, refusal: '' },
    manual: { end_ms: 0, replica: null, primaryOffset: -1, canStart: false },
    suspectedCount: 0,
    minority_ms: 0,
    firstEvaluated_ms: 0,
    bootedWithSlots: false,
    stepped_ms: 0,
    asleep_ms: 0,
    lastRandomPing_ms: 0,
    broadcastWanted: false,
    announceWanted: false,
    lastAnnounce_ms: 0,
    sent: new Array<number>(MESSAGE_TYPES).fill(0),
    received: new Array<number>(MESSAGE_TYPES).fill(0),
    linksOverLimit: 0,
    told: new Map(),
    replicating: '',
    newShard: false,
    evaluateWanted: true,
    lostSlots: [],
    syncWanted: false,
    persist: null,
  };
  announceMyself(state);
  return state;
}

/** Puts what the configuration says about us on our own node. */
export function announceMyself(state: State): void {
  const { myself, config } = state;
  if (config.announceIp !== '') myself.ip = config.announceIp;
  myself.flags = config.replicaNoFailover ? myself.flags | NO_FAILOVER : myself.flags & ~NO_FAILOVER;
  myself.hostname = config.announceHostname;
  myself.nodename = config.announceNodename;
  myself.port = config.port;
  myself.plainPort = config.plainPort;
  myself.busPort = config.busPort;
}

interface NewNode {
  id: string;
  flags: number;
  ip?: string;
  port?: number;
  plainPort?: number;
  busPort?: number;
}

export function addNode(state: State, options: NewNode, now_ms: number): ClusterNode {
  assert(!state.nodes.has(options.id), 'a node is added once');
  let index = state.byIndex.indexOf(null);
  if (index === -1) index = state.byIndex.length;
  assert(index <= INDEX_MAX, 'a cluster has not so many nodes');
  const node = createNode({ ...options, index, now_ms });
  state.byIndex[index] = node;
  state.nodes.set(node.id, node);
  state.list.push(node);
  return node;
}

export function isPrimary(node: ClusterNode): boolean {
  return (node.flags & PRIMARY) !== 0;
}

export function isReplica(node: ClusterNode): boolean {
  return (node.flags & REPLICA) !== 0;
}

export function isFailed(node: ClusterNode): boolean {
  return (node.flags & FAILED) !== 0;
}

export function isSuspected(node: ClusterNode): boolean {
  return (node.flags & SUSPECTED) !== 0;
}

export function inHandshake(node: ClusterNode): boolean {
  return (node.flags & HANDSHAKE) !== 0;
}

export function hasAddress(node: ClusterNode): boolean {
  return (node.flags & NO_ADDRESS) === 0;
}

export function ownerOf(state: State, slot: number): ClusterNode | null {
  const index = state.owner[slot] as number;
  return index === NOBODY ? null : (state.byIndex[index] as ClusterNode);
}

/** The primary that speaks for the node's shard: itself, or its primary when that is known. */
export function shardPrimary(node: ClusterNode): ClusterNode {
  return isReplica(node) && node.primary !== null ? node.primary : node;
}

/**
 * The id of the node's shard: its primary's, whatever it may say itself. A primary that never told one, because it is of
 * Redis 7.0 or was until now, has its own name for it: that is what all nodes know of it.
 */
export function shardIdOf(node: ClusterNode): string {
  const primary = shardPrimary(shardPrimary(node));
  return primary.shardId === '' ? primary.id : primary.shardId;
}

/** True when messages to the node can be sent now, and it knows who we are. */
export function isReachable(node: ClusterNode): boolean {
  return node.linkUp && !inHandshake(node);
}

/** The votes that decide: more than half of the primaries that own slots. */
export function majority(state: State): number {
  return Math.floor(state.size / 2) + 1;
}

/** (3) Makes `node` a replica of `primary` in the books, whatever it replicated before. */
export function setPrimaryOf(node: ClusterNode, primary: ClusterNode | null): void {
  if (node.primary === primary) return;
  if (node.primary !== null) {
    const siblings = node.primary.replicas;
    const at = siblings.indexOf(node);
    if (at !== -1) siblings.splice(at, 1);
    if (siblings.length === 0) node.primary.flags &= ~MIGRATE_TO;
  }
  node.primary = primary;
  if (primary === null) return;
  primary.replicas.push(node);
  primary.flags |= MIGRATE_TO;
}

/** (effect.ts, 1) Asks for nodes.conf to be written, once per step, before what is sent next. */
export function persist(state: State, world: World, { fsync }: { fsync: boolean }): void {
  if (fsync) state.syncWanted = false;
  if (state.persist === null) {
    state.persist = { type: 'persist', fsync };
    world.effects.push(state.persist);
  } else if (fsync) {
    state.persist.fsync = true;
  }
}

/** A time of this machine as a date; 0, which says that there is none, stays 0. */
export function dateOf(state: State, at_ms: number): number {
  return at_ms === 0 ? 0 : at_ms + state.wallAhead_ms;
}

export function log(world: World, level: LogLevel, text: string): void {
  world.effects.push({ type: 'log', level, text });
}

function createNode(options: NewNode & { index: number; now_ms: number }): ClusterNode {
  return {
    id: options.id,
    index: options.index,
    flags: options.flags,
    configEpoch: 0,
    slots: NO_SLOTS,
    snapshot: null,
    slotsText: '',
    primary: null,
    replicas: [],
    ip: options.ip ?? '',
    port: options.port ?? 0,
    plainPort: options.plainPort ?? 0,
    busPort: options.busPort ?? 0,
    hostname: '',
    nodename: '',
    shardId: '',
    knowsShards: false,
    left: null,
    created_ms: options.now_ms,
    pingSent_ms: 0,
    pongReceived_ms: 0,
    dataReceived_ms: 0,
    failed_ms: 0,
    voted_ms: 0,
    orphaned_ms: 0,
    offset: 0,
    link: 0,
    linkUp: false,
    linkCreated_ms: 0,
    inbound: 0,
    inboundCreated_ms: 0,
    reports: new Map(),
    newsLeft: 0,
  };
}
