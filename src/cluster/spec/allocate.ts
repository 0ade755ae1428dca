/*
 * Who owns which slots, and who follows whom. The numbers are those of `redis-cli --cluster create`, which computes in
 * 32-bit floats: from 78 primaries on, 64-bit arithmetic would give other borders, so every step is rounded with
 * Math.fround.
 */
import type { Prng } from '../../base/prng.ts';
import { SLOTS, type SlotRange } from '../../base/slot.ts';

export interface Placed {
  readonly host: string;
}

export interface Shard<Node> {
  readonly primary: Node;
  readonly replicas: readonly Node[];
}

export interface Placement<Node> {
  readonly shards: readonly Shard<Node>[];
  /** 0 when no two nodes of a shard share a host: see `affinityScore`. */
  readonly score: number;
}

/** Swaps tried per node before a placement that is not perfect is taken as it is. */
const SWAPS_PER_NODE = 500;
/** A replica on its primary's host is lost together with it: worse than any number of replicas that share a host. */
const SAME_HOST_AS_PRIMARY = 10_000;

/** The slots of each of n primaries, in order; together all slots. */
export function allocateSlots(primaries: number): SlotRange[] {
  const width = Math.fround(SLOTS / primaries);
  const ranges: SlotRange[] = [];
  let cursor = 0;
  let start = 0;
  for (let index = 0; index < primaries; index++) {
    // Math.round is lround here: no value is negative.
    let end = Math.round(Math.fround(Math.fround(cursor + width) - 1));
    if (end >= SLOTS || index === primaries - 1) end = SLOTS - 1;
    ranges.push({ start, end: Math.max(end, start) });
    start = Math.max(end, start) + 1;
    cursor = Math.fround(cursor + width);
  }
  return ranges;
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
}

/** One node of each host in turn, hosts in the order in which they were named first. */
export function interleaveByHost<Node extends Placed>(nodes: readonly Node[]): Node[] {
  const queues = [...Map.groupBy(nodes, (node) => node.host).values()].map((queue) => queue.slice());
  const mixed: Node[] = [];
  while (mixed.length < nodes.length) {
    for (const queue of queues) {
      const node = queue.shift();
      if (node !== undefined) mixed.push(node);
    }
  }
  return mixed;
}

/**
 * The first `primaries` of the interleaved nodes own slots; the others follow them, on another host where there is one.
 * Nodes left over when the division has a remainder become extra replicas.
 */
export function placeNodes<Node extends Placed>(
  nodes: readonly Node[],
  { primaries, replicas, prng }: { primaries: number; replicas: number; prng: Prng },
): Placement<Node> {
  const mixed = interleaveByHost(nodes);
  const shards = mixed.slice(0, primaries).map((primary) => ({ primary, replicas: [] as Node[] }));
  // Turned left by one: without it, hosts taken in turn would give every primary its own host first.
  const spare = mixed.slice(primaries);
  if (spare.length > 1) spare.push(spare.shift() as Node);
  for (const shard of shards) {
    for (let count = 0; count < replicas; count++) takeReplica(shard, spare);
  }
  for (let index = 0; spare.length > 0; index = (index + 1) % shards.length) takeReplica(shards[index]!, spare);
  const hosts = new Set(nodes.map((node) => node.host));
  // With one host nothing can be gained, and the order of ports is what a person expects.
  if (hosts.size > 1) spreadReplicas(shards, { tries: SWAPS_PER_NODE * nodes.length, prng });
  return { shards, score: affinityScore(shards) };
}

/** Counts nodes that would be lost together with one host: 10,000 for a replica beside its primary, 1 for two replicas. */
export function affinityScore(shards: readonly Shard<Placed>[]): number {
  let score = 0;
  for (const { primary, replicas } of shards) {
    const byHost = Map.groupBy(replicas, (replica) => replica.host);
    for (const [host, sharing] of byHost) {
      if (host === primary.host) score += SAME_HOST_AS_PRIMARY * sharing.length;
      else if (sharing.length > 1) score += sharing.length;
    }
  }
  return score;
}

function takeReplica<Node extends Placed>(shard: { primary: Node; replicas: Node[] }, spare: Node[]): void {
  const elsewhere = spare.findIndex((node) => node.host !== shard.primary.host);
  const [replica] = spare.splice(Math.max(elsewhere, 0), 1);
  if (replica !== undefined) shard.replicas.push(replica);
}

/** Swaps two replicas at random and keeps the swap unless the score got worse: enough to find a perfect placement. */
function spreadReplicas<Node extends Placed>(
  shards: readonly { primary: Node; replicas: Node[] }[],
  { tries, prng }: { tries: number; prng: Prng },
): void {
  let score = affinityScore(shards);
  const places = shards.flatMap((shard) => shard.replicas.map((_, index) => ({ shard, index })));
  if (places.length < 2) return;
  for (let attempt = 0; attempt < tries && score > 0; attempt++) {
    const offenders = places.filter((place) => isOffender(place.shard, place.index));
    const one = prng.pick(offenders);
    const other = prng.pick(places.filter((place) => place !== one));
    swap(one, other);
    const swapped = affinityScore(shards);
    if (swapped > score) swap(one, other);
    else score = swapped;
  }
}

function isOffender<Node extends Placed>(shard: { primary: Node; replicas: Node[] }, index: number): boolean {
  const { host } = shard.replicas[index]!;
  if (host === shard.primary.host) return true;
  return shard.replicas.some((replica, other) => other !== index && replica.host === host);
}

interface Place<Node> {
  readonly shard: { replicas: Node[] };
  readonly index: number;
}

function swap<Node>(one: Place<Node>, other: Place<Node>): void {
  const kept = one.shard.replicas[one.index]!;
  one.shard.replicas[one.index] = other.shard.replicas[other.index]!;
  other.shard.replicas[other.index] = kept;
}
