/** The report of `rkv verify`: what was looked at, the nodes, one line a check or finding, and the sum. */

import type { Finding, Severity } from '../cluster/topology/finding.ts';
import type { Topology } from '../cluster/topology/view.ts';
import type { Check, Report } from '../cluster/verify/verify.ts';
import { duration, plural, wrap } from './format.ts';
import { BLANK, type Line, line, lineWidth, type Span, type Tone, toned } from './line.ts';
import { commonHost, nodeTable } from './node-table.ts';
import { asTyped } from './program.ts';
import type { Terminal } from './terminal.ts';

const MARKS: Readonly<Record<'ok' | Severity, Span>> = {
  ok: toned('✓', 'good'),
  error: toned('✗', 'bad'),
  warning: toned('!', 'look'),
  note: toned('·', 'dim'),
};

const TITLE_WIDTH = 12;

export function verifyLines(
  { topology, report, exit }: { topology: Topology; report: Report; exit: number },
  terminal: Terminal,
): Line[] {
  return [
    line(describeCluster(topology)),
    BLANK,
    ...nodeTable(topology, terminal),
    BLANK,
    ...report.checks.flatMap((check) => checkLines(check, terminal)),
    BLANK,
    sumLine(report, exit),
  ];
}

/** 'Cluster default: 6 nodes, 3 shards, epoch 7, checked in 90 ms' */
function describeCluster(topology: Topology): string {
  const name = topology.cluster === null ? 'Cluster' : `Cluster ${topology.cluster}`;
  const epoch = topology.epoch === null ? '' : `, epoch ${topology.epoch}`;
  const sizes = `${plural(topology.nodes.length, 'node')}, ${plural(topology.shards.length, 'shard')}`;
  const host = commonHost(topology.nodes);
  const where = host === null || host === '127.0.0.1' ? '' : ` on ${host}`;
  return `${name}: ${sizes}${where}${epoch}, checked in ${duration(topology.took_ms)}`;
}

/** '1 error, 1 warning, 1 note'; '' when there is nothing. */
export function countFindings({ errors, warnings, notes }: Report): string {
  const counts = [
    errors > 0 ? plural(errors, 'error') : '',
    warnings > 0 ? plural(warnings, 'warning') : '',
    notes > 0 ? plural(notes, 'note') : '',
  ];
  return counts.filter((text) => text !== '').join(', ');
}

function checkLines(check: Check, terminal: Terminal): Line[] {
  if (check.findings.length === 0) return [headed('ok', check.title, check.text)];
  return check.findings.flatMap((finding) => findingLines(check.title, finding, terminal));
}

function findingLines(title: string, finding: Finding, terminal: Terminal): Line[] {
  const indent = ' '.repeat(TITLE_WIDTH + 4);
  const wrapped = (text: string): string[] => wrap(text, terminal.cut ? terminal.columns - indent.length - 1 : null);
  const [first = '', ...rest] = wrapped(finding.text);
  const head = headed(finding.severity, title, first);
  const lines: Line[] = [head, ...rest.map((text) => line(indent, text))];
  const evidence = finding.evidence.flatMap(wrapped).map((text) => line(toned(`${indent}${text}`, 'dim')));
  if (finding.command === null) return [...lines, ...evidence];
  const typed = asTyped(finding.command);
  // Beside the finding where it fits, below it where it does not; never cut, because it is there to be copied.
  const gap = terminal.columns - 2 - lineWidth(head) - typed.length;
  const command = toned(typed, 'strong');
  if (gap < 3) return [...lines, ...evidence, line(indent, toned('→ ', 'dim'), command)];
  lines[0] = [...head, toned(' '.repeat(gap), 'none'), command];
  return [...lines, ...evidence];
}

function headed(outcome: Check['outcome'], title: string, text: string): Line {
  return line(' ', MARKS[outcome], ` ${title.padEnd(TITLE_WIDTH)} ${text}`);
}

function sumLine(report: Report, exit: number): Line {
  const found = countFindings(report);
  if (found === '') return line(toned(`All ${report.checks.length} checks passed`, 'good'));
  const tone: Tone = report.errors > 0 ? 'bad' : report.warnings > 0 ? 'look' : 'none';
  const width = 60;
  const end = exit === 0 ? '' : `exit code ${exit}`;
  return line(toned(found, tone), ' '.repeat(Math.max(3, width - found.length)), toned(end, 'dim'));
}
