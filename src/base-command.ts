/*
 * What all commands share: where clusters live, how much is said, the one JSON envelope, exit codes that are the same
 * with and without --json (oclif's own handling loses them there), and what Ctrl-C does.
 *
 * A command parses, calls, presents: it returns its result, and says it to people with `say`. Nothing is imported here
 * that a command which prints three lines does not need; start-up time is everybody's.
 */
import { Command, Errors, Flags } from '@oclif/core';
import { isNotUtf8 } from './base/byte-text.ts';
import { nearest } from './base/nearest.ts';
import { defaultHome } from './cluster/machine/layout.ts';
import { CliFailure, EXIT, type ExitCode, interrupted } from './cluster/run/failure.ts';
import type { Operation } from './cluster/run/run.ts';
import { type FailureFacts, failureLines } from './view/failure-block.ts';
import { type Line, line, renderLines, toned } from './view/line.ts';
import { asCommand } from './view/program.ts';
import { describeTerminal, type Terminal } from './view/terminal.ts';
import { usageWords } from './view/usage-words.ts';

export interface FailureEnvelope {
  readonly code: string;
  readonly exit: ExitCode;
  readonly message: string;
  readonly why: string | null;
  readonly suggestions: readonly string[];
}

/**
 * `--cluster`, in every command: the name of a cluster, or addresses of nodes of any cluster, with commas between them.
 * Commands about a whole cluster take the same as their argument.
 */
export const clusterFlag = Flags.string({
  env: 'RKV_CLUSTER',
  default: 'default',
  helpValue: 'CLUSTER',
  summary: 'cluster to use: its name, or HOST:PORT of a node',
});

/** The password, in every command that can need one: -a as redis-cli has it, RKV_PASSWORD or REDISCLI_AUTH. */
export const passwordFlag = Flags.string({
  char: 'a',
  aliases: ['pass'],
  env: 'RKV_PASSWORD',
  default: async () => {
    const password = process.env['REDISCLI_AUTH'];
    return password === undefined ? undefined : usablePassword(password);
  },
  parse: async (password) => usablePassword(password),
  helpGroup: 'ACCESS',
  helpValue: 'PASSWORD',
  noCacheDefault: true,
  summary: 'password; prefer RKV_PASSWORD or REDISCLI_AUTH, which do not show in process lists',
});

/** Node has read it as UTF-8; what is left of other bytes would be another password. */
function usablePassword(password: string): string {
  if (!isNotUtf8(password)) return password;
  throw new CliFailure('the password is not UTF-8', {
    code: 'USAGE',
    exit: EXIT.usage,
    why: 'a flag or a variable can only hold UTF-8',
    suggestions: ['AUTH "\\xff…" at the prompt of `rkv cli`, with \\xHH for such bytes'],
  });
}

/** Seconds, or with a unit: 30, 500ms, 2m. Answers milliseconds. */
export const timeoutFlag = Flags.custom<number>({
  helpValue: 'SECONDS',
  parse: async (text, _context, { name = 'timeout' }) => readTime(text) || refuseTime(text, name),
});

/** The same, and 0 for no pause at all. */
export const intervalFlag = Flags.custom<number>({
  helpValue: 'SECONDS',
  parse: async (text, _context, { name = 'interval' }) => readTime(text) ?? refuseTime(text, name),
});

function readTime(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m)?$/.exec(text);
  return match === null
    ? null
    : Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm'];
}

function refuseTime(text: string, name: string): never {
  throw new CliFailure(`'${text}' is not a time`, {
    code: 'USAGE',
    exit: EXIT.usage,
    why: 'expected seconds, or a number with a unit (ms, s or m)',
    suggestions: ['30', '500ms', '2m'].map((time) => `--${name} ${time}`),
  });
}

