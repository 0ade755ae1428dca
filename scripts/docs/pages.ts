import { commandsPage } from './commands-page.ts';
import { compatibilityPage } from './compatibility-page.ts';
import { configPage } from './config-page.ts';
import { layerTable } from './layer-table.ts';

/* All generated texts. ARCHITECTURE.md is written by hand but for the table of layers, which stands between two marks. */

/** The pages by their paths, as they should be; `read` answers a file as it is, or ''. */
export function generate(read: (path: string) => string): Map<string, string> {
  return new Map([
    ['docs/commands.md', commandsPage()],
    ['docs/config.md', configPage()],
    ['docs/compatibility.md', compatibilityPage()],
    ['ARCHITECTURE.md', replaceBetween(read('ARCHITECTURE.md'), 'layers', layerTable())],
  ]);
}

function replaceBetween(text: string, mark: string, content: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`ARCHITECTURE.md needs the lines ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n${text.slice(to)}`;
}
