/*
 * The life of `cluster create`, as steps that can be taken back: ports, files, servers, slots, introductions, replicas,
 * agreement. What the steps share is what a failure has to undo.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { formatRanges, SLOTS } from '../base/slot.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { type Engine, resolveEngine } from './engine.ts';
import {
  assignSlots,
  attachReplicas,
  awaitJoined,
  awaitLinks,
  awaitReady,
  type FormationWait,
  introduce,
  type Member,
  readId,
} from './formation.ts';
import { certificateFiles, nodeFiles, specFile } from './layout.ts';
import { connectNode, type NodeClient } from './node-client.ts';
import { hurryGossip } from './pace.ts';
import type { ClusterPlan, NodePlan } from './plan.ts';
import { checkPorts, claimsOf, whyEphemeral } from './ports.ts';
import { awaitListening, forgetProcess, type Launched, launch, stopProcess } from './process.ts';
import type { Step, StepReport } from './run.ts';
import { writeSpec } from './spec-file.ts';
import { accessOf } from './target.ts';
import { renderNodeConf } from './template.ts';

export interface StepsOptions {
  readonly timeout_ms: number;
}

/** What one question to a node may take, however much time the whole still has. */
const QUESTION_MS = 10_000;

export function createSteps(plan: ClusterPlan, { timeout_ms }: StepsOptions): Step[] {
  const shared: Shared = {
    plan,
    deadline: startDeadline(timeout_ms),
    servers: [],
    clients: [],
    members: [],
    pace: null,
  };
  const steps = [portsStep(plan), configsStep(plan), serversStep(shared), slotsStep(shared), joinStep(shared)];
  if (plan.nodes.some((node) => node.replicaOf !== null)) steps.push(replicasStep(shared));
  return [...steps, readyStep(shared)];
}

/** Passed from step to step. */
interface Shared {
  readonly plan: ClusterPlan;
  readonly deadline: Deadline;
  readonly servers: { node: NodePlan; launched: Launched }[];
  readonly clients: NodeClient[];
  members: Member[];
  /** Gives the nodes their own timeout back. */
  pace: (() => Promise<void>) | null;
}

function portsStep({ nodes }: ClusterPlan): Step {
  return {
    id: 'ports',
    title: 'ports free',
    async run(report) {
      const claims = claimsOf(nodes);
      const ephemeral = whyEphemeral(claims);
      if (ephemeral !== '') report.warn(ephemeral);
      await checkPorts(claims);
      const [first, last] = [nodes[0]!, nodes.at(-1)!];
      return nodes.length === 1
        ? `${first.port}, bus ${first.busPort}`
        : `${first.port}-${last.port}, bus ${first.busPort}-${last.busPort}`;
    },
  };
}

function configsStep(plan: ClusterPlan): Step {
  let isMade = false;
  return {
    id: 'configs',
    title: 'configs rendered',
    async run() {
      // All are rendered before the first is written: a mistake in a template leaves nothing behind.
      const configs = plan.nodes.map((node) => renderNodeConf(plan.spec, plan.folder, node));
      isMade = true;
      mkdirSync(plan.folder, { recursive: true, mode: 0o700 });
      if (plan.spec.tls) await makeTls(plan);
      for (const [index, node] of plan.nodes.entries()) writeNode(node, configs[index]!);
      writeSpec(specFile(plan.folder), plan.spec);
      const count = `${plan.nodes.length} × node.conf`;
      return plan.spec.tls ? `${count}, certificates of an own CA` : count;
    },
    async undo() {
      if (!isMade) return '';
      rmSync(plan.folder, { recursive: true, force: true });
      return 'files removed';
    },
  };
}

async function makeTls(plan: ClusterPlan): Promise<void> {
  // Loaded only here: it is heavy, and most clusters do without.
  const { makeCertificates } = await import('./certificates.ts');
  await makeCertificates(certificateFiles(plan.folder), [plan.spec.host]);
}

export function writeNode(node: NodePlan, config: string): void {
  const files = nodeFiles(node.folder);
  mkdirSync(files.data, { recursive: true, mode: 0o700 });
  writeFileSync(files.config, config, { mode: 0o600 });
}

