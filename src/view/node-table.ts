/*
 * The nodes of a cluster as one table, the same in every command: shard by shard, the replicas below their primary.
 * Narrow terminals see what matters; wide ones see more columns of the same table. Nodes are named by their port where
 * all are on one host, and a row of a node that cannot be reached is red and ends with the reason.
 */
import { formatRanges } from '../base/slot.ts';
import type { Silence } from '../cluster/node/silence.ts';
import type { NodeView, Topology } from '../cluster/topology/view.ts';
import { bytes, count, cutMiddle, wholeSeconds } from './format.ts';
import { type Line, type Span, toned } from './line.ts';
import { type Cell, type Column, tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

const MIDDLING = 100;
const WIDE = 140;

const COLUMNS: readonly Column[] = [
  { title: 'shard', align: 'right' },
  { title: 'node', elastic: true },
  { title: 'role' },
  { title: 'state' },
  { title: 'slots', elastic: true },
  { title: 'keys', align: 'right' },
  { title: 'lag', align: 'right' },
  { title: 'link' },
  { title: 'memory', align: 'right', from: MIDDLING },
  { title: 'ops/s', align: 'right', from: MIDDLING },
  { title: 'server', from: WIDE },
  { title: 'uptime', align: 'right', from: WIDE },
  { title: 'id', from: WIDE },
];

/** More of an id would push the table over the edge; this much is unique in any cluster that a person looks at. */
const ID_SHOWN = 12;

export function nodeTable(topology: Topology, terminal: Terminal): Line[] {
  const nodes = [...topology.shards.flatMap(({ primary, replicas }) => [primary, ...replicas]), ...topology.others];
  const host = commonHost(nodes);
  const rows = nodes.map((node, i) => {
    const isFirst = node.shard === 0 || nodes[i - 1]?.shard !== node.shard;
    const name = `${branchOf(nodes, i)}${host === null ? node.address : node.port}`;
    const cells = rowOf(node, { name, isFirst, terminal });
    return node.reachable ? cells : downRow(cells, node);
  });
  return tableLines(COLUMNS, rows, terminal);
}

/** How a node hangs on the one above it, in a list that is in the order of the shards: replicas on their primary. */
export function branchOf(nodes: readonly { readonly shard: number }[], i: number): string {
  const { shard } = nodes[i]!;
  if (shard === 0 || nodes[i - 1]?.shard !== shard) return '';
  return nodes[i + 1]?.shard === shard ? '├ ' : '└ ';
}

/** Nothing behind the slots is known of it: the reason stands there. */
function downRow(cells: readonly Cell[], { error }: NodeView): Cell[] {
  return [
    ...cells.slice(
      0,
      COLUMNS.findIndex(({ title }) => title === 'keys'),
    ),
    error ?? 'reason unknown',
  ].map(asBad);
}

/** The host that all nodes share; null when they differ, or when there are none. */
export function commonHost(nodes: readonly NodeView[]): string | null {
  const hosts = new Set(nodes.map(({ host }) => host));
  return hosts.size === 1 ? ([...hosts][0] as string) : null;
}

function rowOf(
  node: NodeView,
  { name, isFirst, terminal }: { name: string; isFirst: boolean; terminal: Terminal },
): Cell[] {
  const isPrimary = node.role === 'primary';
  return [
    isFirst ? toned(node.shard === 0 ? '–' : String(node.shard), 'none') : null,
    toned(name, 'none'),
    toned(node.role, isPrimary ? 'none' : 'dim'),
    stateOf(node),
    isPrimary ? formatRanges(node.slots) || toned('none', 'dim') : null,
    known(node.keys, count),
    isPrimary ? null : known(node.replication.lag_bytes, count),
    linkOf(node),
    known(node.memory_bytes, bytes),
    known(node.ops_per_s, count),
    node.version === null ? unknown() : `${node.engine ?? ''} ${node.version}`.trim(),
    known(node.uptime_s, wholeSeconds),
    node.id === null ? unknown() : terminal.cut ? cutMiddle(node.id, ID_SHOWN) : node.id,
  ];
}

/** Of nodes that are not reached, where more is known than that. */
const SILENT_STATES: Readonly<Partial<Record<Silence, string>>> = {
  stopped: 'stopped',
  paused: 'paused',
  denied: 'denied',
  plain: 'single',
};

/** up, down, failed (it answers, and the others have agreed that it does not), joining, moving or loading. */
function stateOf(node: NodeView): Span {
  if (!node.reachable) return toned(SILENT_STATES[node.silence ?? 'other'] ?? 'down', 'bad');
  if (node.seenAs.includes('fail')) return toned('failed', 'bad');
  return node.activity === 'normal' ? toned('up', 'good') : toned(node.activity, 'look');
}

function asBad(cell: Cell): Cell {
  if (cell === null) return null;
  return toned(typeof cell === 'string' ? cell : cell.text, 'bad');
}

function linkOf({ role, replication }: NodeView): Cell {
  if (role === 'primary') return null;
  if (replication.link === null) return unknown();
  if (replication.syncing) return toned('syncing', 'look');
  return toned(replication.link, replication.link === 'up' ? 'none' : 'bad');
}

function known<Value>(value: Value | null, format: (value: Value) => string): Cell {
  return value === null ? unknown() : format(value);
}

function unknown(): Span {
  return toned('–', 'dim');
}
