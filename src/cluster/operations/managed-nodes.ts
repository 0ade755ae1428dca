/** The nodes of a cluster of ours, by their folders, and the processes that run them. */

import { findNodeProcess } from '../machine/identity.ts';
import { type NodeFiles, nodeFiles, nodeFolder, nodePorts } from '../machine/layout.ts';
import { formatPorts } from '../machine/ports.ts';
import { isPaused, type RunningProcess } from '../machine/process.ts';
import type { ProcessState } from '../node/silence.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { withCluster } from '../topology/silent-nodes.ts';
import type { ManagedCluster, NodesFolder } from '../topology/target.ts';

export interface ManagedNode {
  readonly port: number;
  readonly files: NodeFiles;
  readonly running: RunningProcess | null;
  /** When it was looked for. */
  readonly state: ProcessState;
}

export interface ChangedNodes {
  readonly cluster: string;
  readonly folder: string;
  readonly changed: readonly number[];
  /** Nodes that stayed as they were. */
  readonly unchanged: readonly number[];
  /** How each of those was found, by its port. */
  readonly found: Readonly<Record<string, ProcessState>>;
}

/** All nodes, or those at `ports`. */
export async function findNodes(cluster: NodesFolder, ports: readonly number[] | undefined): Promise<ManagedNode[]> {
  const known = nodePorts(cluster.folder);
  const unknown = ports?.find((port) => !known.includes(port));
  if (unknown !== undefined) {
    throw new CliFailure(`cluster ${cluster.name} has no node ${unknown}`, {
      code: 'NO_NODE',
      exit: EXIT.usage,
      why: known.length === 0 ? 'it has no nodes' : `its nodes are ${formatPorts(known)}`,
    });
  }
  return await Promise.all(
    (ports ?? known).map(async (port) => {
      const files = nodeFiles(nodeFolder(cluster.folder, port));
      const running = await findNodeProcess(files, { host: cluster.host, port }, cluster.access);
      const state = running === null ? 'stopped' : isPaused(running) ? 'paused' : 'running';
      return { port, files, running, state };
    }),
  );
}

export function changedNodes(
  { name, folder }: Pick<ManagedCluster, 'name' | 'folder'>,
  nodes: readonly ManagedNode[],
  isChanged: (node: ManagedNode) => boolean,
): ChangedNodes {
  const unchanged = nodes.filter((node) => !isChanged(node));
  const changed = nodes.filter((node) => !unchanged.includes(node));
  return {
    cluster: name,
    folder,
    changed: changed.map(({ port }) => port),
    unchanged: unchanged.map(({ port }) => port),
    found: Object.fromEntries(unchanged.map(({ port, state }) => [port, state])),
  };
}

/** What was wished of nodes that do not run, and can only be done to those that do; null when it was done to all. */
export function whyNotDone({ cluster, changed, unchanged, found }: ChangedNodes): CliFailure | null {
  const stopped = unchanged.filter((port) => found[port] === 'stopped');
  if (stopped.length === 0) return null;
  const ports = stopped.join(' ');
  return new CliFailure(stopped.length === 1 ? `node ${ports} does not run` : `nodes ${ports} do not run`, {
    code: 'NODE_STOPPED',
    exit: changed.length > 0 ? EXIT.partial : EXIT.conflict,
    suggestions: [withCluster(`rkv node start ${ports}`, cluster)],
  });
}
