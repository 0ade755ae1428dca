/** `rkv wait`: until a condition holds, cannot come to hold, or the time is up; then it says what was missing. */

import { lockFile } from '../machine/layout.ts';
import { isLocked } from '../machine/lock.ts';
import { startDeadline, waitUntil } from '../run/deadline.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { isHopeless, nobodyAnswers } from '../topology/silent-nodes.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { Topology } from '../topology/view.ts';
import { parseCondition } from './conditions.ts';
import { observe } from './topology.ts';

export interface WaitOptions {
  readonly timeout_ms: number;
  readonly signal?: AbortSignal | undefined;
}

const LOOK_MS = 50;
/** A node that hangs must not use up the whole wait. */
const QUESTION_MS_MAX = 2000;

export async function* waitFor(target: ClusterTarget, condition: string, options: WaitOptions): Operation<Topology> {
  const whyNot = parseCondition(condition);
  const observer = observe(target, { timeout_ms: Math.min(options.timeout_ms, QUESTION_MS_MAX) });
  let last: Topology | null = null;
  let hasLooked = false;
  const step: Step = {
    id: 'wait',
    title: condition,
    async run(report, signal) {
      await waitUntil(
        async () => {
          last = await observer.read();
          const missing = whyNot(last);
          if (missing !== null && isInVain(last, target)) throw nobodyAnswers(last);
          if (!hasLooked && last.nodes.every(({ silence }) => silence === 'refused'))
            report.warn(whyWait(last, options));
          hasLooked = true;
          return missing;
        },
        {
          what: `waiting for ${condition}`,
          deadline: startDeadline(options.timeout_ms),
          signal,
          every_ms: LOOK_MS,
          report: report.wait,
          get suggestions() {
            return last === null ? undefined : suggestionsFor(last);
          },
        },
      );
      const { nodes } = last as unknown as Topology;
      const answering = nodes.filter(({ reachable }) => reachable).length;
      const all = nodes.length === 1 ? '1 node' : `${nodes.length} nodes`;
      return answering === nodes.length ? all : `${answering} of ${all} answer`;
    },
  };
  try {
    yield* runSteps([step], { signal: options.signal, what: `the wait for ${condition}` });
    return last as unknown as Topology;
  } finally {
    observer.close();
  }
}

/** No process runs, and nobody is about to start one; or none of the nodes will ever let us in. */
function isInVain(topology: Topology, { folder }: ClusterTarget): boolean {
  if (topology.state === 'stopped') return folder !== null && !isLocked(lockFile(folder));
  return isHopeless(topology);
}

/** A server that somebody else is about to start is worth a wait; one that nobody starts is a wrong address. */
function whyWait({ nodes }: Topology, { timeout_ms }: WaitOptions): string {
  const seconds = Math.round(timeout_ms / 100) / 10;
  const names = nodes.map(({ address }) => address).join(', ');
  return `no server listens at ${names}; waiting ${seconds} s at most for one to start`;
}

/** What helps against what is wrong goes before more patience. */
function suggestionsFor({ problems }: Topology): string[] | undefined {
  const commands = problems.flatMap(({ command }) => command ?? []);
  return commands.length === 0 ? undefined : [...new Set(commands)];
}
