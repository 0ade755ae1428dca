/*
 * Waiting, always with a deadline. A wait says at each look what is still missing; when the time is up, that is the reason
 * the failure gives.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliFailure, EXIT, interrupted, isFailure } from './failure.ts';

export interface Wait {
  /** 'waiting for every node to see every other' */
  readonly what: string;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** Between two looks. */
  readonly every_ms: number;
  /** Told when the answer changes, and once a second. */
  readonly report?: ((text: string, left_ms: number) => void) | undefined;
  /** Facts gathered only when the wait failed: who cannot be reached from here, … */
  readonly evidence?: (() => Promise<readonly string[]>) | undefined;
  readonly suggestions?: readonly string[] | undefined;
}

export interface Deadline {
  /** What was granted in all. */
  readonly timeout_ms: number;
  left_ms(): number;
}

/** People need no more than one line a second while nothing changes. */
const REPEAT_MS = 1000;

export function startDeadline(timeout_ms: number): Deadline {
  const end_ms = performance.now() + timeout_ms;
  return { timeout_ms, left_ms: () => Math.max(0, end_ms - performance.now()) };
}

/** Looks until `missing` answers null; it answers what is still missing otherwise. */
export async function waitUntil(missing: () => Promise<string | null>, wait: Wait): Promise<void> {
  let told = '';
  let told_ms = Number.NEGATIVE_INFINITY;
  for (;;) {
    if (wait.signal.aborted) throw interrupted(wait.what);
    const text = await unlessLoading(missing);
    if (text === null) return;
    const left_ms = wait.deadline.left_ms();
    const now_ms = performance.now();
    if (text !== told || now_ms - told_ms >= REPEAT_MS) {
      wait.report?.(text, left_ms);
      told = text;
      told_ms = now_ms;
    }
    if (left_ms === 0) throw await expired(wait, text);
    await pause(Math.min(wait.every_ms, left_ms), wait.signal);
  }
}

/** Sleeps, and returns at once when the signal fires; the caller looks at the signal itself. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Repeats an action that a node refuses with one of these words, until it accepts. */
export async function retryWhile(refused: RegExp, action: () => Promise<unknown>, wait: Wait): Promise<void> {
  await waitUntil(async () => {
    try {
      await action();
      return null;
    } catch (error) {
      if (isFailure(error, 'NODE_REPLY') && refused.test(error.why ?? '')) return `${wait.what}: ${error.why}`;
      throw error;
    }
  }, wait);
}

/** A replica that takes over a copy refuses most questions for that moment: one more thing to wait for, no failure. */
async function unlessLoading(missing: () => Promise<string | null>): Promise<string | null> {
  try {
    return await missing();
  } catch (error) {
    if (isFailure(error, 'NODE_REPLY') && /^LOADING\b/.test(error.why ?? ''))
      return `waiting: ${error.message} (${error.why})`;
    throw error;
  }
}

async function expired(wait: Wait, text: string): Promise<CliFailure> {
  return new CliFailure(`${wait.what}: timed out after ${formatSeconds(wait.deadline.timeout_ms)}`, {
    code: 'TIMEOUT',
    exit: EXIT.timeout,
    why: text,
    evidence: (await wait.evidence?.()) ?? [],
    suggestions: wait.suggestions ?? [
      `--timeout ${Math.ceil((wait.deadline.timeout_ms / 1000) * 3)}     # waits longer`,
    ],
  });
}

function formatSeconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
