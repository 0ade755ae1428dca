/*
 * The start of the command line. oclif finds and runs the command; what fails before there is a command (a name that
 * does not exist) is reported here, in the same words and with the same exit codes as everything else.
 */
import { Config, flush, run } from '@oclif/core';
import { describeFailure, reportFailure } from './base-command.ts';
import { CliFailure, EXIT } from './cluster/failure.ts';

export async function main(argv: readonly string[], root: string): Promise<void> {
  try {
    const config = await Config.load({ root, devPlugins: false, userPlugins: false });
    await run([...argv], config);
    await flush();
  } catch (error) {
    const failure = await explain(error, argv, root);
    const facts = describeFailure(failure);
    process.exitCode = facts.exit;
    if (argv.includes('--json')) {
      process.stdout.write(`${JSON.stringify({ status: 'error', error: facts, warnings: [] }, null, 2)}\n`);
    } else if (facts.code !== 'EXIT') {
      reportFailure(facts, failure, { debug: argv.includes('--debug') });
    }
  }
}

/** oclif says that a command was not found; we say which one was probably meant. */
async function explain(error: unknown, argv: readonly string[], root: string): Promise<unknown> {
  if (!(error instanceof Error) || !/^command .* not found$/.test(error.message)) return error;
  const { commandIDs } = await Config.load(root);
  const typed = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  const known = commandIDs.map((id) => id.replaceAll(':', ' '));
  const near = nearest(typed.join(' '), known) ?? nearest(typed[0] ?? '', known);
  return new CliFailure(`there is no command '${typed.join(' ')}'`, {
    code: 'UNKNOWN_COMMAND',
    exit: EXIT.usage,
    suggestions: near === null ? ['rkv --help'] : [`rkv ${near}`, 'rkv --help'],
  });
}

/** The closest known name, if it is close enough to be a slip of the fingers. */
function nearest(typed: string, known: readonly string[]): string | null {
  let best: { name: string; edits: number } | null = null;
  for (const name of known) {
    const edits = editDistance(typed, name);
    if (best === null || edits < best.edits) best = { name, edits };
  }
  return best !== null && best.edits <= Math.max(2, Math.floor(typed.length / 4)) ? best.name : null;
}

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
