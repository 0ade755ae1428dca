/** Single values of a node.conf that was rendered before. */
import { existsSync, readFileSync } from 'node:fs';
import { splitWords } from '../config/words.ts';

/** The first word that a directive was given, the last time it stands there; null when it does not. */
export function valueInConf(file: string, name: string): string | null {
  if (!existsSync(file)) return null;
  let value: string | null = null;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [directive, first = ''] = splitWords(line.trim()) ?? [];
    if (directive?.toLowerCase() === name) value = first;
  }
  return value;
}
