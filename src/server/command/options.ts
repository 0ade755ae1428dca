/*
 * Option words as a table: which words a command knows, how many values follow each, and which exclude each other. One
 * reader for all commands, so that 'syntax error' means the same everywhere.
 */

import type { Call } from './call.ts';
import { SYNTAX } from './errors.ts';

export interface OptionRule {
  /** Arguments that follow the word. */
  readonly values: number;
  /** Words that may not stand beside it. */
  readonly not?: readonly string[];
  /** Refuses a value at once, before the words behind it are read: so the first mistake is the one that is told. */
  readonly check?: (call: Call, i: number) => void;
}

/** For `check`: the value is a decimal integer of 64 bits. */
export function integerAt(call: Call, i: number): void {
  call.int64(i);
}

/** For each word that was given, the index of its first value (of the word itself when it takes none). */
export type Options<Table> = { [Word in keyof Table]?: number };

/** Reads the options from argument `from` to the end, or throws SYNTAX. A word may be repeated; the last one counts. */
export function readOptions<Table extends Readonly<Record<string, OptionRule>>>(
  table: Table,
  call: Call,
  from: number,
): Options<Table> {
  const given: Options<Table> = {};
  for (let at = from; at < call.argc; ) {
    const word = findWord(table, call, at);
    const rule = table[word] as OptionRule;
    if (at + rule.values >= call.argc) throw SYNTAX;
    if (rule.not?.some((other) => given[other as keyof Table] !== undefined)) throw SYNTAX;
    rule.check?.(call, at + 1);
    given[word] = rule.values === 0 ? at : at + 1;
    at += 1 + rule.values;
  }
  return given;
}

function findWord<Table extends Readonly<Record<string, OptionRule>>>(
  table: Table,
  call: Call,
  at: number,
): keyof Table {
  for (const word in table) if (call.is(at, word)) return word;
  throw SYNTAX;
}
