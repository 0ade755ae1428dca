/** Shows snapshots as they come: redrawn in place on a terminal, otherwise a line for each thing that happened. */
import type { WatchEvent, WatchSnapshot } from '../cluster/observe/watch.ts';
import { renderLines } from './line.ts';
import { glance } from './status.ts';
import type { Terminal } from './terminal.ts';
import { eventLine, watchLines } from './watch.ts';

export interface ShowOptions {
  readonly mode: 'live' | 'plain' | 'silent';
  readonly terminal: Terminal;
  readonly stream: NodeJS.WriteStream;
  /** The person wants to leave the live view. */
  readonly onQuit: () => void;
}

/** What is kept for the envelope of a watch that runs for days. */
const EVENTS_KEPT_MAX = 1000;

/** Answers what happened. */
export async function showWatch(
  snapshots: AsyncIterable<WatchSnapshot>,
  { mode, terminal, stream, onQuit }: ShowOptions,
): Promise<readonly WatchEvent[]> {
  const live = mode === 'live' ? (await import('./Live.tsx')).startLive(stream, terminal, onQuit) : null;
  const seen: WatchEvent[] = [];
  let isFirst = true;
  try {
    for await (const snapshot of snapshots) {
      const last = seen.at(-1);
      const fresh = last === undefined ? snapshot.events : snapshot.events.slice(snapshot.events.lastIndexOf(last) + 1);
      seen.push(...fresh);
      seen.splice(0, seen.length - EVENTS_KEPT_MAX);
      live?.show(watchLines(snapshot, terminal));
      if (mode !== 'plain') continue;
      const lines = [...(isFirst ? [glance(snapshot.topology, terminal)] : []), ...fresh.map(eventLine)];
      stream.write(renderLines(lines, terminal));
      isFirst = false;
    }
  } finally {
    await live?.end();
  }
  return seen;
}
