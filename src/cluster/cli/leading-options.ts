/*
 * `rkv cli -p 7000 SET key -1`: options come first, and from the first word that is none, everything belongs to the
 * command, whatever it looks like.
 */

export interface OptionShape {
  readonly name: string;
  readonly char?: string | undefined;
  readonly takesValue: boolean;
}

export function splitLeadingOptions(
  argv: readonly string[],
  shapes: readonly OptionShape[],
): { options: string[]; words: string[] } {
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] as string;
    if (word === '--') return { options: argv.slice(0, at), words: argv.slice(at + 1) };
    if (!/^-./.test(word)) break;
    const shape = shapes.find(({ name, char }) => word === `--${name}` || word === `-${char}`);
    // An unknown option stays among the options, so that the parser can say that it is unknown.
    at += shape?.takesValue === true ? 2 : 1;
  }
  return { options: argv.slice(0, at), words: argv.slice(at) };
}
