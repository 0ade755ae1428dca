import { cliPage } from './cli-page.ts';
import { compatibilityPage } from './compatibility-page.ts';
import { configPage } from './config-page.ts';
import { layerTable } from './layer-table.ts';
import { missingParagraph, typesParagraph } from './readme-parts.ts';
import { serverCommandsPage } from './server-commands-page.ts';

/*
 * All generated texts. ARCHITECTURE.md and README.md are written by hand, but for what stands between marks: the table of
 * layers, and how much of Redis is there.
 */

/** The pages by their paths, as they should be; `read` answers a file as it is, or ''. */
export async function generate(read: (path: string) => string): Promise<Map<string, string>> {
  return new Map([
    ['docs/cli.md', await cliPage((name) => read(`docs/captures/${name}-80.txt`))],
    ['docs/server-commands.md', serverCommandsPage()],
    ['docs/config.md', configPage()],
    ['docs/compatibility.md', compatibilityPage()],
    ['ARCHITECTURE.md', replaceBetween(read('ARCHITECTURE.md'), 'layers', layerTable())],
    ['README.md', readme(read('README.md'))],
  ]);
}

function readme(text: string): string {
  return replaceBetween(replaceBetween(text, 'missing', missingParagraph()), 'types', typesParagraph());
}

function replaceBetween(text: string, mark: string, content: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`a page needs the lines ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n${text.slice(to)}`;
}
