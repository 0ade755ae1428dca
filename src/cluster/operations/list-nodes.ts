/** The nodes that a selector names, with what only this machine knows of them: pid and log. */
import { nodeFiles, nodeFolder } from '../machine/layout.ts';
import { readTopology } from '../observe/topology.ts';
import { selectNodes } from '../topology/selector.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { nodePids } from './node-processes.ts';

export type ListedNode = Omit<NodeView, 'view' | 'config'> & {
  /** null for a node that does not run, and for nodes of others. */
  readonly pid: number | null;
  readonly log: string | null;
};

export async function listNodes(
  target: ClusterTarget,
  words: readonly string[],
  { timeout_ms }: { timeout_ms: number },
): Promise<{ nodes: ListedNode[]; topology: Topology }> {
  const whole = await readTopology(target, { timeout_ms, traffic: true });
  const topology = words.length === 0 ? whole : narrow(whole, selectNodes(whole, words.join(' ')));
  const { folder } = target;
  const pids = folder === null ? new Map<number, number | null>() : nodePids({ folder });
  const nodes = topology.nodes.map(({ view: _, config: __, ...node }) => ({
    ...node,
    pid: pids.get(node.port) ?? null,
    log: folder !== null && pids.has(node.port) ? nodeFiles(nodeFolder(folder, node.port)).log : null,
  }));
  return { nodes, topology };
}

/** The same topology as if there were only these nodes: a shard is shown without the members that are not meant. */
function narrow(topology: Topology, nodes: readonly NodeView[]): Topology {
  return { ...topology, nodes, shards: [], others: nodes };
}
