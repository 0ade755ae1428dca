/*
 * `rkv-server [file] [--name value …] [-]`: what stands on the command line becomes lines of configuration, read after the
 * file. An option takes all words up to the next one that begins with `--`; such a word right behind a name is its value
 * (`--requirepass --secret`). The words are byte texts. A lone `-` at either end reads standard input, between the file and the options.
 */
import { quoteWord, splitWords } from './words.ts';

export interface CommandLine {
  file: string | null;
  readsStdin: boolean;
  /** One directive a line. */
  lines: string[];
}

export function parseCommandLine(argv: readonly string[]): CommandLine {
  const result: CommandLine = { file: null, readsStdin: false, lines: [] };
  let at = 0;
  if (argv.length > 0 && !argv[0]!.startsWith('-')) result.file = argv[at++]!;
  let line: string | null = null;
  let mayStartOption = true;
  for (; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '-' && (at === 0 || at === argv.length - 1)) {
      result.readsStdin = true;
    } else if (mayStartOption && word.startsWith('--')) {
      if (line !== null) result.lines.push(line);
      line = word.slice(2);
      // `--port 7000` in one word is complete; a name alone takes the next word, whatever that looks like.
      mayStartOption = splitWords(word)?.length !== 1;
      if (!mayStartOption && word.toLowerCase() === '--save' && isOptionOrEnd(argv[at + 1])) {
        // Lists of options made by programs say "no save points" by giving --save no value.
        line += ' ""';
        mayStartOption = true;
      }
    } else {
      line = line === null ? quoteWord(word) : `${line} ${quoteWord(word)}`;
      mayStartOption = true;
    }
  }
  if (line !== null) result.lines.push(line);
  return result;
}

function isOptionOrEnd(word: string | undefined): boolean {
  return word === undefined || word.startsWith('--');
}
