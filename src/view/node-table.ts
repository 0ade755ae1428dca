/*
 * The nodes of a cluster as one table, the same in every command: shard by shard, the primary first. Narrow terminals
 * see what matters; wide ones see more columns of the same table.
 */
import { formatRanges } from '../base/slot.ts';
import type { NodeView, Topology } from '../cluster/topology.ts';
import { bytes, count, cutMiddle, duration } from './format.ts';
import { BLANK, type Line, line, type Span, toned } from './line.ts';
import { type Cell, type Column, tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

const MIDDLING = 100;
const WIDE = 140;

const COLUMNS: readonly Column[] = [
  { title: 'shard', align: 'right' },
  { title: 'node', elastic: true },
  { title: 'role' },
  { title: 'st' },
  { title: 'slots', elastic: true },
  { title: 'keys', align: 'right' },
  { title: 'lag', align: 'right' },
  { title: 'link' },
  { title: 'memory', align: 'right', from: MIDDLING },
  { title: 'ops/s', align: 'right', from: MIDDLING },
  { title: 'server', from: WIDE },
  { title: 'up', align: 'right', from: WIDE },
  { title: 'id', from: WIDE },
];

/** More of an id would push the table over the edge; this much is unique in any cluster that a person looks at. */
const ID_SHOWN = 12;

const LETTERS = { normal: 'N', joining: 'J', moving: 'M', loading: 'L' } as const;

export function nodeTable(topology: Topology, terminal: Terminal): Line[] {
  const nodes = [...topology.shards.flatMap(({ primary, replicas }) => [primary, ...replicas]), ...topology.others];
  const rows = nodes.map((node, i) =>
    rowOf(node, { isFirst: node.shard === 0 || nodes[i - 1]?.shard !== node.shard, terminal }),
  );
  return tableLines(COLUMNS, rows, terminal);
}

function stateLegend(): Line {
  return line(toned(' U up  D down · N normal  J joining  M moving slots  L loading', 'dim'));
}

/** The table with the legend and an empty line after. */
export function nodeTableWithLegend(topology: Topology, terminal: Terminal): Line[] {
  return [...nodeTable(topology, terminal), stateLegend(), BLANK];
}

function rowOf(node: NodeView, { isFirst, terminal }: { isFirst: boolean; terminal: Terminal }): Cell[] {
  const isPrimary = node.role === 'primary';
  return [
    isFirst ? toned(node.shard === 0 ? '–' : String(node.shard), 'none') : null,
    toned(node.address, 'none'),
    toned(node.role, isPrimary ? 'none' : 'dim'),
    stateOf(node),
    isPrimary ? formatRanges(node.slots) || toned('none', 'dim') : null,
    known(node.keys, count),
    isPrimary ? null : known(node.replication.lag_bytes, count),
    linkOf(node),
    known(node.memory_bytes, bytes),
    known(node.ops_per_s, count),
    node.version === null ? unknown() : `${node.engine ?? ''} ${node.version}`.trim(),
    known(node.uptime_s, (seconds) => duration(seconds * 1000)),
    node.id === null ? unknown() : terminal.cut ? cutMiddle(node.id, ID_SHOWN) : node.id,
  ];
}

/** Two letters, as nodetool has them: is it there, and what is it at. */
function stateOf(node: NodeView): Span {
  const text = `${node.reachable ? 'U' : 'D'}${LETTERS[node.activity]}`;
  if (!node.reachable || node.seenAs.includes('fail')) return toned(text, 'bad');
  return toned(text, node.activity === 'normal' ? 'good' : 'look');
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
