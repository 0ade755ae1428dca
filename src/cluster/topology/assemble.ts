/** Puts together what the nodes said, each about itself and about the others, into one topology. Pure. */
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { SLOTS, SlotSet } from '../../base/slot.ts';
import { type Address, formatAddress } from '../node/address.ts';
import type { SeenNode } from '../node/cluster-nodes.ts';
import { countKeys, identify, type NodeAnswer, type NodeFacts, numberIn } from '../node/facts.ts';
import { describeSilence } from '../node/silence.ts';
import { countSlots } from '../spec/allocate.ts';
import type { NodeView, ReplicationView, ShardView, Topology } from './view.ts';

/** All but what follows from it, and what only the one who asked knows. */
export type Unjudged = Omit<Topology, 'state' | 'problems' | 'readAt' | 'took_ms'>;

export function assembleTopology(facts: readonly NodeFacts[], cluster: string | null): Unjudged {
  const rumours = gatherRumours(facts);
  const offsets = primaryOffsets(facts);
  const asked = facts.map((fact) => viewOf(fact, rumours, offsets));
  const known = new Set(asked.map((node) => node.id));
  const askedAt = new Set(asked.map((node) => node.address));
  const unheard = [...rumours.values()]
    .filter(({ best }) => !known.has(best.id) && !askedAt.has(formatAddress(best)))
    .map((rumour) => unreachedView(rumour));
  const nodes = withoutLostSlots([...asked, ...unheard]).sort(
    (one, other) => one.port - other.port || (one.host < other.host ? -1 : 1),
  );
  const shards = groupShards(nodes);
  const numbered = nodes.map((node) => ({ ...node, shard: shards.find((shard) => isOf(shard, node))?.number ?? 0 }));
  const inShards = shards.map((shard) => ({
    ...shard,
    primary: { ...shard.primary, shard: shard.number },
    replicas: shard.replicas.map((replica) => ({ ...replica, shard: shard.number })),
  }));
  const reached = nodes.filter((node) => node.reachable);
  const sum = (field: 'keys' | 'memory_bytes' | 'ops_per_s', of: readonly NodeView[]): number =>
    of.reduce((total, node) => total + (node[field] ?? 0), 0);
  const served = shards.filter(({ primary }) => primary.reachable).flatMap(({ slots }) => slots);
  const epochs = reached.map((node) => node.currentEpoch ?? 0);
  return {
    cluster,
    epoch: epochs.length === 0 ? null : Math.max(...epochs),
    shards: inShards,
    others: numbered.filter((node) => node.shard === 0),
    nodes: numbered,
    slotsServed: SlotSet.of(served).count(),
    keys: sum(
      'keys',
      reached.filter((node) => node.role === 'primary'),
    ),
    memory_bytes: sum('memory_bytes', reached),
    ops_per_s: sum('ops_per_s', reached),
  };
}

/**
 * What others say of a node that does not answer may be older than what a node says of itself: the moment after a failover
 * the dead primary and the new one both have the slots. The newer claim counts.
 */
function withoutLostSlots(nodes: readonly NodeView[]): NodeView[] {
  return nodes.map((node) => {
    if (node.reachable || node.slots.length === 0) return node;
    const newer = nodes.filter((other) => other.reachable && (other.epoch ?? 0) > (node.epoch ?? 0));
    const kept = SlotSet.of(node.slots);
    for (const slot of SlotSet.of(newer.flatMap(({ role, slots }) => (role === 'primary' ? slots : []))))
      kept.delete(slot);
    return { ...node, slots: kept.ranges(), slotCount: kept.count() };
  });
}

interface Rumour {
  /** The line of the node that knows the newest epoch. */
  readonly best: SeenNode;
  readonly bestEpoch: number;
  readonly flags: ReadonlySet<string>;
}

