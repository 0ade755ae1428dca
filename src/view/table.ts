/*
 * One table for everything: columns that are as wide as what is in them, two spaces apart. Where the terminal is too
 * narrow, first the columns that are only for wide ones go, then the longest `elastic` column is cut in the middle. A row
 * with fewer cells than there are columns ends with a text that takes the rest of the row and widens no column.
 */
import { cutMiddle } from './format.ts';
import { type Line, type Span, toned, widthOf } from './line.ts';
import type { Terminal } from './terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Shown only when the terminal has at least this many columns. */
  readonly from?: number;
  /** May be cut when the table does not fit. */
  readonly elastic?: boolean;
}

export type Cell = Span | string | null;

const GAP = 2;
/** Below this a cut value says nothing any more. */
const ELASTIC_MIN = 8;

export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { columns: available, cut }: Pick<Terminal, 'columns' | 'cut'>,
  { indent = 1 } = {},
): Line[] {
  const shown = columns.map((_, i) => i).filter((i) => (columns[i] as Column).from === undefined || isWide(i));
  function isWide(i: number): boolean {
    return available >= ((columns[i] as Column).from as number);
  }
  function isRest(row: readonly Cell[], i: number): boolean {
    return row.length < columns.length && i === row.length - 1;
  }
  const widths = columns.map((column, i) =>
    Math.max(widthOf(column.title), ...rows.map((row) => (isRest(row, i) ? 0 : widthOf(asSpan(row[i]).text)))),
  );
  if (cut) shrink(widths, { columns, shown, available: available - indent });
  const header = columns.map((column) => toned(column.title, 'dim'));
  return [header, ...rows].map((row) => {
    const spans: Span[] = [toned(' '.repeat(indent), 'none')];
    let at = indent;
    shown.forEach((i, position) => {
      const cell = asSpan(row[i]);
      const width = widths[i] as number;
      const text = cutMiddle(cell.text, width);
      const padding = ' '.repeat(width - widthOf(text));
      const gap = position === 0 ? '' : ' '.repeat(GAP);
      if (isRest(row, i)) {
        spans.push(toned(gap, 'none'), {
          ...cell,
          text: cut ? cutMiddle(cell.text, available - at - gap.length) : cell.text,
        });
        return;
      }
      at += gap.length + width;
      const right = (columns[i] as Column).align === 'right';
      // Padding stands outside of the toned span: underlines and backgrounds of a theme would show it.
      spans.push(toned(right ? gap + padding : gap, 'none'), { text, tone: cell.tone });
      if (!right) spans.push(toned(padding, 'none'));
    });
    return spans;
  });
}

function shrink(
  widths: number[],
  { columns, shown, available }: { columns: readonly Column[]; shown: readonly number[]; available: number },
): void {
  const elastic = shown.filter((i) => (columns[i] as Column).elastic === true);
  let excess = shown.reduce((sum, i) => sum + (widths[i] as number), 0) + GAP * (shown.length - 1) - available;
  while (excess > 0) {
    const widest = elastic.reduce((best, i) => ((widths[i] as number) > (widths[best] ?? 0) ? i : best), -1);
    if (widest === -1 || (widths[widest] as number) <= ELASTIC_MIN) return;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
}

function asSpan(cell: Cell | undefined): Span {
  if (cell === null || cell === undefined) return { text: '', tone: 'none' };
  return typeof cell === 'string' ? { text: cell, tone: 'none' } : cell;
}
