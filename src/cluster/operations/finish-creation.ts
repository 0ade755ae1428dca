/*
 * A `cluster create` that was killed leaves servers that run, or could run, and are a part of a cluster or none of it yet.
 * What it would have done next can be done again from wherever it was.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { nodeFiles, nodeFolder, unfinishedFile } from '../machine/layout.ts';
import { valueInConf } from '../machine/node-conf.ts';
import { connectNode } from '../node/client.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { type ClusterPlan, planCluster } from '../spec/plan.ts';
import type { ManagedCluster } from '../topology/target.ts';
import { readId } from './formation.ts';
import { endForming, type Forming, formationSteps, startForming } from './formation-steps.ts';
import { membersOf } from './steps.ts';

const QUESTION_MS = 10_000;
/** What a server without the directive has. */
const NODE_TIMEOUT_MS = 15_000;

/** `start` are the steps that start what does not run. Nothing is taken back: the same may be tried again. */
export async function* finishCreation(
  cluster: ManagedCluster,
  start: readonly Step[],
  { timeout_ms, signal }: { readonly timeout_ms: number; readonly signal?: AbortSignal | undefined },
): Operation<void> {
  const plan = planCluster({ ...cluster.spec, name: cluster.name }, { home: dirname(cluster.folder) });
  const forming = startForming(timeout_ms);
  try {
    const steps = [...start, membersStep(cluster, plan, forming), ...formationSteps(forming, plan.nodes)];
    steps.push(timeoutsStep(cluster, forming));
    yield* runSteps(steps, { signal, keepOnFailure: true, what: `the creation of cluster ${cluster.name}` });
    rmSync(unfinishedFile(cluster.folder), { recursive: true, force: true });
  } finally {
    endForming(forming);
  }
}

function membersStep({ access }: ManagedCluster, plan: ClusterPlan, forming: Forming): Step {
  return {
    id: 'nodes',
    title: 'nodes found',
    async run() {
      forming.clients.push(...plan.nodes.map(({ host, port }) => connectNode({ host, port }, access, QUESTION_MS)));
      forming.members = membersOf(plan, forming.clients, await Promise.all(forming.clients.map(readId)));
      return `${plan.nodes.length} of ${plan.nodes.length}`;
    },
  };
}

/** The create had shortened the timeouts of the nodes, and did not live to give them back. */
function timeoutsStep({ folder }: ManagedCluster, { clients }: Forming): Step {
  return {
    id: 'timeouts',
    title: 'timeouts restored',
    async run() {
      await Promise.all(
        clients.map(async (client) => {
          const { config } = nodeFiles(nodeFolder(folder, client.address.port));
          const timeout_ms = valueInConf(config, 'cluster-node-timeout') ?? NODE_TIMEOUT_MS;
          await client.call('CONFIG', 'SET', 'cluster-node-timeout', timeout_ms);
        }),
      );
      return `${clients.length} nodes`;
    },
  };
}
