/** The nodes of a cluster of ours, by their folders, and the processes that run them. */
import { CliFailure, EXIT } from './failure.ts';
import { findNodeProcess } from './identity.ts';
import { type NodeFiles, nodeFiles, nodeFolder, nodePorts } from './layout.ts';
import type { RunningProcess } from './process.ts';
import type { ManagedCluster } from './target.ts';

export interface ManagedNode {
  readonly port: number;
  readonly files: NodeFiles;
  readonly running: RunningProcess | null;
}

export interface ChangedNodes {
  readonly cluster: string;
  readonly folder: string;
  readonly changed: readonly number[];
  /** Nodes that were already as wished. */
  readonly unchanged: readonly number[];
}

/** What it takes to find nodes; the spec may be damaged. */
export type NodesFolder = Pick<ManagedCluster, 'name' | 'folder' | 'access'> & { readonly host: string };

/** All nodes, or those at `ports`. */
export async function findNodes(cluster: NodesFolder, ports: readonly number[] | undefined): Promise<ManagedNode[]> {
  const known = nodePorts(cluster.folder);
  const unknown = ports?.find((port) => !known.includes(port));
  if (unknown !== undefined) {
    throw new CliFailure(`cluster ${cluster.name} has no node ${unknown}`, {
      code: 'NO_NODE',
      exit: EXIT.usage,
      why: known.length === 0 ? 'it has no nodes' : `its nodes are ${known.join(', ')}`,
    });
  }
  return await Promise.all(
    (ports ?? known).map(async (port) => {
      const files = nodeFiles(nodeFolder(cluster.folder, port));
      const running = await findNodeProcess(files, { host: cluster.host, port }, cluster.access);
      return { port, files, running };
    }),
  );
}

export function changedNodes(
  { name, folder }: Pick<ManagedCluster, 'name' | 'folder'>,
  nodes: readonly ManagedNode[],
  isChanged: (node: ManagedNode) => boolean,
): ChangedNodes {
  const groups = Map.groupBy(nodes, isChanged);
  const ports = (is: boolean): number[] => (groups.get(is) ?? []).map(({ port }) => port);
  return { cluster: name, folder, changed: ports(true), unchanged: ports(false) };
}
