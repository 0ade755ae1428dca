/** Single values of a node.conf that was rendered before. */
import { existsSync, readFileSync } from 'node:fs';
import { fromByteText } from '../base/byte-text.ts';
import { splitWords, trimLine } from '../config/words.ts';

/** The first word that a directive was given, the last time it stands there; null when it does not. */
export function valueInConf(file: string, name: string): string | null {
  if (!existsSync(file)) return null;
  let value: string | null = null;
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [directive, first = ''] = splitWords(trimLine(line)) ?? [];
    if (directive?.toLowerCase() === name) value = first;
  }
  return value === null ? null : fromByteText(value);
}
