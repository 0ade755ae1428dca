/*
 * Shows an operation while it runs: live on a terminal, one line for each finished phase in a pipe or in CI, not at all
 * with --json and --quiet. Whoever runs an operation gets its result, or its failure, in all three cases alike.
 */
import { finish, type Operation } from '../cluster/run/run.ts';
import { BLANK, type Line, line, renderLines } from './line.ts';
import {
  advance,
  NOTHING_YET,
  type Phase,
  type ProgressSnapshot,
  phaseLine,
  progressLines,
  warningLines,
} from './progress.ts';
import type { Terminal } from './terminal.ts';

export interface PresentOptions {
  readonly mode: 'live' | 'plain' | 'silent';
  readonly terminal: Terminal;
  readonly stream: NodeJS.WriteStream;
  /** Said first: what is about to happen. */
  readonly heading?: Line;
  /** Warnings are told here, too: they belong into the envelope of --json. */
  readonly onWarning: (text: string) => void;
}

/** Someone who reads a log in CI should see that it is still at work. */
const HEARTBEAT_MS = 10_000;
const REDRAW_MS = 100;

export async function present<Result>(operation: Operation<Result>, options: PresentOptions): Promise<Result> {
  if (options.heading !== undefined && options.mode !== 'silent') {
    options.stream.write(renderLines([options.heading, BLANK], options.terminal));
  }
  const followed = tapWarnings(operation, options.onWarning);
  if (options.mode === 'live') return presentLive(followed, options);
  if (options.mode === 'plain') return presentPlain(followed, options);
  return finish(followed);
}

/**
 * The live view is large code to load, and loading it must not hold up the work: the operation starts at once, and what
 * it said meanwhile is in the snapshot of the first frame.
 */
async function presentLive<Result>(
  operation: Operation<Result>,
  { terminal, stream }: PresentOptions,
): Promise<Result> {
  let snapshot: ProgressSnapshot = NOTHING_YET;
  let ended = false;
  const loading = import('./Live.tsx').then(({ startLive }) => {
    const view = startLive(stream, terminal);
    const draw = (): void => view.show(progressLines(snapshot, { terminal, now_ms: performance.now(), final: ended }));
    draw();
    return { view, draw, timer: setInterval(draw, REDRAW_MS) };
  });
  let failed = false;
  try {
    return await finish(operation, (event) => {
      snapshot = advance(snapshot, event, performance.now());
    });
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    ended = true;
    const { view, draw, timer } = await loading;
    clearInterval(timer);
    draw();
    await view.end();
    if (failed) leaveSpace(snapshot, stream);
  }
}

async function presentPlain<Result>(
  operation: Operation<Result>,
  { terminal, stream }: PresentOptions,
): Promise<Result> {
  let snapshot: ProgressSnapshot = NOTHING_YET;
  const print = (text: Line): void => {
    stream.write(renderLines([text], terminal));
  };
  const heartbeat = setInterval(() => {
    const running = snapshot.entries.find((entry) => entry.kind === 'phase' && entry.status === 'running');
    if (running !== undefined) print(stillAt(running as Phase, terminal));
  }, HEARTBEAT_MS);
  try {
    return await finish(operation, (event) => {
      snapshot = advance(snapshot, event, performance.now());
      if (event.type === 'warning') stream.write(renderLines(warningLines(event.text, terminal), terminal));
      if (event.type !== 'done' && event.type !== 'failed') return;
      const phase = snapshot.entries.findLast((entry) => entry.kind === 'phase' && entry.id === event.step);
      if (phase !== undefined) print(phaseLine(phase as Phase, { terminal, now_ms: performance.now() }));
    });
  } catch (error) {
    leaveSpace(snapshot, stream);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/** The failure that is told next is set off from the phases that led to it. */
function leaveSpace({ entries }: ProgressSnapshot, stream: NodeJS.WriteStream): void {
  if (entries.some((entry) => entry.kind === 'warning' || entry.status !== 'pending')) stream.write('\n');
}

function stillAt(phase: Phase, terminal: Terminal): Line {
  // Animated marks are for screens; in a log each line stands for itself.
  const [, , ...rest] = phaseLine(phase, { terminal, now_ms: performance.now() });
  return line(' ·', ...rest);
}

async function* tapWarnings<Result>(
  operation: Operation<Result>,
  onWarning: (text: string) => void,
): Operation<Result> {
  for (;;) {
    const next = await operation.next();
    if (next.done === true) return next.value;
    if (next.value.type === 'warning') onWarning(next.value.text);
    yield next.value;
  }
}
