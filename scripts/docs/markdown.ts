/* The little Markdown that the pages are made of. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

/** Text as it stands, also where it holds `|`, `<` or `*`. */
export function plain(text: string): string {
  return text.replaceAll('\\', '\\\\').replace(/[|<>*_[\]]/g, '\\$&');
}

/** Text of a program. A pipe would end the table's cell even here. */
export function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${text.replaceAll('|', '\\|')}${fence}`;
}

export const GENERATED = '<!-- Written by `npm run docs`; change the tables it reads, not this file. -->';