function serversStep(shared: Shared): Step {
  const { plan, servers, clients, deadline } = shared;
  return {
    id: 'servers',
    title: 'servers ready',
    async run(report, signal) {
      const engines = new Map(plan.nodes.map(({ engine }) => [engine, resolveEngine(engine)]));
      await launchAll(plan.nodes, engines, servers);
      let ready = 0;
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      try {
        await Promise.all(
          servers.map(async ({ node, launched }) => {
            const address = { host: node.host, port: node.port };
            await awaitListening(launched, { address, files: nodeFiles(node.folder), deadline, signal: either });
            report.update(`${++ready} of ${servers.length}`);
          }),
        );
      } finally {
        // The first that fails ends the wait for all others.
        stop.abort();
      }
      const access = accessOf(plan.spec, plan.folder);
      clients.push(...plan.nodes.map(({ host, port }) => connectNode({ host, port }, access, QUESTION_MS)));
      const ids = await Promise.all(clients.map(readId));
      shared.members = membersOf(plan, clients, ids);
      return `${ready} of ${servers.length}`;
    },
    async undo() {
      for (const client of clients) client.close();
      // Nothing is in them that anyone could miss.
      await Promise.all(servers.map(({ launched }) => stopProcess(launched, 0)));
      for (const { node } of servers) forgetProcess(nodeFiles(node.folder));
      return servers.length === 0 ? '' : `${servers.length} server${servers.length === 1 ? '' : 's'} stopped`;
    },
  };
}

/** Every launch is awaited even when one fails: only what is known can be stopped again. */
async function launchAll(
  nodes: readonly NodePlan[],
  engines: ReadonlyMap<string, Engine>,
  servers: { node: NodePlan; launched: Launched }[],
): Promise<void> {
  const launches = await Promise.allSettled(
    nodes.map(async (node) => {
      const launched = await launch(engines.get(node.engine)!, nodeFiles(node.folder));
      servers.push({ node, launched });
    }),
  );
  const failed = launches.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function membersOf(plan: ClusterPlan, clients: readonly NodeClient[], ids: readonly string[]): Member[] {
  const byPort = new Map<number, Member>();
  const memberOf = (node: NodePlan): Member => {
    const known = byPort.get(node.port);
    if (known !== undefined) return known;
    const index = plan.nodes.indexOf(node);
    const primary = plan.nodes.find(({ port }) => port === node.replicaOf);
    const member: Member = {
      client: clients[index]!,
      id: ids[index]!,
      busPort: node.busPort,
      slots: node.slots,
      primary: primary === undefined ? null : memberOf(primary),
    };
    byPort.set(node.port, member);
    return member;
  };
  return plan.nodes.map(memberOf);
}

function slotsStep(shared: Shared): Step {
  return {
    id: 'slots',
    title: 'slots assigned',
    async run() {
      shared.pace = await hurryGossip(shared.clients);
      await assignSlots(shared.members);
      const owners = shared.members.filter(({ slots }) => slots.length > 0);
      return `${SLOTS} over ${owners.length} ${owners.length === 1 ? 'primary' : 'primaries'}`;
    },
  };
}

function joinStep(shared: Shared): Step {
  return {
    id: 'join',
    title: 'nodes joined',
    async run(report, signal) {
      const wait: FormationWait = { report, deadline: shared.deadline, signal };
      await introduce(shared.members);
      // A replica need not wait until everyone has met everyone.
      await Promise.all([awaitJoined(shared.members, wait), attachReplicas(shared.members, wait)]);
      return 'every node sees every other';
    },
  };
}

function replicasStep(shared: Shared): Step {
  return {
    id: 'replicas',
    title: 'replicas attached',
    async run(report: StepReport, signal) {
      await awaitLinks(shared.members, { report, deadline: shared.deadline, signal });
      const count = shared.members.filter(({ primary }) => primary !== null).length;
      return count === 1 ? '1 link up' : `${count} links up`;
    },
  };
}

function readyStep(shared: Shared): Step {
  return {
    id: 'ready',
    title: 'cluster ok',
    async run(report, signal) {
      await awaitReady(shared.members, { report, deadline: shared.deadline, signal });
      await shared.pace?.();
      for (const client of shared.clients) client.close();
      return `all agree: ${shared.members
        .filter(({ slots }) => slots.length > 0)
        .map(({ slots }) => formatRanges(slots))
        .join(', ')}`;
    },
  };
}
