/** What `cluster create` says before and after, and what `--dry-run` says instead. */
import { formatRanges, type SlotRange } from '../base/slot.ts';
import type { ClusterPlan } from '../cluster/spec/plan.ts';
import type { ClusterSpec } from '../cluster/spec/spec.ts';
import { duration, plural } from './format.ts';
import { BLANK, type Line, line, toned } from './line.ts';
import { branchOf } from './node-table.ts';
import { programName } from './program.ts';
import { describePorts } from './status.ts';
import { type Column, tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

/** 'Creating cluster default: 3 primaries, 3 replicas, bundled server, 7000-7005', within 80 columns. */
export function creationHeading(spec: ClusterSpec): Line {
  return line(`Creating cluster ${spec.name}: ${summaryOf(spec)}`);
}

export function createdLines(plan: ClusterPlan, took_ms: number, terminal: Terminal): Line[] {
  const { spec } = plan;
  return [
    BLANK,
    line('Cluster ', toned(spec.name, 'strong'), ' is ', toned('ready', 'good'), ` in ${duration(took_ms)}`),
    BLANK,
    ...shardRows(shardsOf(plan), terminal),
    BLANK,
    ...nextLines(plan),
  ];
}

/** A primary and its replicas, by the names that a person uses for them here. */
export interface ShardRow {
  readonly primary: string;
  readonly slots: readonly SlotRange[];
  readonly replicas: readonly string[];
}

export function shardRows(shards: readonly ShardRow[], terminal: Terminal): Line[] {
  const rows = shards.map(({ primary, slots, replicas }) => [
    'primary',
    primary,
    `slots ${formatRanges(slots)}`,
    replicas.length === 0 ? null : `${replicas.length === 1 ? 'replica' : 'replicas'} ${replicas.join(' ')}`,
  ]);
  const untitled = Array.from({ length: 4 }, () => ({ title: '', elastic: true }));
  return tableLines(untitled, rows, terminal, { indent: 2 }).slice(1);
}

/** One of the last lines: what to type next. */
export function nextLine(label: string, command: string): Line {
  return line(toned(`  ${label.padEnd(9)}`, 'dim'), command);
}

export function planLines(plan: ClusterPlan, terminal: Terminal): Line[] {
  const columns: readonly Column[] = [
    { title: 'shard', align: 'right' },
    { title: 'node' },
    { title: 'bus', align: 'right' },
    { title: 'role' },
    { title: 'slots' },
    { title: 'engine', elastic: true },
    { title: 'folder', elastic: true },
  ];
  const nodes = plan.nodes.toSorted((one, other) => one.shard - other.shard || one.port - other.port);
  const rows = nodes.map((node, i) => [
    node.shard === nodes[i - 1]?.shard ? null : String(node.shard),
    `${branchOf(nodes, i)}${node.port}`,
    String(node.busPort),
    toned(node.role, node.role === 'primary' ? 'none' : 'dim'),
    formatRanges(node.slots),
    node.engine,
    toned(node.folder, 'dim'),
  ]);
  return [
    line(`Would create cluster ${plan.name}: ${summaryOf(plan.spec)}`),
    ...plan.warnings.map((text) => line(' ', toned('!', 'look'), ` ${text}`)),
    BLANK,
    ...tableLines(columns, rows, terminal),
    BLANK,
    line(toned('Nothing was changed. --json prints the whole plan.', 'dim')),
  ];
}

function summaryOf({ primaries, replicas, engine, host, port }: ClusterSpec): string {
  const all = primaries * (1 + replicas);
  const followers = replicas === 0 ? 'no replicas' : plural(primaries * replicas, 'replica');
  const ports = Array.from({ length: all }, (_, i) => port + i);
  const where =
    host === '127.0.0.1' ? (all === 1 ? `${port}` : `${port}-${port + all - 1}`) : describePorts(host, ports);
  const server = engine === 'bundled' ? 'bundled server' : engine;
  return `${plural(primaries, 'primary', 'primaries')}, ${followers}, ${server}, ${where}`;
}

function shardsOf(plan: ClusterPlan): ShardRow[] {
  const primaries = plan.nodes.filter((node) => node.role === 'primary');
  return primaries.map((primary) => ({
    primary: String(primary.port),
    slots: primary.slots,
    replicas: plan.nodes.filter((node) => node.replicaOf === primary.port).map(({ port }) => String(port)),
  }));
}

/** What to type next; each line can be copied as it stands. */
function nextLines({ spec }: ClusterPlan): Line[] {
  const here = spec.name === 'default' ? '' : ` --cluster ${spec.name}`;
  const name = spec.name === 'default' ? '' : ` ${spec.name}`;
  const rkv = programName();
  const at = `${spec.host === '127.0.0.1' ? '' : ` -h ${spec.host}`} -p ${spec.port}`;
  // redis-cli would need the certificates and the password; rkv finds both.
  const isOpen = spec.password === null && !spec.tls;
  const connect = `${rkv} cli -c${at}`;
  return [
    nextLine('connect', isOpen ? `${connect.padEnd(28)}  redis-cli -c${at}` : connect),
    nextLine('env', `eval "$(${rkv} env${here} --format shell)"`),
    nextLine('check', `${rkv} verify${name}`),
    nextLine('remove', `${rkv} cluster destroy${name}`),
  ];
}
