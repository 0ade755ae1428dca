/* What the parser of the command line says about words that it cannot use, as rkv says such things. */
import { stripVTControlCharacters } from 'node:util';

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\s*See more help with --help\s*$/, ''],
  [/^Parsing (--\S+)\s+/, '$1: '],
  [/^Nonexistent flags?: /, 'unknown flag '],
  [/^Flag (--\S+) expects a value$/, '$1 needs a value'],
  [/^Expected (--\S+)=(.*) to be one of: (.*)$/, "$1: expected one of $3, not '$2'"],
  [
    /Expected an integer less than or equal to (\S+) but received: (.*)$/,
    "expected a whole number of at most $1, not '$2'",
  ],
  [
    /Expected an integer greater than or equal to (\S+) but received: (.*)$/,
    "expected a whole number of at least $1, not '$2'",
  ],
  [/Expected an integer but received: (.*)$/, "expected a whole number, not '$1'"],
  [/No file found at (.*)$/, 'there is no file $1'],
  [/No directory found at (.*)$/, 'there is no folder $1'],
  [/^Missing \d+ required args?:\s+(\S+)\s+(.*)$/s, 'missing argument: $1 ($2)'],
  [/^The following errors? occurred:\n\s*/, ''],
  [/^\s*All of the following must be provided when using (--\S+): (--\S+)$/gm, '$1 needs $2'],
  [/^\s*(--\S+?)(?:=\S*)? cannot also be provided when using (--\S+)$/gm, '$1 and $2 exclude each other'],
  [/^Unexpected arguments?: /, 'unexpected argument: '],
];

export function usageWords(message: string): string {
  return WORDS.reduce((text, [theirs, ours]) => text.replace(theirs, ours), stripVTControlCharacters(message));
}
