/** A failure in four parts: what failed on what, why, what was taken back, and what to try. */
import { wrap } from './format.ts';
import { type Line, line, toned } from './line.ts';
import { asTyped } from './program.ts';
import type { Terminal } from './terminal.ts';

export interface FailureFacts {
  readonly message: string;
  readonly why?: string | null;
  readonly evidence?: readonly string[];
  readonly log?: { readonly file: string; readonly lines: readonly string[] } | null;
  readonly undone?: string | null;
  readonly suggestions?: readonly string[];
}

const LABEL_WIDTH = 9;

export function failureLines(failure: FailureFacts, terminal: Terminal): Line[] {
  const [headline = '', ...more] = failure.message.split('\n');
  const lines: Line[] = [line(toned('Error:', 'bad'), ` ${headline}`)];
  for (const text of more) lines.push(line(`       ${text}`));
  lines.push(...labelled('why', failure.why ? [failure.why] : [], terminal));
  lines.push(...labelled('seen', failure.evidence ?? [], terminal));
  if (failure.log) {
    lines.push(...labelled('log', [`${failure.log.file}, last lines:`], terminal));
    for (const text of failure.log.lines) lines.push(line(toned(`${' '.repeat(LABEL_WIDTH + 2)}${text}`, 'dim')));
  }
  lines.push(...labelled('undone', failure.undone ? [failure.undone] : [], terminal));
  lines.push(...labelled('try', (failure.suggestions ?? []).map(asTyped), terminal));
  return lines;
}

function labelled(label: string, texts: readonly string[], { columns, cut }: Terminal): Line[] {
  const rows = texts.flatMap((text) =>
    text.split('\n').flatMap((row) => wrap(row, cut ? columns - LABEL_WIDTH : null)),
  );
  return rows.map((text, i) => {
    const lead = i === 0 ? `  ${label.padEnd(LABEL_WIDTH - 2)}` : ' '.repeat(LABEL_WIDTH);
    return line(toned(lead, 'dim'), text);
  });
}
