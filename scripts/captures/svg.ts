import { stripVTControlCharacters } from 'node:util';

/* A terminal as a picture: text with the colours of ANSI codes on a dark card. */

interface Look {
  readonly color: string;
  readonly bold: boolean;
  readonly dim: boolean;
}

const CODE = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`);

const FONT_PX = 14;
/** Of the usual monospace fonts; `textLength` holds every run to it, whatever font is there. */
const CELL_PX = 8.4;
const LINE_PX = 20;
const MARGIN_PX = 20;
const FRAME_PX = 34;

const TEXT = '#d4d7dd';
const COLORS: Readonly<Record<string, string>> = { '31': '#f7768e', '32': '#9ece6a', '33': '#e0af68', '36': '#7dcfff' };
const PLAIN: Look = { color: TEXT, bold: false, dim: false };

export function terminalSvg(text: string, { title, columns }: { title: string; columns: number }): string {
  const lines = text.trimEnd().split('\n');
  // A pipe gets long lines whole.
  const longest = Math.max(columns, ...lines.map((line) => [...stripVTControlCharacters(line)].length));
  const width = Math.ceil(longest * CELL_PX) + 2 * MARGIN_PX;
  const height = lines.length * LINE_PX + FRAME_PX + MARGIN_PX;
  let look = PLAIN;
  const rows = lines.map((line, row) => {
    const y = FRAME_PX + (row + 1) * LINE_PX - 5;
    let column = 0;
    const spans: string[] = [];
    // Every other part is the numbers of a code.
    for (const [i, part] of line.split(CODE).entries()) {
      if (i % 2 === 1) {
        look = part.split(';').reduce(changed, look);
        continue;
      }
      spans.push(runs(part, { column, y, look }));
      column += [...part].length;
    }
    return spans.join('');
  });
  const dots = ['#f7768e', '#e0af68', '#9ece6a'].map(
    (color, i) => `<circle cx="${MARGIN_PX + i * 18}" cy="19" r="5.5" fill="${color}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" rx="10" fill="#1a1b26"/>
${dots.join('')}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_PX}" fill="${TEXT}">
${rows.filter(Boolean).join('\n')}
</g>
</svg>
`;
}

/** Words with two spaces or more between them stand at their own columns, so that tables stay tables. */
function runs(text: string, { column, y, look }: { column: number; y: number; look: Look }): string {
  return [...text.matchAll(/\S+(?: \S+)*/g)]
    .map(({ 0: words, index }) => {
      const x = MARGIN_PX + (column + [...text.slice(0, index)].length) * CELL_PX;
      const length = [...words].length * CELL_PX;
      const style = `${look.color === TEXT ? '' : ` fill="${look.color}"`}${look.bold ? ' font-weight="bold"' : ''}${look.dim ? ' opacity="0.6"' : ''}`;
      return `<text x="${x.toFixed(1)}" y="${y}" textLength="${length.toFixed(1)}" lengthAdjust="spacingAndGlyphs"${style}>${escaped(words)}</text>`;
    })
    .join('');
}

function changed(look: Look, number: string): Look {
  if (number === '' || number === '0') return PLAIN;
  if (number === '1') return { ...look, bold: true };
  if (number === '2') return { ...look, dim: true };
  if (number === '22') return { ...look, bold: false, dim: false };
  if (number === '39') return { ...look, color: TEXT };
  const color = COLORS[number];
  if (color === undefined) throw new Error(`a capture has the code ${number}, which has no picture yet`);
  return { ...look, color };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
