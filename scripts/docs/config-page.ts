import { defaultConfig, directiveOf, formatSetting, type Name, names, topics } from '../../src/config/directives.ts';
import { code, GENERATED, plain, table } from './markdown.ts';

/* docs/config.md: the directives of the bundled server, from the table that reads files and answers CONFIG GET. */

export function configPage(): string {
  const without = names.filter((name) => directiveOf(name).status === 'not-applicable');
  return `${GENERATED}

# Configuration

What stands in a \`redis.conf\`, behind \`--\` on the command line of \`rkv server\`, in CONFIG GET and CONFIG SET, and under
\`config:\` in a \`cluster.yaml\`: ${names.length} directives. Of these ${without.length} are accepted, kept and shown, but change
nothing here; each says why. A directive that is not in this table is refused when the server starts.

*fixed*: at start only, CONFIG SET refuses it. *protected*: CONFIG SET needs \`enable-protected-configs\`. *file only*: not in
CONFIG GET and SET. *hidden*: CONFIG GET shows it when it is named, and to no pattern. Sizes may have a unit: \`1k\` is 1000 bytes, \`1kb\` is 1024.

${topics.map(({ title, names }) => section(title, names)).join('\n')}`;
}

function section(title: string, members: readonly Name[]): string {
  return `## ${title}\n\n${table(['Directive', 'Default', 'Value', 'What it does'], members.map(row))}`;
}

const defaults = defaultConfig();

function row(name: Name): string[] {
  const { kind, allowed, doc, aliases, fixed, fileOnly, status, reason, ...traits } = directiveOf(name);
  const initial = fileOnly ? '' : formatSetting(defaults, name);
  const marks = [
    fixed ? 'fixed' : '',
    traits.protected ? 'protected' : '',
    fileOnly ? 'file only' : '',
    traits.hidden ? 'hidden' : '',
  ];
  const about = [
    plain(doc),
    ...marks.filter((mark) => mark !== '').map((mark) => `*${mark}*`),
    aliases.length === 0 ? '' : `Older name: ${aliases.map(code).join(', ')}.`,
    status === 'obeyed' ? '' : `**No effect here:** ${plain(reason ?? '')}.`,
  ];
  const value = kind === 'yes or no' ? kind : `${kind}: ${allowed}`;
  return [code(name), initial === '' ? '' : code(initial), plain(value), about.filter((text) => text !== '').join(' ')];
}
