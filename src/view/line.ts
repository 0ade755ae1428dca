/*
 * All text that people see is made of lines of spans: words, and the tone they are said in. Whoever makes lines knows
 * nothing of escape codes, ASCII terminals or ink; so a pipe, a terminal and the live view show the same thing.
 */
import type { Terminal } from './terminal.ts';

/** Tone means state and nothing else: green fine, yellow look, red broken, dim secondary, strong a heading. */
export type Tone = 'good' | 'look' | 'bad' | 'dim' | 'strong' | 'none';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Span[];

export const BLANK: Line = [];

/** A line from words and spans; bare words have no tone. */
export function line(...parts: readonly (string | Span)[]): Line {
  return parts.map((part) => (typeof part === 'string' ? { text: part, tone: 'none' } : part));
}

export function toned(text: string, tone: Tone): Span {
  return { text, tone };
}

/** Characters a line takes up; our own words and the names of a cluster are one column a character. */
export function widthOf(text: string): number {
  return [...text].length;
}

export function lineWidth(spans: Line): number {
  return spans.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** Lines as one text that ends with a line end; '' for none. */
export function renderLines(lines: readonly Line[], { color, unicode }: Pick<Terminal, 'color' | 'unicode'>): string {
  return lines.map((spans) => `${renderLine(spans, { color, unicode })}\n`).join('');
}

/** What an ASCII terminal sees instead. One character for one, so columns stay where they are. */
export function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (character) => IN_ASCII[character] ?? '?');
}

const IN_ASCII: Readonly<Record<string, string>> = {
  '✓': '+',
  '✗': 'x',
  '·': '-',
  '●': '*',
  '○': 'o',
  '…': '~',
  '–': '-',
  '—': '-',
  '×': 'x',
  '→': '>',
  '↳': '>',
  '└': '`',
  '├': '|',
  '█': '#',
  '▒': '=',
  '░': '.',
  '⠋': '|',
  '⠙': '/',
  '⠹': '-',
  '⠸': '\\',
  '⠼': '|',
  '⠴': '/',
  '⠦': '-',
  '⠧': '\\',
  '▁': '.',
  '▂': '.',
  '▃': ':',
  '▄': ':',
  '▅': '+',
  '▆': '+',
  '▇': '#',
};

const CODES: Readonly<Record<Tone, readonly [on: string, off: string]>> = {
  good: ['\x1b[32m', '\x1b[39m'],
  look: ['\x1b[33m', '\x1b[39m'],
  bad: ['\x1b[31m', '\x1b[39m'],
  dim: ['\x1b[2m', '\x1b[22m'],
  strong: ['\x1b[1m', '\x1b[22m'],
  none: ['', ''],
};

function renderLine(spans: Line, { color, unicode }: Pick<Terminal, 'color' | 'unicode'>): string {
  const text = spans
    .map(({ text, tone }) => {
      const shown = unicode ? text : toAscii(text);
      if (!color || tone === 'none' || shown.trim() === '') return shown;
      const [on, off] = CODES[tone];
      return `${on}${shown}${off}`;
    })
    .join('');
  return text.trimEnd();
}
