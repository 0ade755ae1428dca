/*
 * Everything that can go wrong on purpose is a CliFailure: what failed, on what, why in the system's own words, the last
 * lines of a log where there is one, and what to try next. The exit code is part of it, so the same failure ends a
 * terminal, a pipe and a `--json` run in the same way. Anything else that is thrown is a defect of ours.
 */

export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  verification: 3,
  timeout: 4,
  unreachable: 5,
  conflict: 6,
  refused: 7,
  partial: 8,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface LogTail {
  readonly file: string;
  /** The last lines, oldest first, without their line ends. */
  readonly lines: readonly string[];
}

export interface FailureDetails {
  /** Stable and in capitals, for programs: PORT_IN_USE, NODE_DIED, … */
  readonly code: string;
  readonly exit: ExitCode;
  /** In the words of the node or of the system. */
  readonly why?: string | undefined;
  /** Further facts, one a line. */
  readonly evidence?: readonly string[] | undefined;
  readonly log?: LogTail | undefined;
  /** Commands or edits that a person may try next, the likeliest first. */
  readonly suggestions?: readonly string[] | undefined;
  readonly cause?: unknown;
}

export class CliFailure extends Error {
  readonly code: string;
  readonly exit: ExitCode;
  readonly why: string | null;
  readonly evidence: readonly string[];
  readonly log: LogTail | null;
  readonly suggestions: readonly string[];
  /** What was taken back after the failure; filled by run.ts, because only it knows. */
  undone: string | null = null;

  constructor(message: string, details: FailureDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CliFailure';
    this.code = details.code;
    this.exit = details.exit;
    this.why = details.why ?? null;
    this.evidence = details.evidence ?? [];
    this.log = details.log ?? null;
    this.suggestions = details.suggestions ?? [];
  }

  /** The same words as on the screen, for `--json`. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      exit: this.exit,
      message: this.message,
      why: this.why,
      evidence: this.evidence,
      log: this.log,
      undone: this.undone,
      suggestions: this.suggestions,
    };
  }
}

export function isFailure(error: unknown, code?: string): error is CliFailure {
  return error instanceof CliFailure && (code === undefined || error.code === code);
}

/** What an operation that the user broke off ends with. */
export function interrupted(what: string): CliFailure {
  return new CliFailure(`${what} was interrupted`, { code: 'INTERRUPTED', exit: EXIT.interrupted });
}
