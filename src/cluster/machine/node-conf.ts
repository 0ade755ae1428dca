/** Single values of a node.conf that was rendered before. */
import { readFileSync, statSync } from 'node:fs';
import { fromByteText } from '../../base/byte-text.ts';
import { splitWords, trimLine } from '../../config/words.ts';
import { CliFailure, EXIT } from '../run/failure.ts';

/** The first word that a directive was given, the last time it stands there; null when it does not. */
export function valueInConf(file: string, name: string): string | null {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return null;
  let value: string | null = null;
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [directive, first = ''] = splitWords(trimLine(line)) ?? [];
    if (directive?.toLowerCase() === name) value = first;
  }
  return value === null ? null : fromByteText(value);
}

/** Fails with BROKEN_NODE for a file that would start something else: a server at the usual port, open to everybody. */
export function checkConf(file: string, { port, name }: { port: number; name: string }): void {
  const found = ['port', 'tls-port'].map((directive) => valueInConf(file, directive));
  if (found.includes(String(port))) return;
  const isThere = statSync(file, { throwIfNoEntry: false })?.isFile();
  throw new CliFailure(`node ${port} cannot be started: its configuration is damaged`, {
    code: 'BROKEN_NODE',
    exit: EXIT.conflict,
    why: isThere ? `${file} does not set port ${port}` : `there is no file ${file}`,
    suggestions: [`restore ${file} from a backup`, `rkv cluster destroy ${name}`],
  });
}
