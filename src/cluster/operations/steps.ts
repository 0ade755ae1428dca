/*
 * The life of `cluster create`, as steps that can be taken back: ports, files, servers, slots, introductions, replicas,
 * agreement. What the steps share is what a failure has to undo.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Engine, resolveEngine } from '../machine/engine.ts';
import { confirmLaunched } from '../machine/identity.ts';
import { certificateFiles, nodeFiles, specFile, unfinishedFile } from '../machine/layout.ts';
import { checkPorts, claimsOf, whyEphemeral } from '../machine/ports.ts';
import {
  awaitAllListening,
  explainByDeath,
  forgetProcess,
  type Launched,
  launch,
  stopProcess,
} from '../machine/process.ts';
import { connectNode, type NodeClient } from '../node/client.ts';
import type { Step } from '../run/run.ts';
import type { ClusterPlan, NodePlan } from '../spec/plan.ts';
import { writeSpec } from '../spec/spec-file.ts';
import { renderNodeConf } from '../spec/template.ts';
import { accessOf } from '../topology/target.ts';
import { type Member, readId } from './formation.ts';
import { type Forming, formationSteps } from './formation-steps.ts';

/** What one question to a node may take, however much time the whole still has. */
const QUESTION_MS = 10_000;

/** The connections that the steps open are left in `forming`; whoever made it closes them. */
export function createSteps(plan: ClusterPlan, forming: Forming): Step[] {
  return [portsStep(plan.nodes), configsStep(plan), serversStep(plan, forming), ...formationSteps(forming, plan.nodes)];
}

interface Server {
  readonly node: NodePlan;
  readonly launched: Launched;
}

export function portsStep(nodes: readonly NodePlan[]): Step {
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
      writeFileSync(unfinishedFile(plan.folder), '', { mode: 0o600 });
      if (plan.spec.tls) await makeTls(plan);
      for (const [index, node] of plan.nodes.entries()) writeNode(node, configs[index]!);
      writeSpec(specFile(plan.folder), plan.spec);
      const count = `${plan.nodes.length} × node.conf`;
      return plan.spec.tls ? `${count}, certificates of its own CA` : count;
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
  const { makeCertificates } = await import('../machine/certificates.ts');
  await makeCertificates(certificateFiles(plan.folder), [plan.spec.host]);
}

/** `config` is a byte text. */
export function writeNode(node: NodePlan, config: string): void {
  const files = nodeFiles(node.folder);
  mkdirSync(files.data, { recursive: true, mode: 0o700 });
  writeFileSync(files.config, config, { encoding: 'latin1', mode: 0o600 });
}

function serversStep(plan: ClusterPlan, forming: Forming): Step {
  const servers: Server[] = [];
  const { clients } = forming;
  return {
    id: 'servers',
    title: 'servers ready',
    async run(report, signal) {
      const engines = new Map(plan.nodes.map(({ engine }) => [engine, resolveEngine(engine)]));
      await launchAll(plan.nodes, engines, servers);
      const access = accessOf(plan.spec, plan.folder);
      clients.push(...plan.nodes.map(({ host, port }) => connectNode({ host, port }, access, QUESTION_MS)));
      const ready = (count: number): void => report.update(`${count} of ${servers.length}`);
      const launched = servers.map((server) => server.launched);
      await awaitAllListening(launched, { deadline: forming.deadline, signal, ready });
      // Another create may have been quicker: then it is not ours that answers.
      await Promise.all(launched.map((one) => confirmLaunched(clientAt(clients, one.address), one)));
      forming.members = membersOf(plan, clients, await Promise.all(clients.map(readId)));
      return `${servers.length} of ${servers.length}`;
    },
    explain: (failure) =>
      explainByDeath(
        servers.map(({ launched }) => launched),
        failure,
      ),
    async undo() {
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
  servers: Server[],
): Promise<void> {
  const launches = await Promise.allSettled(
    nodes.map(async (node) => {
      const launched = await launch(engines.get(node.engine)!, { files: nodeFiles(node.folder), address: node });
      servers.push({ node, launched });
    }),
  );
  const failed = launches.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function clientAt(clients: readonly NodeClient[], { port }: { readonly port: number }): NodeClient {
  return clients.find(({ address }) => address.port === port)!;
}

/** In the order of the plan, as `clients` and `ids` are. */
export function membersOf(plan: ClusterPlan, clients: readonly NodeClient[], ids: readonly string[]): Member[] {
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
