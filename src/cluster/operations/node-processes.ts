/** The processes of the nodes of a cluster of ours, and which of the nodes somebody means. */
import { nodeFiles, nodeFolder, nodePorts } from '../machine/layout.ts';
import { findRunning } from '../machine/process.ts';
import { readTopology } from '../observe/topology.ts';
import { selectNodes } from '../topology/selector.ts';
import { findCluster, type ManagedCluster } from '../topology/target.ts';
import { signalNodes } from './lifecycle.ts';
import type { ChangedNodes } from './managed-nodes.ts';

/** Pids by port; null for a node that does not run. */
export function nodePids({ folder }: Pick<ManagedCluster, 'folder'>): Map<number, number | null> {
  const pids = nodePorts(folder).map((port): [number, number | null] => {
    return [port, findRunning(nodeFiles(nodeFolder(folder, port)))?.pid ?? null];
  });
  return new Map(pids);
}

/** Ports are taken as they stand, so that they work when no node answers; for other words the nodes are asked. */
export async function selectPorts(
  cluster: ManagedCluster,
  words: readonly string[],
  { timeout_ms }: { timeout_ms: number },
): Promise<number[]> {
  const known = nodePorts(cluster.folder);
  if (words.length === 0 || (words.length === 1 && words[0] === 'all')) return known;
  if (words.every((word) => known.includes(Number(word)))) return words.map(Number);
  const topology = await readTopology(cluster, { timeout_ms });
  const chosen = selectNodes(topology, words.join(' ')).map(({ port }) => port);
  return chosen.filter((port) => known.includes(port));
}

/** The logs of the nodes that are meant. */
export async function logsOf(
  cluster: ManagedCluster,
  words: readonly string[],
): Promise<{ port: number; file: string }[]> {
  const ports = await selectPorts(cluster, words, { timeout_ms: 2000 });
  return ports.map((port) => ({ port, file: nodeFiles(nodeFolder(cluster.folder, port)).log }));
}

/** Sends a signal to the nodes that are meant. */
export async function signalSelected(
  where: { home: string; name: string },
  words: readonly string[],
  signal: Parameters<typeof signalNodes>[1],
): Promise<ChangedNodes> {
  const ports = await selectPorts(findCluster(where), words, { timeout_ms: 2000 });
  return await signalNodes({ ...where, ports }, signal);
}
