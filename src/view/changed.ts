/** One sentence on what became of nodes: 'Cluster default: 6 nodes stopped (7000-7005)'. */
import type { ChangedNodes } from '../cluster/managed-nodes.ts';
import type { AddedNode } from '../cluster/node-add.ts';
import type { RemovedNode } from '../cluster/node-remove.ts';
import { plural } from './format.ts';
import { type Line, line, toned } from './line.ts';

/** What is said of the nodes that were left as they were. */
const UNCHANGED = {
  started: 'already running',
  stopped: 'already stopped',
  killed: 'not running',
  paused: 'not running',
  resumed: 'not running',
  destroyed: 'already gone',
} as const;

export function changedLines({ cluster, changed, unchanged }: ChangedNodes, verb: keyof typeof UNCHANGED): Line[] {
  const did = changed.length === 0 ? `no node ${verb}` : `${plural(changed.length, 'node')} ${verb}`;
  const ports = changed.length === 0 ? '' : ` (${formatPorts(changed)})`;
  const rest = unchanged.length === 0 ? '' : `, ${formatPorts(unchanged)} ${UNCHANGED[verb]}`;
  return [line('Cluster ', toned(cluster, 'strong'), `: ${did}${ports}`, toned(rest, 'dim'))];
}

/** 7000-7005, 7010 */
export function formatPorts(ports: readonly number[]): string {
  const runs: number[][] = [];
  for (const port of ports.toSorted((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === port - 1) run.push(port);
    else runs.push([port]);
  }
  return runs.map((run) => (run.length === 1 ? `${run[0]}` : `${run[0]}-${run.at(-1)}`)).join(', ');
}

export function addedLines({ address, id, role, replicaOf }: AddedNode): Line[] {
  const what = role === 'primary' ? 'a primary, ready to take slots' : `a replica of ${replicaOf}`;
  return [line('Node ', toned(address, 'strong'), ` joined as ${what}  `, toned(id, 'dim'))];
}

export function removedLines({ address, repointed, notTold }: RemovedNode): Line[] {
  return [
    line('Node ', toned(address, 'strong'), ' is no longer part of the cluster'),
    ...repointed.map(({ replica, primary }) => line(toned(`  ${replica} follows ${primary} now`, 'dim'))),
    ...(notTold.length === 0 ? [] : [line(' ', toned('!', 'look'), ` could not be told: ${notTold.join(', ')}`)]),
  ];
}
