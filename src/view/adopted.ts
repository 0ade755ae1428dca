/** `cluster create` of servers that run already: the same words as for servers of ours, where they fit. */
import { formatRanges } from '../base/slot.ts';
import type { AdoptionPlan } from '../cluster/operations/adopt.ts';
import { nextLine, shardRows } from './created.ts';
import { duration, plural } from './format.ts';
import { BLANK, type Line, line, toned } from './line.ts';
import { branchOf } from './node-table.ts';
import { programName } from './program.ts';
import { tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

export function adoptionHeading(plan: AdoptionPlan): Line {
  return line(`Creating a cluster of ${summaryOf(plan)}`);
}

export function adoptedLines(plan: AdoptionPlan, took_ms: number, terminal: Terminal): Line[] {
  const [first] = plan.nodes;
  const at = first === undefined ? '' : first.address;
  const shards = plan.nodes
    .filter((node) => node.role === 'primary')
    .map(({ address, slots }) => ({
      primary: address,
      slots,
      replicas: plan.nodes.filter(({ replicaOf }) => replicaOf === address).map((node) => node.address),
    }));
  return [
    BLANK,
    line('The cluster is ', toned('ready', 'good'), ` in ${duration(took_ms)}`),
    BLANK,
    ...shardRows(shards, terminal),
    BLANK,
    nextLine('connect', `${programName()} cli -c -h ${first?.host ?? ''} -p ${first?.port ?? ''}`),
    nextLine('check', `${programName()} verify ${at}`),
  ];
}

export function adoptionPlanLines(plan: AdoptionPlan, terminal: Terminal): Line[] {
  const columns = [
    { title: 'shard', align: 'right' as const },
    { title: 'node', elastic: true },
    { title: 'role' },
    { title: 'slots' },
  ];
  const rows = plan.nodes.map((node, i) => [
    node.shard === plan.nodes[i - 1]?.shard ? null : String(node.shard),
    `${branchOf(plan.nodes, i)}${node.address}`,
    toned(node.role, node.role === 'primary' ? 'none' : 'dim'),
    formatRanges(node.slots),
  ]);
  return [
    line(`Would create a cluster of ${summaryOf(plan)}`),
    ...plan.warnings.map((text) => line(' ', toned('!', 'look'), ` ${text}`)),
    BLANK,
    ...tableLines(columns, rows, terminal),
    BLANK,
    line(toned('Nothing was changed. --json prints the whole plan.', 'dim')),
  ];
}

function summaryOf({ nodes, primaries }: AdoptionPlan): string {
  const replicas = nodes.length - primaries;
  const followers = replicas === 0 ? 'no replicas' : plural(replicas, 'replica');
  return `${plural(nodes.length, 'running server')}: ${plural(primaries, 'primary', 'primaries')} and ${followers}`;
}