/** What the others say of each node, by id. */
function gatherRumours(facts: readonly NodeFacts[]): Map<string, Rumour> {
  const rumours = new Map<string, Rumour>();
  for (const { answer } of facts) {
    if (answer?.view == null) continue;
    const epoch = numberIn(answer.clusterInfo, 'cluster_current_epoch') ?? 0;
    for (const node of answer.view) {
      // A handshake has no id of its own yet; a node says of itself more than the others do.
      if (node.isMyself || node.flags.includes('handshake')) continue;
      const known = rumours.get(node.id);
      const isNewer = known === undefined || epoch > known.bestEpoch;
      rumours.set(node.id, {
        best: isNewer ? node : known.best,
        bestEpoch: isNewer ? epoch : known.bestEpoch,
        flags: new Set([...(known?.flags ?? []), ...node.flags]),
      });
    }
  }
  return rumours;
}

/** Nodes that were only heard of. */
export function findUnasked(facts: readonly NodeFacts[], asked: ReadonlySet<string>): Address[] {
  const ids = new Set(facts.flatMap(({ answer }) => answer?.view?.find((node) => node.isMyself)?.id ?? []));
  const found = new Map<string, Address>();
  for (const { best } of gatherRumours(facts).values()) {
    const name = formatAddress(best);
    if (best.host !== '' && !ids.has(best.id) && !asked.has(name))
      found.set(name, { host: best.host, port: best.port });
  }
  return [...found.values()];
}

/** A node that was asked by two of its addresses counts once. */
export function dropTwins(facts: readonly NodeFacts[]): NodeFacts[] {
  const ids = new Set<string>();
  return facts.filter(({ answer }) => {
    const id = answer?.view?.find((node) => node.isMyself)?.id;
    if (id === undefined) return true;
    if (ids.has(id)) return false;
    ids.add(id);
    return true;
  });
}

function primaryOffsets(facts: readonly NodeFacts[]): Map<string, number> {
  const offsets = new Map<string, number>();
  for (const { answer } of facts) {
    const id = answer?.view?.find((node) => node.isMyself)?.id;
    const offset = answer && numberIn(answer.info, 'master_repl_offset');
    if (id !== undefined && offset !== null) offsets.set(id, offset);
  }
  return offsets;
}

function viewOf(fact: NodeFacts, rumours: ReadonlyMap<string, Rumour>, offsets: ReadonlyMap<string, number>): NodeView {
  const { host, port } = fact.client.address;
  const own = fact.answer?.view?.find((node) => node.isMyself);
  const rumour =
    own === undefined
      ? [...rumours.values()].find(({ best }) => best.port === port && (best.host === host || best.host === ''))
      : rumours.get(own.id);
  const { answer } = fact;
  if (answer === null) {
    const silence = describeSilence(fact);
    return rumour === undefined
      ? { ...BLANK, host, port, busPort: port + BUS_PORT_OFFSET, address: fact.client.name, ...silence }
      : { ...unreachedView(rumour), host, port, address: fact.client.name, ...silence };
  }
  const seen = own ?? rumour?.best;
  const identity = identify(answer.info);
  return {
    ...BLANK,
    id: seen?.id ?? null,
    host,
    port,
    busPort: seen?.busPort ?? port + BUS_PORT_OFFSET,
    address: fact.client.name,
    reachable: true,
    role: seen?.role ?? 'unknown',
    primaryId: seen?.primaryId ?? null,
    slots: seen?.slots ?? [],
    slotCount: countSlots(seen?.slots ?? []),
    open: own?.open ?? [],
    activity: activityOf(answer, own),
    seenAs: [...(rumour?.flags ?? [])].filter((flag) => SEEN_AS.has(flag)),
    epoch: seen?.epoch ?? null,
    currentEpoch: numberIn(answer.clusterInfo, 'cluster_current_epoch'),
    clusterState: (answer.clusterInfo.get('cluster_state') as 'ok' | 'fail' | undefined) ?? null,
    knownNodes: numberIn(answer.clusterInfo, 'cluster_known_nodes'),
    keys: countKeys(answer.info),
    memory_bytes: numberIn(answer.info, 'used_memory'),
    ops_per_s: answer.ops_per_s,
    clients: numberIn(answer.info, 'connected_clients'),
    uptime_s: numberIn(answer.info, 'uptime_in_seconds'),
    latency_ms: answer.latency_ms,
    version: identity.version,
    engine: identity.engine,
    replication: replicationOf(answer.info, own, offsets),
    config: answer.config,
    view: answer.view,
  };
}

