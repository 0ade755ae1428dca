/*
 * Every operation is a list of steps, and every step may know how to take itself back. Whoever shows progress reads one
 * stream of events, whatever the operation: a live view, plain lines in a pipe, or nothing at all.
 */
import { CliFailure, interrupted } from './failure.ts';

export interface StepReport {
  /** One short text that replaces the step's previous one: '4 of 6'. */
  update(text: string): void;
  /** What is being waited for, and how long at most. */
  wait(text: string, left_ms: number): void;
  warn(text: string): void;
}

export interface Step {
  /** Stable, for programs: 'ports', 'servers', … */
  readonly id: string;
  /** Read by a person while it runs: 'servers ready'. */
  readonly title: string;
  /** Answers the detail shown behind the tick: '6 of 6'. */
  run(report: StepReport, signal: AbortSignal): Promise<string>;
  /** What this step, which ran, knows of the failure of itself or of a later one: a better failure, or null. */
  explain?(failure: CliFailure): Promise<CliFailure | null>;
  /** Takes back what `run` made, also when `run` failed half-way; answers what it took back, or '' for nothing. */
  undo?(): Promise<string>;
}

export type Progress =
  | { readonly type: 'begin'; readonly steps: readonly { readonly id: string; readonly title: string }[] }
  | { readonly type: 'start'; readonly step: string; readonly title: string }
  | { readonly type: 'update'; readonly step: string; readonly text: string }
  | { readonly type: 'wait'; readonly step: string; readonly text: string; readonly left_ms: number }
  | { readonly type: 'warning'; readonly text: string }
  | {
      readonly type: 'done';
      readonly step: string;
      readonly title: string;
      readonly text: string;
      readonly took_ms: number;
    }
  | {
      readonly type: 'failed';
      readonly step: string;
      readonly title: string;
      readonly text: string;
      readonly took_ms: number;
    }
  | { readonly type: 'undone'; readonly text: string };

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Leaves everything as it is when a step fails, for whoever wants to look. */
  readonly keepOnFailure?: boolean | undefined;
  /** Named in the failure when the signal fires. */
  readonly what?: string | undefined;
}

/** What every operation of this folder answers: progress to iterate over, and a result as its return value. */
export type Operation<Result> = AsyncGenerator<Progress, Result, void>;

/**
 * Runs steps in order. On failure it undoes what was begun, newest first, and rethrows with `undone` filled in.
 * Events of a running step are handed on as they come, so the consumer sees waits while they last.
 */
export async function* runSteps(steps: readonly Step[], options: RunOptions = {}): Operation<void> {
  const signal = options.signal ?? new AbortController().signal;
  yield { type: 'begin', steps: steps.map(({ id, title }) => ({ id, title })) };
  const begun: Step[] = [];
  for (const step of steps) {
    const started_ms = performance.now();
    begun.push(step);
    yield { type: 'start', step: step.id, title: step.title };
    try {
      if (signal.aborted) throw interrupted(options.what ?? step.title);
      const text = yield* followStep(step, signal);
      if (signal.aborted) throw interrupted(options.what ?? step.title);
      yield { type: 'done', step: step.id, title: step.title, text, took_ms: performance.now() - started_ms };
    } catch (error) {
      const failure = signal.aborted ? interrupted(options.what ?? step.title) : await explain(begun, error);
      const text = failure instanceof Error ? failure.message : String(failure);
      yield { type: 'failed', step: step.id, title: step.title, text, took_ms: performance.now() - started_ms };
      if (!options.keepOnFailure) {
        const undone = await undoSteps(begun);
        if (undone !== '') yield { type: 'undone', text: undone };
        if (failure instanceof CliFailure) failure.undone = undone === '' ? null : undone;
      }
      throw failure;
    }
  }
}

/** Takes an operation to its end and answers its result; for callers that show nothing. */
export async function finish<Result>(operation: Operation<Result>, seen?: (event: Progress) => void): Promise<Result> {
  for (;;) {
    const next = await operation.next();
    if (next.done) return next.value;
    seen?.(next.value);
  }
}

/** Joins the callbacks of a running step to the generator that the consumer pulls. */
async function* followStep(step: Step, signal: AbortSignal): AsyncGenerator<Progress, string, void> {
  const pending: Progress[] = [];
  let wake: () => void = () => {};
  const push = (event: Progress): void => {
    pending.push(event);
    wake();
  };
  const report: StepReport = {
    update: (text) => push({ type: 'update', step: step.id, text }),
    wait: (text, left_ms) => push({ type: 'wait', step: step.id, text, left_ms }),
    warn: (text) => push({ type: 'warning', text }),
  };
  let outcome: { text: string } | { error: unknown } | null = null;
  const running = step.run(report, signal).then(
    (text) => {
      outcome = { text };
      wake();
    },
    (error: unknown) => {
      outcome = { error };
      wake();
    },
  );
  while (outcome === null || pending.length > 0) {
    const event = pending.shift();
    if (event !== undefined) yield event;
    else if (outcome === null) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  await running;
  const ended = outcome as { text: string } | { error: unknown };
  if ('error' in ended) throw ended.error;
  return ended.text;
}

async function explain(begun: readonly Step[], error: unknown): Promise<unknown> {
  if (!(error instanceof CliFailure)) return error;
  for (const step of begun) {
    const better = (await step.explain?.(error)) ?? null;
    if (better !== null) return better;
  }
  return error;
}

/** An undo that fails must not stop the others: what is left behind is told instead. */
async function undoSteps(begun: readonly Step[]): Promise<string> {
  const told: string[] = [];
  for (const step of begun.toReversed()) {
    try {
      const text = (await step.undo?.()) ?? '';
      if (text !== '') told.push(text);
    } catch (error) {
      told.push(`could not undo '${step.title}': ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return told.join(', ');
}
