/*
 * The start of the command line. Habits from other programs are understood first (`rkv help verify`, `-h`, the
 * subcommands of `redis-cli --cluster`), then oclif finds and runs the command; what fails before there is a command (a
 * name that does not exist) is reported here, in the same words and with the same exit codes as everything else.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Config, flush, run } from '@oclif/core';
import { describeFailure, reportFailure } from './base-command.ts';
import { insteadOfRedisCli } from './cluster/cli/redis-cli-habits.ts';
import { CliFailure, EXIT } from './cluster/run/failure.ts';

export async function main(argv: readonly string[], root: string): Promise<void> {
  leaveQuietly();
  const words = asOclifExpects(argv);
  try {
    refuseRedisCliCluster(words);
    const ignoreManifest = isManifestStale(root);
    const config = await Config.load({ root, ignoreManifest, devPlugins: false, userPlugins: false });
    // What help makes its line about the version of: it is to be that of `rkv --version`, without the scope.
    config.pjson.name = config.bin;
    await run([...words], config);
    await flush();
  } catch (error) {
    const failure = await explain(error, words, root);
    const facts = describeFailure(failure);
    process.exitCode = facts.exit;
    if (argv.includes('--json')) {
      process.stdout.write(`${JSON.stringify({ status: 'error', error: facts, warnings: [] }, null, 2)}\n`);
    } else if (facts.code !== 'EXIT') {
      reportFailure(facts, failure, { debug: argv.includes('--debug') });
    }
  }
}

/** Written at the end of a build: older than a command, it is of another build, and tells of other commands and flags. */
function isManifestStale(root: string): boolean {
  const timeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const commands = join(root, 'dist', 'commands');
  const written_ms = timeOf(join(root, 'oclif.manifest.json'));
  return readdirSync(commands, { recursive: true, encoding: 'utf8' }).some(
    (file) => timeOf(join(commands, file)) > written_ms,
  );
}

/** `rkv help verify` and `-h`, in the form that oclif knows. `rkv cli -h HOST` names a host. */
export function asOclifExpects(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === 'help') return [...rest, '--help'];
  const end = argv.indexOf('--');
  const options = end === -1 ? argv : argv.slice(0, end);
  const isHost = first === 'cli' && argv.at(-1) !== '-h';
  if (isHost || !options.includes('-h')) return argv;
  return argv.map((word, i) => (word === '-h' && i < options.length ? '--help' : word));
}

/** What was `redis-cli --cluster check` is a command of its own here; the failure says which. */
function refuseRedisCliCluster(words: readonly string[]): void {
  const at = words.indexOf('--cluster');
  if (words[0] !== 'cli' || at === -1) return;
  const [sub = '', ...rest] = words.slice(at + 1);
  const instead = insteadOfRedisCli(sub, rest);
  if (instead === null) return;
  const { commands, isOwn } = instead;
  const told = isOwn ? 'is a command of its own in rkv' : 'has no counterpart in rkv yet';
  throw new CliFailure(`redis-cli's \`--cluster ${sub}\` ${told}`, {
    code: 'USAGE',
    exit: EXIT.usage,
    why: `behind --cluster, rkv cli expects the name of a cluster${isOwn ? '' : '; redis-cli works on any'}`,
    suggestions: commands,
  });
}

/**
 * Whoever reads our output may stop before its end, as `head` does: then there is nobody left to write for. A terminal that
 * was closed (EIO) has sent SIGHUP as well, and what that takes back must not be broken off by a line that nobody can read.
 */
function leaveQuietly(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
    if (error.code !== 'EIO') throw error;
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

/** oclif says that a command was not found; we say which one was probably meant. */
async function explain(error: unknown, argv: readonly string[], root: string): Promise<unknown> {
  if (!(error instanceof Error) || !/^command .* not found$/.test(error.message)) return error;
  const { commandIDs } = await Config.load(root);
  const known = commandIDs.map((id) => id.replaceAll(':', ' '));
  const { whatWasMeant } = await import('./view/unknown-command.ts');
  const { words, commands, why } = whatWasMeant(argv, known);
  const [first = ''] = commands;
  if (known.includes(first) && argv.join(' ').startsWith(`${first} `)) {
    return new CliFailure(`unexpected argument: ${words}`, {
      code: 'USAGE',
      exit: EXIT.usage,
      why: `'${first}' takes no arguments`,
      suggestions: [`rkv ${first}`, `rkv ${first} --help`],
    });
  }
  return new CliFailure(`unknown command '${words}'`, {
    code: 'UNKNOWN_COMMAND',
    exit: EXIT.usage,
    why: why ?? (commands.length === 0 ? undefined : `did you mean '${commands.join("' or '")}'?`),
    suggestions: [...commands.map((name) => (name.startsWith('redis-cli ') ? name : `rkv ${name}`)), 'rkv --help'],
  });
}
