/** Every cluster under a home at a glance, also those that are damaged, or were never finished. */
import { existsSync } from 'node:fs';
import {
  clusterFolder,
  clusterNames,
  lockFile,
  nodeFiles,
  nodeFolder,
  nodePorts,
  specFile,
  unfinishedFile,
} from '../machine/layout.ts';
import { isLocked } from '../machine/lock.ts';
import { findRunning } from '../machine/process.ts';
import { CliFailure } from '../run/failure.ts';
import { readRecord } from '../spec/spec-file.ts';
import { findCluster } from '../topology/target.ts';
import type { Health } from '../topology/view.ts';
import { readTopology } from './topology.ts';

export interface ClusterSummary {
  readonly name: string;
  readonly folder: string;
  /** Its health as `status` has it; stopped: nothing runs. creating: not finished yet. unfinished: its creation was interrupted. damaged: see `problem`. */
  readonly state: Health | 'stopped' | 'creating' | 'unfinished' | 'damaged';
  /** What is wrong with its cluster.yaml, or null. */
  readonly problem: string | null;
  /** null where cluster.yaml cannot be read. */
  readonly engine: string | null;
  readonly host: string | null;
  readonly ports: readonly number[];
  /** Ports of the nodes whose process runs. */
  readonly running: readonly number[];
}

/** For a node to answer: a list is to be there at once. */
const QUESTION_MS = 1000;

export async function listClusters({ home }: { home: string }): Promise<ClusterSummary[]> {
  return await Promise.all(clusterNames(home).map((name) => summarize(home, name)));
}

async function summarize(home: string, name: string): Promise<ClusterSummary> {
  const folder = clusterFolder(home, name);
  const ports = nodePorts(folder);
  const running = ports.filter((port) => findRunning(nodeFiles(nodeFolder(folder, port))) !== null);
  const known = { name, folder, ports, running };
  try {
    const { engine, host } = readRecord(specFile(folder));
    const summary = { ...known, engine, host, problem: null };
    if (existsSync(unfinishedFile(folder))) {
      return { ...summary, state: isLocked(lockFile(folder)) ? 'creating' : 'unfinished' };
    }
    if (running.length === 0) return { ...summary, state: 'stopped' };
    const { state } = await readTopology(findCluster({ home, name }), { timeout_ms: QUESTION_MS });
    return { ...summary, state };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return { ...known, engine: null, host: null, state: 'damaged', problem: error.why ?? error.message };
  }
}
