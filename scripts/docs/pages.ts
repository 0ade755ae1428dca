import { commandsPage } from './commands-page.ts';
import { compatibilityPage } from './compatibility-page.ts';
import { configPage } from './config-page.ts';
import { layerTable } from './layer-table.ts';

/*
 * All generated texts. ARCHITECTURE.md and README.md are written by hand, but for what stands between marks: the table of
 * layers, and what a terminal shows.
 */

/** The pages by their paths, as they should be; `read` answers a file as it is, or ''. */
export function generate(read: (path: string) => string): Map<string, string> {
  return new Map([
    ['docs/commands.md', commandsPage()],
    ['docs/config.md', configPage()],
    ['docs/compatibility.md', compatibilityPage()],
    ['ARCHITECTURE.md', replaceBetween(read('ARCHITECTURE.md'), 'layers', layerTable())],
    [
      'README.md',
      SHOWN.reduce((text, name) => replaceBetween(text, name, block(read(capture(name)))), read('README.md')),
    ],
  ]);
}

/** What README.md shows of a terminal. */
const SHOWN = ['create', 'verify'];

function capture(name: string): string {
  return `docs/captures/${name}-80.txt`;
}

function block(text: string): string {
  return `\`\`\`\n${text.trimEnd()}\n\`\`\`\n`;
}

function replaceBetween(text: string, mark: string, content: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`a page needs the lines ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n${text.slice(to)}`;
}
