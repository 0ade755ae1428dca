/** `rkv cluster create`: from a spec to a cluster that runs and agrees, or to nothing at all. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { hasNodes, isThere, lockFile, makeFolder, specFile, unfinishedFile } from '../machine/layout.ts';
import { takeLock } from '../machine/lock.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { type Operation, runSteps } from '../run/run.ts';
import type { ClusterPlan } from '../spec/plan.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import { endForming, startForming } from './formation-steps.ts';
import { nameTaken, preflight } from './preflight.ts';
import { createSteps } from './steps.ts';

export interface CreateOptions {
  readonly home: string;
  /** For everything together. */
  readonly timeout_ms: number;
  readonly keepOnFailure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Fails at once, before there is any progress to follow, where the spec is wrong or the name is taken. */
export function createCluster(spec: ClusterSpec, options: CreateOptions): Operation<ClusterPlan> {
  const plan = preflight(spec, options);
  makeFolder(options.home);
  return create(plan, options);
}

async function* create(plan: ClusterPlan, options: CreateOptions): Operation<ClusterPlan> {
  const { name } = plan;
  const forming = startForming(options.timeout_ms);
  const lock = takeLock(lockFile(plan.folder), `cluster create ${name}`);
  try {
    // Somebody may have been quicker.
    if (isThere(specFile(plan.folder))) throw nameTaken(plan);
    clearFolder(plan);
    for (const text of plan.warnings) yield { type: 'warning', text };
    const what = `creating cluster ${name}`;
    const { signal, keepOnFailure } = options;
    yield* runSteps(createSteps(plan, forming), { signal, keepOnFailure, what });
    rmSync(unfinishedFile(plan.folder), { recursive: true, force: true });
    return plan;
  } finally {
    endForming(forming);
    lock.release();
  }
}

/** What a create makes before its cluster.yaml. */
const OWN_ENTRIES: readonly string[] = ['nodes', 'tls', 'unfinished'];

/** What only a create that was killed can have left goes; anything else is somebody's, and stays. */
function clearFolder({ folder, name }: ClusterPlan): void {
  if (!existsSync(folder)) return;
  if (hasNodes(folder) && !isThere(unfinishedFile(folder))) {
    throw new CliFailure(`the folder of cluster ${name} holds nodes`, {
      code: 'FOLDER_TAKEN',
      exit: EXIT.conflict,
      why: `${folder} has lost its cluster.yaml, but not the nodes and their data`,
      suggestions: [
        `restore ${specFile(folder)} from a backup`,
        `rkv cluster destroy ${name}`,
        'rkv cluster create another',
      ],
    });
  }
  const strangers = readdirSync(folder).filter((entry) => !OWN_ENTRIES.includes(entry));
  if (strangers.length > 0) {
    throw new CliFailure(`the folder for cluster ${name} is not empty`, {
      code: 'FOLDER_TAKEN',
      exit: EXIT.conflict,
      why: `${folder} has no cluster.yaml but contains ${strangers.slice(0, 3).join(', ')}`,
      suggestions: ['choose another name for the cluster', '--home DIR     # uses another folder'],
    });
  }
  rmSync(folder, { recursive: true, force: true });
}
