/*
 * The arguments that a command still expects, dimmed behind the cursor while it is typed, as redis-cli shows them. readline
 * draws the line; the hint is written behind it after each key, and is taken away before the next key is looked at, so that
 * it is never part of the line, nor of what stays on the screen.
 */
import { type Interface, type Key, moveCursor } from 'node:readline';
import { didYouMean } from '../base/nearest.ts';
import { splitWords } from '../cluster/cli/split-words.ts';
import { COMMAND_SYNTAX } from './command-syntax.ts';

/** What the prompt itself understands. */
const OWN = ['help', '?', 'connect', 'clear', 'quit', 'exit'];

/**
 * What is missing behind `line`, with the blank between; '' where nothing is known, or nothing is missing. `names` are
 * those of the server's commands, as COMMAND LIST has them, where it has told them.
 */
export function hintFor(line: string, names: readonly string[] | null = null): string {
  const typed = splitWords(line)?.map((word) => word.toString('latin1')) ?? [];
  const isCounted = typed.length > 1 && /^\d+$/.test(typed[0] as string);
  const words = isCounted ? typed.slice(1) : typed;
  const [first = '', second] = words.map((word) => word.toUpperCase());
  if (first === '') return '';
  if (names !== null && isUnknown(first.toLowerCase(), names, { isComplete: words.length > 1 || /\s$/.test(line) })) {
    return `${/\s$/.test(line) ? '' : ' '}(unknown command${didYouMean(first, [...names, ...OWN])})`;
  }
  const inContainer = COMMAND_SYNTAX.get(`${first} ${second}`);
  const syntax = inContainer ?? COMMAND_SYNTAX.get(first);
  if (syntax === undefined) return '';
  const missing = withoutTyped(syntax.split(' '), words.length - (inContainer === undefined ? 1 : 2));
  return missing === '' || /\s$/.test(line) ? missing : ` ${missing}`;
}

function isUnknown(word: string, names: readonly string[], { isComplete }: { isComplete: boolean }): boolean {
  const fits = (name: string): boolean => (isComplete ? name === word : name.startsWith(word));
  return !names.some(fits) && !OWN.some(fits);
}

/** Which of several optional arguments a word stands for is not known: from the first of them on, all stay. */
function withoutTyped(expected: readonly string[], typed: number): string {
  const firstOptional = expected.findIndex((word) => /^[[<]/.test(word));
  return expected.slice(Math.min(typed, firstOptional < 0 ? expected.length : firstOptional)).join(' ');
}

export interface HintOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WriteStream;
  /** Nothing runs: what is typed is the line at the prompt. */
  readonly isAtPrompt: () => boolean;
  /** Names of the server's commands; null while they are not known. */
  readonly names?: () => readonly string[] | null;
}

/** Shows hints at a prompt until it is closed; answers how to show one without a key. */
export function showHints(prompt: Interface, { input, output, isAtPrompt, names }: HintOptions): () => void {
  let isShown = false;
  const clear = (): void => {
    if (isShown) output.write('\x1b[K');
    isShown = false;
  };
  const show = (): void => {
    if (isShown || !isAtPrompt() || prompt.cursor !== prompt.line.length) return;
    // In the row of the cursor only, so that the cursor can go back; the last column would begin the next row.
    const free = output.columns - prompt.getCursorPos().cols - 1;
    const hint = hintFor(prompt.line, names?.() ?? null).slice(0, Math.max(0, free));
    if (hint === '') return;
    output.write(`\x1b[2m${hint}\x1b[22m`);
    moveCursor(output, -hint.length, 0);
    isShown = true;
  };
  const onKey = (_: string | undefined, key: Key | undefined): void => {
    // What TAB leads to comes later, and may be a list below the line.
    if (key?.name !== 'tab') show();
  };
  input.prependListener('keypress', clear);
  input.on('keypress', onKey);
  prompt.once('close', () => {
    input.off('keypress', clear);
    input.off('keypress', onKey);
    clear();
  });
  return show;
}
