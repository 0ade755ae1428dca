/** One sentence on what became of nodes: 'Cluster default: 6 nodes stopped (7000-7005)'. */

import type { ProcessState } from '../cluster/node/silence.ts';
import type { AddedNode } from '../cluster/operations/add-node.ts';
import type { ChangedNodes } from '../cluster/operations/managed-nodes.ts';
import type { RemovedNode } from '../cluster/operations/remove-node.ts';
import type { CliFailure } from '../cluster/run/failure.ts';
import { plural } from './format.ts';
import { type Line, line, toned } from './line.ts';
import { asTyped } from './program.ts';

type Verb = 'started' | 'stopped' | 'killed' | 'paused' | 'resumed' | 'destroyed';

/** What is said of a node that was left as it was found, where that is not simply 'already …'. */
const UNCHANGED: Readonly<Record<ProcessState, Partial<Record<Verb, string>>>> = {
  running: { started: 'already running', resumed: 'not paused' },
  paused: { started: 'paused', paused: 'already paused' },
  stopped: { stopped: 'already stopped', killed: 'already stopped', paused: 'not running', resumed: 'not running' },
};

export function changedLines({ cluster, changed, unchanged, found }: ChangedNodes, verb: Verb): Line[] {
  const did = changed.length === 0 ? `no node ${verb}` : `${plural(changed.length, 'node')} ${verb}`;
  const ports = changed.length === 0 ? '' : ` (${formatPorts(changed)})`;
  const groups = Map.groupBy(unchanged, (port) => UNCHANGED[found[port] ?? 'stopped'][verb] ?? 'left as it was');
  const rest = [...groups].map(([words, some]) => `, ${formatPorts(some)} ${words}`).join('');
  return [line('Cluster ', toned(cluster, 'strong'), `: ${did}${ports}`, toned(rest, 'dim'))];
}

/** What to type next, below a result that is not all that was asked for. */
export function nextLines({ suggestions }: Pick<CliFailure, 'suggestions'>): Line[] {
  return suggestions.map((typed) => line(toned('  → ', 'dim'), toned(asTyped(typed), 'strong')));
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
    ...(notTold.length === 0 ? [] : [line(' ', toned('!', 'look'), ` could not be notified: ${notTold.join(', ')}`)]),
  ];
}
