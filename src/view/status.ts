/** One cluster at a glance, and all clusters of a home. */

import type { ClusterSummary } from '../cluster/observe/list-clusters.ts';
import type { Finding } from '../cluster/topology/finding.ts';
import type { Topology } from '../cluster/topology/view.ts';
import { bytes, count, plural, wholeSeconds } from './format.ts';
import { BLANK, type Line, line, lineWidth, type Span, toned } from './line.ts';
import { nodeTable } from './node-table.ts';
import { asTyped } from './program.ts';
import { tableLines } from './table.ts';
import type { Terminal } from './terminal.ts';

export function statusLines(topology: Topology, terminal: Terminal): Line[] {
  const problems = topology.problems.flatMap((problem) => problemLines(problem));
  const why = problems.length === 0 ? [] : [BLANK, ...problems];
  return [glance(topology, terminal), BLANK, ...nodeTable(topology, terminal), ...why];
}

/** What `verify` would call an error, with why, and with what to type. */
export function problemLines({ text, evidence, command }: Finding): Line[] {
  const why = evidence.length === 0 ? '' : `; ${evidence[0]}`;
  const next = command === null ? [] : [line(toned('   → ', 'dim'), toned(asTyped(command), 'strong'))];
  return [line(toned(' ✗', 'bad'), ` ${text}${why}`), ...next];
}

/** The name, the state, and how many are up. */
const GLANCE_MIN = 5;

/** default  ● ok   6/6 up   3 shards   9,998 keys   4.1 MB   812 ops/s   epoch 6   up 3 h, the last two where there is room */
export function glance(topology: Topology, { columns }: Pick<Terminal, 'columns'>): Line {
  const up = topology.nodes.filter((node) => node.reachable);
  const name = topology.cluster ?? topology.nodes[0]?.address ?? 'cluster';
  const all = topology.nodes.length;
  const facts: Span[] = [toned(`${up.length}/${all} up`, up.length < all ? 'look' : 'none')];
  const lesser: Span[] = [];
  if (up.length > 0) {
    const youngest_s = Math.min(...up.map((node) => node.uptime_s ?? 0));
    facts.push(
      toned(plural(topology.shards.length, 'shard'), 'none'),
      toned(plural(topology.keys, 'key'), 'none'),
      toned(bytes(topology.memory_bytes), 'none'),
      toned(`${count(topology.ops_per_s)} ops/s`, 'none'),
    );
    lesser.push(
      toned(`epoch ${topology.epoch ?? '–'}`, 'dim'),
      toned(youngest_s < 1 ? 'just started' : `up ${wholeSeconds(youngest_s)}`, 'dim'),
    );
  }
  const start = [toned(name, 'strong'), '  ', stateSpan(topology.state), ...facts.flatMap((fact) => ['   ', fact])];
  const whole = line(...start, ...lesser.flatMap((fact) => ['   ', fact]));
  if (lineWidth(whole) <= columns) return whole;
  // Of what does not fit, the last is the least; the state and how many are up stay.
  let shown = start;
  while (lineWidth(line(...shown)) > columns && shown.length > GLANCE_MIN) shown = shown.slice(0, -2);
  return line(...shown);
}

export function listLines(clusters: readonly ClusterSummary[], home: string, terminal: Terminal): Line[] {
  if (clusters.length === 0) {
    return [line(`No clusters in ${home}.`), line(toned('rkv cluster create', 'strong'), ' makes one.')];
  }
  const rows = clusters.map(({ name, state, engine, host, ports, running, folder }) => [
    toned(name, 'strong'),
    summarySpan(state),
    `${running.length}/${ports.length}`,
    describePorts(host ?? '?', ports),
    engine ?? '?',
    toned(folder, 'dim'),
  ]);
  const columns = [
    { title: 'cluster' },
    { title: 'state' },
    { title: 'running' },
    { title: 'nodes', elastic: true },
    { title: 'engine', elastic: true },
    { title: 'folder', elastic: true },
  ];
  return [...tableLines(columns, rows, terminal), ...clusters.flatMap(adviceLines)];
}

/** What to do about clusters that are not as they should be. */
function adviceLines({ name, state, problem }: ClusterSummary): Line[] {
  if (state === 'damaged') {
    return [line(toned('!', 'look'), ` ${name} cannot be read: ${problem}`), adviceLine('removes it', 'destroy', name)];
  }
  if (state !== 'unfinished') return [];
  return [
    line(toned('!', 'look'), ` the creation of ${name} was interrupted`),
    adviceLine('finishes it', 'start', name),
    adviceLine('removes it', 'destroy', name),
  ];
}

function adviceLine(what: string, command: 'start' | 'destroy', name: string): Line {
  const typed = asTyped(`rkv cluster ${command} ${name}`);
  const gap = ' '.repeat('destroy'.length - command.length + 5);
  return line('    ', toned(typed, 'strong'), toned(`${gap}# ${what}`, 'dim'));
}

export function unfinishedText(name: string): string {
  const [finish, remove] = ['start', 'destroy'].map((word) => asTyped(`rkv cluster ${word} ${name}`));
  return `its creation was interrupted: \`${finish}\` finishes it, \`${remove}\` removes it`;
}

/** '127.0.0.1:7000-7005', or the single ports where they do not follow each other. */
export function describePorts(host: string, ports: readonly number[]): string {
  const [first] = ports;
  const last = ports.at(-1);
  if (first === undefined || last === undefined) return host;
  if (first === last) return `${host}:${first}`;
  if (last - first === ports.length - 1) return `${host}:${first}-${last}`;
  return `${host}:${ports.join(',')}`;
}

function stateSpan(state: Topology['state']): Span {
  if (state === 'ok') return toned('● ok', 'good');
  if (state === 'degraded') return toned('! degraded', 'look');
  if (state === 'stopped') return toned('○ stopped', 'dim');
  return state === 'fail' ? toned('✗ fail', 'bad') : toned('○ unreachable', 'bad');
}

function summarySpan(state: ClusterSummary['state']): Span {
  if (state === 'creating') return toned('○ creating', 'dim');
  return state === 'unfinished' || state === 'damaged' ? toned(`! ${state}`, 'look') : stateSpan(state);
}