/** Getting into nodes that no cluster of ours describes. */
export const accessFlags = {
  user: Flags.string({ helpGroup: 'ACCESS', helpValue: 'NAME', summary: 'user name' }),
  password: passwordFlag,
  tls: Flags.boolean({ helpGroup: 'ACCESS', summary: 'connect over TLS' }),
  cacert: Flags.file({ helpGroup: 'ACCESS', exists: true, helpValue: 'FILE', summary: 'file with the CA certificate' }),
  cert: Flags.file({
    helpGroup: 'ACCESS',
    exists: true,
    helpValue: 'FILE',
    summary: 'file with the client certificate',
  }),
  key: Flags.file({
    helpGroup: 'ACCESS',
    exists: true,
    helpValue: 'FILE',
    summary: 'file with the private key of the client certificate',
  }),
};

/** Ctrl-C, a polite end, and a terminal that was closed: each takes back what was begun. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    json: Flags.boolean({ helpGroup: 'GLOBAL', summary: 'print one JSON object and nothing else; never ask' }),
    home: Flags.directory({
      env: 'RKV_HOME',
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
      summary: 'folder that holds the clusters (default: $XDG_STATE_HOME/rkv)',
    }),
    quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', summary: 'print errors only' }),
    debug: Flags.boolean({ env: 'RKV_DEBUG', helpGroup: 'GLOBAL', summary: 'print the stack trace of an error' }),
  };

  readonly #interrupt = new AbortController();
  readonly #warnings: string[] = [];
  /** Set by a command that has a result and yet ends badly: a verification that found something. */
  #verdict: { failure: FailureEnvelope & FailureFacts; result: unknown } | null = null;

  /** An operation runs that may have something to take back. */
  #isFollowing = false;

  /** Aborted by the first Ctrl-C, SIGTERM or closed terminal; whoever works listens to it and takes back what it has begun. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  protected get quiet(): boolean {
    return this.jsonEnabled() || this.#hasFlag('--quiet', '-q');
  }

  get stdout(): Terminal {
    return describeTerminal(process.stdout, process.env, { wide: this.#hasFlag('--wide') });
  }

  get stderr(): Terminal {
    return describeTerminal(process.stderr, process.env);
  }

  override async init(): Promise<void> {
    await super.init();
    for (const signal of ENDING) process.on(signal, this.#onSignal);
  }

  override async finally(_: Error | undefined): Promise<void> {
    for (const signal of ENDING) process.off(signal, this.#onSignal);
    // Also where Ctrl-C is the usual end: a script that is interrupted should see that it was.
    if (this.signal.aborted) process.exitCode ??= EXIT.interrupted;
  }

  /** Where the clusters are. */
  protected homeOf(flags: { home?: string | undefined }): string {
    return flags.home ?? defaultHome();
  }

  /** The result, for people, on stdout. */
  say(lines: readonly Line[]): void {
    if (!this.quiet) process.stdout.write(renderLines(lines, this.stdout));
  }

  /** What happens on the way, on stderr, so that a pipe gets the result alone. */
  note(lines: readonly Line[]): void {
    if (!this.quiet) process.stderr.write(renderLines(lines, this.stderr));
  }

  /** A warning stands on stderr for people, and in the envelope for programs. */
  override warn(input: string | Error): string | Error {
    const text = typeof input === 'string' ? input : input.message;
    this.#warnings.push(text);
    this.note([line(toned('!', 'look'), ` ${text}`)]);
    return input;
  }

  /** Runs an operation while showing its progress in the way that fits where we are. */
  async follow<Result>(operation: Operation<Result>, heading?: Line): Promise<Result> {
    const { present } = await import('./view/present.ts');
    this.#isFollowing = true;
    return present(operation, {
      mode: this.quiet ? 'silent' : this.stderr.live ? 'live' : 'plain',
      terminal: this.stderr,
      stream: process.stderr,
      ...(heading === undefined ? {} : { heading }),
      onWarning: (text) => this.#warnings.push(text),
    });
  }

  /** Ends with the exit code of `failure` although there is a result to print; nothing more is said in text. */
  protected endWith(failure: CliFailure, result: unknown): void {
    process.exitCode = failure.exit;
    this.#verdict = { failure: this.#withFlagsMeant(describeFailure(failure), failure), result };
  }

  /** Asks a person; where nobody can answer, only --yes is an answer. */
  protected async confirm(question: string, { yes }: { yes: boolean }): Promise<void> {
    if (yes) return;
    const refusal = (message: string, why: string) =>
      new CliFailure(message, { code: 'REFUSED', exit: EXIT.refused, why, suggestions: ['--yes     # does it'] });
    if (this.jsonEnabled() || process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
      throw refusal('this needs a confirmation', 'nobody can be asked here: no terminal, or --json');
    }
    const { createInterface } = await import('node:readline/promises');
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    const closed = new AbortController();
    // readline takes Ctrl-C for itself; Ctrl-D closes it and would leave the question open for ever.
    prompt.on('SIGINT', () => this.#interrupt.abort());
    prompt.on('close', () => closed.abort());
    const signal = AbortSignal.any([this.signal, closed.signal]);
    const answer = await prompt.question(`${question} [y/N] `, { signal }).catch(() => null);
    prompt.close();
    if (answer === null) process.stderr.write('\n');
    if (this.signal.aborted) throw interrupted('the question');
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) {
      throw refusal('nothing was done', `the answer was ${answer === null ? 'none' : `'${answer.trim()}'`}`);
    }
  }

  override toSuccessJson(result: unknown): unknown {
    if (this.#verdict !== null) {
      const { failure } = this.#verdict;
      return { status: 'error', error: failure, result: this.#verdict.result, warnings: this.#warnings };
    }
    return { status: 'ok', result, warnings: this.#warnings };
  }

  override toErrorJson(error: unknown): unknown {
    return { status: 'error', error: describeFailure(error), warnings: this.#warnings };
  }

  /** Colours would be the only difference to JSON.stringify, and a terminal is not what reads this. */
  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  }

  override async catch(error: Error & { exitCode?: number }): Promise<void> {
    const facts = this.#withFlagsMeant(describeFailure(this.signal.aborted ? asInterruption(error) : error), error);
    process.exitCode = facts.exit;
    if (this.jsonEnabled()) {
      this.logJson({ status: 'error', error: facts, warnings: this.#warnings });
      return;
    }
    if (error instanceof Errors.ExitError) return;
    reportFailure(facts, error, { debug: this.#hasFlag('--debug') || Boolean(process.env['RKV_DEBUG']) });
  }

  /** A flag that does not exist was probably meant to be one that does. */
  #withFlagsMeant<Facts extends FailureFacts>(described: Facts, error: unknown): Facts {
    const command = `rkv ${this.id?.replaceAll(':', ' ')}`;
    const help = `${command} --help`;
    const { flags = {}, baseFlags = {} } = this.ctor;
    const known = Object.keys({ ...baseFlags, ...flags });
    // What fails may be a part of several commands, of which not every one has the flag that helps the others.
    const isTaken = (advice: string): boolean => {
      if (advice.startsWith('-a ')) return known.includes('password');
      return !advice.startsWith('--') || known.includes(/^--([\w-]+)/.exec(advice)?.[1] ?? '');
    };
    const suggestions = described.suggestions
      ?.map((advice) => (advice === SEE_HELP ? help : advice))
      .filter(isTaken)
      .map((advice) => asCommand(advice));
    const facts = suggestions === undefined ? described : { ...described, suggestions };
    const unknown = (error as { flags?: unknown }).flags;
    if (!(error instanceof Errors.CLIError) || !Array.isArray(unknown)) return facts;
    const elsewhere = this.#atPort(unknown);
    if (elsewhere !== null && 'cluster' in flags && 'user' in flags) {
      const why = 'a cluster is named by --cluster: its name, or HOST:PORT of one of its nodes';
      return { ...facts, why, suggestions: [`${command} ${elsewhere}`, help] };
    }
    const names = unknown.map((flag: string) => flag.replace(/^-+/, ''));
    const meant = names.flatMap((name) => nearest(name, known) ?? []);
    // `rkv status --watch`, as other programs have it.
    const commands = names.filter((name) => this.config.commandIDs.includes(name)).map((name) => `rkv ${name}`);
    if (meant.length === 0 && commands.length > 0) return { ...facts, suggestions: [...commands, help] };
    if (meant.length === 0) return facts;
    const why = `did you mean ${meant.map((name) => `--${name}`).join(' and ')}?`;
    return { ...facts, why, suggestions: facts.suggestions ?? [] };
  }

  /** `rkv status -p 7000`, as redis-cli has it: what names the same node here. */
  #atPort(unknown: readonly string[]): string | null {
    const at = this.argv.findIndex((word) => /^(-p|--port)(=|$)/.test(word));
    if (at === -1 || !unknown.some((flag) => /^(-p|--port)/.test(flag))) return null;
    const port = this.argv[at]!.split('=')[1] ?? this.argv[at + 1] ?? '';
    return /^\d+$/.test(port) ? `--cluster 127.0.0.1:${port}` : null;
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.signal.aborted) {
      // Asked twice: the person does not want to wait for the undoing.
      process.exit(EXIT.interrupted);
    }
    if (this.#isFollowing && !this.quiet && signal === 'SIGINT') {
      process.stderr.write('\nrolling back; press Ctrl-C again to quit now\n');
    }
    this.#interrupt.abort();
  };

  /** Read from the words and not from parsed flags: a parse that failed has to be reported, too. */
  #hasFlag(...names: readonly string[]): boolean {
    const end = this.argv.indexOf('--');
    const words = end === -1 ? this.argv : this.argv.slice(0, end);
    return words.some((word) => names.includes(word));
  }
}

/** Where the command is not known; where it is, its own help is named. */
const SEE_HELP = '--help     # what is accepted';

/** The words and the exit code of anything that was thrown. */
export function describeFailure(error: unknown): FailureEnvelope & FailureFacts {
  if (error instanceof CliFailure) {
    return {
      code: error.code,
      exit: error.exit,
      message: usageWords(error.message),
      why: error.why,
      evidence: error.evidence,
      log: error.log,
      undone: error.undone,
      suggestions: error.suggestions,
    };
  }
  const nothing = { why: null, suggestions: [] };
  if (error instanceof Errors.ExitError) {
    const exit = (error.oclif.exit ?? EXIT.unexpected) as ExitCode;
    return { ...nothing, code: 'EXIT', exit, message: error.message };
  }
  if (isUsageError(error)) {
    const message = usageWords(error.message);
    return {
      ...nothing,
      code: 'USAGE',
      exit: EXIT.usage,
      message,
      suggestions: [SEE_HELP],
    };
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  if (isFileError(error)) {
    const { path } = error;
    const suggestions = ['the rights, the kind and the disk of that file'];
    const said = path === undefined ? 'a file cannot be used' : `${path} cannot be used`;
    return { ...nothing, code: 'BAD_FILE', exit: EXIT.usage, message: said, why: message, suggestions };
  }
  return {
    why: 'this is an internal error of rkv',
    code: 'UNEXPECTED',
    exit: EXIT.unexpected,
    message,
    suggestions: ['--debug     # tells where; please report its output'],
  };
}

export function reportFailure(facts: FailureFacts, error: unknown, { debug }: { debug: boolean }): void {
  const terminal = describeTerminal(process.stderr, process.env);
  process.stderr.write(renderLines(failureLines(facts, terminal), terminal));
  if (debug && error instanceof Error) process.stderr.write(`\n${withCauses(error)}\n`);
}

function isUsageError(error: unknown): error is Error {
  // Parse errors are CLIErrors; so is 'command not found', which is thrown before there is a command.
  // Files and folders that are not there come as plain errors.
  return error instanceof Errors.CLIError || (error instanceof Error && error.message.startsWith('Parsing --'));
}

const FILE_ERRORS: readonly unknown[] = [
  'EACCES',
  'EDQUOT',
  'EIO',
  'EISDIR',
  'ELOOP',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
];

/** What the system says of a file that somebody has made so. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return error instanceof Error && syscall !== undefined && FILE_ERRORS.includes(code);
}

function asInterruption(error: unknown): unknown {
  if (error instanceof CliFailure) return error;
  return new CliFailure('interrupted', { code: 'INTERRUPTED', exit: EXIT.interrupted, cause: error });
}

function withCauses(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by ${withCauses(error.cause)}` : stack;
}
