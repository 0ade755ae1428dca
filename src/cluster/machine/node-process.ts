/** What the process of a node is at, by what this machine tells of it. */

import type { ProcessState } from '../node/silence.ts';
import { nodeFiles, nodeFolder, nodePorts } from './layout.ts';
import { findRunning, isPaused } from './process.ts';

/** null where the cluster in this folder has no such node. */
export function processOf(folder: string, port: number): ProcessState | null {
  if (!nodePorts(folder).includes(port)) return null;
  const running = findRunning(nodeFiles(nodeFolder(folder, port)));
  if (running === null) return 'stopped';
  return isPaused(running) ? 'paused' : 'running';
}
