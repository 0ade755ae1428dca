/*
 * The progress of any operation as lines: one for each phase, which ends in ✓ or ✗ and the time it took. A running phase
 * says what it waits for and how long at most. Pure: events make a snapshot, a snapshot makes lines.
 */
import type { Progress } from '../cluster/run/run.ts';
import { duration, wrap } from './format.ts';
import { type Line, line, lineWidth, type Span, toned, widthOf } from './line.ts';
import type { Terminal } from './terminal.ts';

export interface Phase {
  readonly kind: 'phase';
  readonly id: string;
  readonly title: string;
  readonly status: 'pending' | 'running' | 'done' | 'failed';
  readonly text: string;
  readonly started_ms: number;
  readonly took_ms: number;
  /** Until when the phase waits at most; null while it does not wait. */
  readonly until_ms: number | null;
}

interface Warning {
  readonly kind: 'warning';
  readonly text: string;
}

export interface ProgressSnapshot {
  /** In the order in which a person reads them. */
  readonly entries: readonly (Phase | Warning)[];
  readonly undone: string | null;
}

export const NOTHING_YET: ProgressSnapshot = { entries: [], undone: null };

/** Titles shorter than this line up; a longer one pushes its own text to the right. */
const TITLE_WIDTH = 20;
/** The widest line: on a wide terminal the times would otherwise stand far from what they belong to. */
const LINE_MAX = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧'];
const FRAME_MS = 100;

export function advance(snapshot: ProgressSnapshot, event: Progress, now_ms: number): ProgressSnapshot {
  switch (event.type) {
    case 'begin':
      return { ...snapshot, entries: [...snapshot.entries, ...event.steps.map((step) => pending(step))] };
    case 'start':
      return withPhase(snapshot, event.step, { title: event.title, status: 'running', started_ms: now_ms });
    case 'update':
      return withPhase(snapshot, event.step, { text: event.text, until_ms: null });
    case 'wait':
      return withPhase(snapshot, event.step, { text: event.text, until_ms: now_ms + event.left_ms });
    case 'done':
    case 'failed':
      return withPhase(snapshot, event.step, {
        title: event.title,
        status: event.type,
        text: event.text,
        took_ms: event.took_ms,
        until_ms: null,
      });
    case 'warning':
      return { ...snapshot, entries: insertWarning(snapshot.entries, event.text) };
    case 'undone':
      return { ...snapshot, undone: event.text };
  }
}

/** All lines of a live view; `final` leaves out what was never begun. */
export function progressLines(
  { entries }: ProgressSnapshot,
  { terminal, now_ms, final = false }: { terminal: Terminal; now_ms: number; final?: boolean },
): Line[] {
  return entries
    .filter((entry) => !(final && entry.kind === 'phase' && entry.status === 'pending'))
    .flatMap((entry) => {
      if (entry.kind === 'warning') return warningLines(entry.text, terminal);
      if (entry.status !== 'running' || entry.until_ms === null) return [phaseLine(entry, { terminal, now_ms })];
      // What is waited for needs room; it stands below, and goes when the phase ends.
      const phase = phaseLine({ ...entry, text: '', until_ms: null }, { terminal, now_ms });
      return [phase, waitLine(entry.text, Math.max(0, entry.until_ms - now_ms))];
    });
}

/** Whole, on as many lines as it needs: a warning that is cut warns of nothing. */
export function warningLines(text: string, { columns, cut }: Terminal): Line[] {
  const [first = '', ...rest] = wrap(text, cut ? columns - 4 : null);
  return [line(' ', toned('!', 'look'), ` ${first}`), ...rest.map((row) => line(`   ${row}`))];
}

function waitLine(text: string, left_ms: number): Line {
  return line(toned(`     ${text}… ${duration(left_ms)} left`, 'dim'));
}

export function phaseLine(phase: Phase, { terminal, now_ms }: { terminal: Terminal; now_ms: number }): Line {
  const tone = phase.status === 'pending' ? 'dim' : 'none';
  const head = line(' ', mark(phase, now_ms), toned(` ${phase.title.padEnd(TITLE_WIDTH)} `, tone));
  const end = timeOf(phase, now_ms);
  const width = Math.min(terminal.columns, LINE_MAX) - 4;
  const room = width - lineWidth(head) - widthOf(end) - 1;
  const waiting = phase.status === 'running' && phase.until_ms !== null;
  const text =
    terminal.cut && widthOf(phase.text) > room ? `${[...phase.text].slice(0, room - 1).join('')}…` : phase.text;
  const padding = ' '.repeat(Math.max(1, room - widthOf(text) + 1));
  return [...head, toned(text, waiting ? 'dim' : 'none'), toned(padding, 'none'), toned(end, 'dim')];
}

function mark({ status }: Phase, now_ms: number): Span {
  if (status === 'done') return toned('✓', 'good');
  if (status === 'failed') return toned('✗', 'bad');
  if (status === 'pending') return toned('·', 'dim');
  return toned(FRAMES[Math.floor(now_ms / FRAME_MS) % FRAMES.length] as string, 'dim');
}

function timeOf(phase: Phase, now_ms: number): string {
  if (phase.status === 'pending') return '';
  if (phase.status !== 'running') return duration(phase.took_ms);
  if (phase.until_ms !== null) return `${duration(Math.max(0, phase.until_ms - now_ms))} left`;
  const sofar_ms = now_ms - phase.started_ms;
  // The first moments pass faster than anyone reads; a counter would only flicker.
  return sofar_ms < 1000 ? '' : duration(sofar_ms);
}

function pending({ id, title }: { id: string; title: string }): Phase {
  return { kind: 'phase', id, title, status: 'pending', text: '', started_ms: 0, took_ms: 0, until_ms: null };
}

/** The newest phase of that id: an operation may run the same step twice. */
function withPhase(snapshot: ProgressSnapshot, id: string, change: Partial<Phase>): ProgressSnapshot {
  const at = snapshot.entries.findIndex(
    (entry) => entry.kind === 'phase' && entry.id === id && (entry.status === 'running' || entry.status === 'pending'),
  );
  const entries = [...snapshot.entries];
  if (at === -1) entries.push({ ...pending({ id, title: change.title ?? id }), ...change });
  else entries[at] = { ...(entries[at] as Phase), ...change };
  return { ...snapshot, entries };
}

/** Above what has not begun yet, below what has. */
function insertWarning(entries: ProgressSnapshot['entries'], text: string): ProgressSnapshot['entries'] {
  const at = entries.findIndex((entry) => entry.kind === 'phase' && entry.status === 'pending');
  const warning: Warning = { kind: 'warning', text };
  return at === -1 ? [...entries, warning] : [...entries.slice(0, at), warning, ...entries.slice(at)];
}
