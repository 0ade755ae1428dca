/** `rkv watch`: the cluster at a glance, the slots as a bar, the nodes, and what has happened lately. */
import { SLOTS } from '../base/slot.ts';
import type { Topology } from '../cluster/topology.ts';
import type { WatchEvent, WatchSnapshot } from '../cluster/watch.ts';
import { BLANK, type Line, line, type Span, toned } from './line.ts';
import { nodeTableWithLegend } from './node-table.ts';
import { glance } from './status.ts';
import type { Terminal } from './terminal.ts';

/** Neighbours differ, so that one sees where a shard ends; colour is kept for what is wrong. */
const FILLS = ['█', '▒'];
const BAR_MAX = 96;
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EVENTS_SHOWN = 8;

export function watchLines(snapshot: WatchSnapshot, terminal: Terminal): Line[] {
  const { topology, traffic, events } = snapshot;
  const shown = events.slice(-EVENTS_SHOWN);
  return [
    glance(topology, terminal),
    BLANK,
    slotBar(topology, terminal),
    line(toned(' ops/s  ', 'dim'), sparkline(traffic)),
    BLANK,
    ...nodeTableWithLegend(topology, terminal),
    ...(shown.length === 0 ? [line(toned(' nothing has happened yet', 'dim'))] : shown.map(eventLine)),
    BLANK,
    line(toned(' Ctrl-C ends this view, not the cluster', 'dim')),
  ];
}

/** 14:02:11 ✓ 127.0.0.1:7005 was promoted to primary of shard 2 (epoch 7) */
export function eventLine({ at_ms, severity, text }: WatchEvent): Line {
  const at = new Date(at_ms);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const mark = { good: toned('✓', 'good'), bad: toned('✗', 'bad'), note: toned('·', 'dim') }[severity];
  return line(toned(` ${time} `, 'dim'), mark, ` ${text}`);
}

/** All slots as one bar; what is on the move or served by nobody stands out. */
export function slotBar(topology: Topology, { columns }: Pick<Terminal, 'columns'>): Line {
  const width = Math.min(columns - 10, BAR_MAX);
  const spans: Span[] = [toned(' slots  ', 'dim')];
  for (let cell = 0; cell < width; cell++) {
    // The slot in the middle of what this cell stands for.
    const slot = Math.floor(((cell + 0.5) * SLOTS) / width);
    spans.push(
      cellOf(topology, slot, {
        from: Math.floor((cell * SLOTS) / width),
        to: Math.floor(((cell + 1) * SLOTS) / width),
      }),
    );
  }
  return spans;
}

/** Heights relative to the highest; zeros are flat. */
export function sparkline(values: readonly number[]): Span {
  const top = Math.max(1, ...values);
  const bars = values.map((value) => LEVELS[Math.min(LEVELS.length - 1, Math.floor((value / top) * LEVELS.length))]);
  return toned(bars.join(''), 'none');
}

function cellOf({ shards }: Topology, slot: number, { from, to }: { from: number; to: number }): Span {
  const owner = shards.find(({ slots }) => slots.some(({ start, end }) => slot >= start && slot <= end));
  if (owner === undefined || !owner.primary.reachable) return toned('░', 'bad');
  const moves = owner.primary.open.some(({ slot: open }) => open >= from && open < to);
  return toned(FILLS[owner.number % FILLS.length] as string, moves ? 'look' : 'none');
}