const SEEN_AS: ReadonlySet<string> = new Set(['fail', 'fail?', 'noaddr', 'nofailover']);

const BLANK: NodeView = {
  id: null,
  host: '',
  port: 0,
  busPort: 0,
  address: '',
  reachable: false,
  error: null,
  silence: null,
  advice: null,
  role: 'unknown',
  primaryId: null,
  shard: 0,
  slots: [],
  slotCount: 0,
  open: [],
  activity: 'normal',
  seenAs: [],
  epoch: null,
  currentEpoch: null,
  clusterState: null,
  knownNodes: null,
  keys: null,
  memory_bytes: null,
  ops_per_s: null,
  clients: null,
  uptime_s: null,
  latency_ms: null,
  version: null,
  engine: null,
  config: null,
  replication: {
    link: null,
    downReason: null,
    refusedCommand: null,
    syncing: false,
    offset: null,
    lag_bytes: null,
    connectedReplicas: null,
  },
  view: null,
};

function unreachedView({ best, flags }: Rumour): NodeView {
  return {
    ...BLANK,
    id: best.id,
    host: best.host,
    port: best.port,
    busPort: best.busPort,
    address: formatAddress(best),
    error: best.host === '' ? 'address unknown' : null,
    role: best.role,
    primaryId: best.primaryId,
    slots: best.slots,
    slotCount: countSlots(best.slots),
    seenAs: [...flags].filter((flag) => SEEN_AS.has(flag)),
    epoch: best.epoch,
    replication: { ...BLANK.replication, link: best.role === 'replica' ? 'down' : null },
  };
}

function activityOf(answer: NodeAnswer, own: SeenNode | undefined): NodeView['activity'] {
  if (answer.isLoading) return 'loading';
  if (own === undefined) return 'joining';
  if (own.open.length > 0) return 'moving';
  const isAlone = numberIn(answer.clusterInfo, 'cluster_known_nodes') === 1;
  if (own.role === 'primary' && own.slots.length === 0) return 'joining';
  // One that has all slots is a cluster by itself, and waits for nobody.
  return isAlone && countSlots(own.slots) < SLOTS ? 'joining' : 'normal';
}

function replicationOf(
  info: ReadonlyMap<string, string>,
  own: SeenNode | undefined,
  offsets: ReadonlyMap<string, number>,
): ReplicationView {
  if (info.get('role') !== 'slave') {
    return {
      ...BLANK.replication,
      offset: numberIn(info, 'master_repl_offset'),
      connectedReplicas: numberIn(info, 'connected_slaves'),
    };
  }
  const offset = numberIn(info, 'slave_repl_offset');
  const ahead = own?.primaryId == null ? undefined : offsets.get(own.primaryId);
  return {
    link: info.get('master_link_status') === 'up' ? 'up' : 'down',
    downReason: info.get('master_link_down_reason') ?? null,
    refusedCommand: info.get('master_refused_command') ?? null,
    syncing: info.get('master_sync_in_progress') === '1',
    offset,
    // The two were asked one after the other, so a replica may seem to be ahead.
    lag_bytes: offset === null || ahead === undefined ? null : Math.max(0, ahead - offset),
    connectedReplicas: numberIn(info, 'connected_slaves'),
  };
}

function groupShards(nodes: readonly NodeView[]): ShardView[] {
  return nodes
    .filter((node) => node.role === 'primary' && node.slots.length > 0)
    .sort((one, other) => one.slots[0]!.start - other.slots[0]!.start)
    .map((primary, index) => ({
      number: index + 1,
      slots: primary.slots,
      slotCount: primary.slotCount,
      primary,
      replicas: nodes.filter((node) => node.role === 'replica' && node.primaryId === primary.id),
    }));
}

function isOf(shard: ShardView, node: NodeView): boolean {
  return shard.primary === node || shard.replicas.includes(node);
}
