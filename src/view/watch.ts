/** `rkv watch`: the cluster at a glance, the slots as a bar, the nodes, and what has happened lately. */
import { SLOTS } from '../base/slot.ts';
import type { WatchEvent, WatchSnapshot } from '../cluster/observe/watch.ts';
import type { Topology } from '../cluster/topology/view.ts';
import { BLANK, type Line, line, type Span, type Tone, toned } from './line.ts';
import { nodeTable } from './node-table.ts';
import { glance } from './status.ts';
import type { Terminal } from './terminal.ts';

/** Neighbours differ, so that one sees where a shard ends; colour is kept for what is wrong. */
const FILLS = ['█', '▒'];
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EVENTS_SHOWN = 8;

export function watchLines(snapshot: WatchSnapshot, terminal: Terminal): Line[] {
  const { topology, traffic, events } = snapshot;
  const shown = events.slice(-EVENTS_SHOWN);
  return [
    glance(topology, terminal),
    BLANK,
    slotBar(topology, terminal),
    line(toned(' ops/s  ', 'dim'), sparkline(traffic.slice(-barWidth(terminal)))),
    BLANK,
    ...nodeTable(topology, terminal),
    BLANK,
    ...(shown.length === 0 ? [line(toned(' no events yet', 'dim'))] : shown.map(eventLine)),
    BLANK,
    line(toned(' q or Ctrl-C quits; the cluster keeps running', 'dim')),
  ];
}

/** 14:02:11 ✓ 127.0.0.1:7005 was promoted to primary of shard 2 (epoch 7) */
export function eventLine({ at_ms, severity, text }: WatchEvent): Line {
  const at = new Date(at_ms);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const mark = {
    good: toned('✓', 'good'),
    warning: toned('!', 'look'),
    bad: toned('✗', 'bad'),
    note: toned('·', 'dim'),
  }[severity];
  return line(toned(` ${time} `, 'dim'), mark, ` ${text}`);
}

/**
 * All slots as one bar as wide as the terminal, with the number of each shard in its part; moving slots and slots that
 * nobody serves stand out.
 */
export function slotBar(topology: Topology, terminal: Pick<Terminal, 'columns'>): Line {
  const width = barWidth(terminal);
  const cells = Array.from({ length: width }, (_, cell) => cellOf(topology, cell, width));
  let end = 0;
  for (let start = 0; start < width; start = end) {
    const { shard } = cells[start] as BarCell;
    end = start + 1;
    while (end < width && cells[end]?.shard === shard) end++;
    if (shard !== 0) nameShard(cells, { start, end, name: ` ${shard} ` });
  }
  return [toned(LABEL_SLOTS, 'dim'), ...cells.map(({ fill, tone }) => toned(fill, tone))];
}

const LABEL_SLOTS = ' slots  ';

/** What is left of a row behind its label, with a column free at the right. */
function barWidth({ columns }: Pick<Terminal, 'columns'>): number {
  return Math.max(1, columns - LABEL_SLOTS.length - 1);
}

interface BarCell {
  fill: string;
  readonly tone: Tone;
  /** 0: served by nobody. */
  readonly shard: number;
}

/** Writes the name into the middle of the part, if some of the bar stays at both sides. */
function nameShard(
  cells: readonly BarCell[],
  { start, end, name }: { start: number; end: number; name: string },
): void {
  const at = start + Math.floor((end - start - name.length) / 2);
  if (at <= start) return;
  [...name].forEach((character, i) => {
    (cells[at + i] as BarCell).fill = character;
  });
}

/** Heights relative to the highest; zeros are flat. */
export function sparkline(values: readonly number[]): Span {
  const top = Math.max(1, ...values);
  const bars = values.map((value) => LEVELS[Math.min(LEVELS.length - 1, Math.floor((value / top) * LEVELS.length))]);
  return toned(bars.join(''), 'none');
}

function cellOf({ shards }: Topology, cell: number, width: number): BarCell {
  // The slot in the middle of what this cell stands for decides.
  const slot = Math.floor(((cell + 0.5) * SLOTS) / width);
  const owner = shards.find(({ slots }) => slots.some(({ start, end }) => slot >= start && slot <= end));
  if (owner === undefined || !owner.primary.reachable) return { fill: '░', tone: 'bad', shard: 0 };
  const from = Math.floor((cell * SLOTS) / width);
  const to = Math.floor(((cell + 1) * SLOTS) / width);
  const moves = owner.primary.open.some(({ slot: open }) => open >= from && open < to);
  return { fill: FILLS[owner.number % FILLS.length] as string, tone: moves ? 'look' : 'none', shard: owner.number };
}
