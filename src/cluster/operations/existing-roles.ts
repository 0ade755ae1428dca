/*
 * Servers that became one cluster by themselves before `cluster create` was asked for it: a replica that joined by its
 * `replicaof` stays where it is, and the plan is made around it.
 */

import type { Access } from '../node/access.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { connectNode } from '../node/client.ts';
import { parseClusterNodes, type SeenNode } from '../node/cluster-nodes.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { Shard } from '../spec/allocate.ts';

const QUESTION_MS = 10_000;

/** Whom each of these nodes follows already, both by address; only nodes that are named themselves count. */
export async function readFollowing(addresses: readonly Address[], access: Access): Promise<Map<string, string>> {
  const seen = await Promise.all(addresses.map((address) => readSelf(address, access)));
  const byId = new Map(seen.flatMap((self, i) => (self === null ? [] : [[self.id, formatAddress(addresses[i]!)]])));
  const following = new Map<string, string>();
  for (const [i, self] of seen.entries()) {
    const primary = self?.primaryId == null ? undefined : byId.get(self.primaryId);
    if (primary !== undefined) following.set(formatAddress(addresses[i]!), primary);
  }
  return following;
}

/** Shards around those that follow: they keep their primaries, and the others fill up what is missing. */
export function placeAround<Node extends Address>(
  nodes: readonly Node[],
  { following, primaries }: { following: ReadonlyMap<string, string>; primaries: number },
): Shard<Node>[] {
  const free = nodes.filter((node) => !following.has(formatAddress(node)));
  const followed = new Set(following.values());
  const isFollowed = (node: Node): boolean => followed.has(formatAddress(node));
  if (free.length < primaries || followed.size > primaries || [...followed].some((name) => following.has(name))) {
    const pairs = [...following].map(([replica, primary]) => `${replica} follows ${primary}`);
    throw new CliFailure('the nodes already replicate each other in a way that does not fit this plan', {
      code: 'BAD_NODES',
      exit: EXIT.usage,
      why: `${primaries === 1 ? '1 primary is' : `${primaries} primaries are`} wanted, but ${pairs.join(', ')}`,
      suggestions: [
        `--replicas ${Math.max(0, Math.floor(nodes.length / followed.size) - 1)}     # as they are`,
        ...nodes
          .filter((node) => following.has(formatAddress(node)))
          .slice(0, 1)
          .map(({ host, port }) => `redis-cli -h ${host} -p ${port} cluster reset     # frees it for another role`),
      ],
    });
  }
  const chosen = new Set([...free.filter(isFollowed), ...free.filter((node) => !isFollowed(node))].slice(0, primaries));
  const shards = nodes
    .filter((node) => chosen.has(node))
    .map((primary) => ({
      primary,
      replicas: nodes.filter((node) => following.get(formatAddress(node)) === formatAddress(primary)),
    }));
  for (const node of free.filter((one) => !chosen.has(one))) {
    const apart = (shard: Shard<Node>): number => (shard.primary.host === node.host ? 1 : 0);
    const [fewest] = shards.toSorted(
      (one, other) => one.replicas.length - other.replicas.length || apart(one) - apart(other),
    );
    fewest!.replicas.push(node);
  }
  return shards;
}

/** A node's line on itself; null where it cannot be asked, which is told when the nodes are checked. */
async function readSelf(address: Address, access: Access): Promise<SeenNode | null> {
  const client = connectNode(address, access, QUESTION_MS);
  try {
    return parseClusterNodes(await client.text('CLUSTER', 'NODES')).find(({ isMyself }) => isMyself) ?? null;
  } catch (error) {
    if (error instanceof CliFailure) return null;
    throw error;
  } finally {
    client.close();
  }
}
