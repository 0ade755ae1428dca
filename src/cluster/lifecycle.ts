/*
 * Start, stop, destroy, list. What runs is asked of the processes and of the nodes; the folder only says what could run.
 * Nodes may be stopped and started one by one: the cluster has to live with that anyway.
 */
import { rmSync } from 'node:fs';
import { formatAddress } from './address.ts';
import { whyNotReadyYet } from './conditions.ts';
import { type Deadline, startDeadline, waitUntil } from './deadline.ts';
import { resolveEngine } from './engine.ts';
import { CliFailure, EXIT, isFailure } from './failure.ts';
import { clusterNames, lockFile, type NodeFiles, nodeFiles, nodeFolder, nodePorts } from './layout.ts';
import { takeLock } from './lock.ts';
import { connectNode } from './node-client.ts';
import { checkPorts, claimsOf } from './ports.ts';
import {
  awaitListening,
  findRunning,
  forgetProcess,
  hasEnded,
  launch,
  type RunningProcess,
  sendSignal,
  stopProcess,
} from './process.ts';
import { type Operation, runSteps, type Step, type StepReport } from './run.ts';
import { findCluster, type ManagedCluster } from './target.ts';
import { observe } from './topology.ts';
import { BUS_OFFSET } from './validate.ts';

export interface LifecycleOptions {
  readonly home: string;
  readonly name: string;
  /** Only these nodes; all when left out. */
  readonly ports?: readonly number[] | undefined;
  readonly timeout_ms: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StopOptions extends LifecycleOptions {
  /** Ends the processes at once, and loses what is in memory alone. */
  readonly kill?: boolean | undefined;
}

export interface ChangedNodes {
  readonly cluster: string;
  readonly folder: string;
  readonly changed: readonly number[];
  /** Nodes that were already as wished. */
  readonly unchanged: readonly number[];
}

export interface ClusterSummary {
  readonly name: string;
  readonly folder: string;
  readonly engine: string;
  readonly host: string;
  readonly ports: readonly number[];
  /** Ports of the nodes whose process runs. */
  readonly running: readonly number[];
}

/** What is left of a stop's time after asking nicely, for the kernel to end the process. */
const KILL_RESERVE_MS = 500;
const LOOK_MS = 20;
const QUESTION_MS = 2000;

interface ManagedNode {
  readonly port: number;
  readonly files: NodeFiles;
  readonly running: RunningProcess | null;
}

export async function* startCluster(options: LifecycleOptions): Operation<ChangedNodes> {
  const cluster = findCluster(options);
  const lock = takeLock(lockFile(cluster.folder), `cluster start ${cluster.name}`);
  try {
    const nodes = findNodes(cluster, options.ports);
    const stopped = nodes.filter(({ running }) => running === null);
    const deadline = startDeadline(options.timeout_ms);
    const steps = [
      ...(stopped.length === 0 ? [] : [portsStep(cluster, stopped), serversStep(cluster, stopped, deadline)]),
      readyStep(cluster, nodes, deadline),
    ];
    // Nothing is taken back: a node that cannot start, or is slow to agree, is no reason to take the others down again.
    const what = `the start of cluster ${cluster.name}`;
    yield* runSteps(steps, { signal: options.signal, keepOnFailure: true, what });
    return changedNodes(cluster, nodes, ({ running }) => running === null);
  } finally {
    lock.release();
  }
}

export async function* stopCluster(options: StopOptions): Operation<ChangedNodes> {
  const cluster = findCluster(options);
  const lock = takeLock(lockFile(cluster.folder), `cluster stop ${cluster.name}`);
  try {
    const nodes = findNodes(cluster, options.ports);
    yield* runSteps([stopStep(cluster, nodes, options)], { signal: options.signal, what: 'the stop' });
    return changedNodes(cluster, nodes, ({ running }) => running !== null);
  } finally {
    lock.release();
  }
}

/** Stops everything and removes every file of the cluster. */
export async function* destroyCluster(options: Omit<LifecycleOptions, 'ports'>): Operation<ChangedNodes> {
  const cluster = findCluster(options);
  const lock = takeLock(lockFile(cluster.folder), `cluster destroy ${cluster.name}`);
  try {
    const nodes = findNodes(cluster, undefined);
    const remove: Step = {
      id: 'files',
      title: 'files removed',
      async run() {
        rmSync(cluster.folder, { recursive: true, force: true });
        return cluster.folder;
      },
    };
    const steps = [stopStep(cluster, nodes, { ...options, kill: true }), remove];
    yield* runSteps(steps, { signal: options.signal, what: 'the removal' });
    return changedNodes(cluster, nodes, () => true);
  } finally {
    lock.release();
  }
}

/** Every cluster under a home. A broken cluster.yaml fails: it is to be mended, not passed over. */
export function listClusters({ home }: { home: string }): ClusterSummary[] {
  return clusterNames(home).map((name) => {
    const { folder, spec } = findCluster({ home, name });
    const ports = nodePorts(folder);
    const running = ports.filter((port) => findRunning(nodeFiles(nodeFolder(folder, port))) !== null);
    return { name, folder, engine: spec.engine, host: spec.host, ports, running };
  });
}

/** Sends a signal to the processes of nodes: pause and go on, or a death that nobody announces. */
export function signalNodes(
  { home, name, ports }: Pick<LifecycleOptions, 'home' | 'name' | 'ports'>,
  signal: NodeJS.Signals,
): ChangedNodes {
  const cluster = findCluster({ home, name });
  const nodes = findNodes(cluster, ports);
  return changedNodes(cluster, nodes, ({ running }) => running !== null && sendSignal(running, signal));
}

function findNodes(cluster: ManagedCluster, ports: readonly number[] | undefined): ManagedNode[] {
  const known = nodePorts(cluster.folder);
  const unknown = ports?.find((port) => !known.includes(port));
  if (unknown !== undefined) {
    throw new CliFailure(`cluster ${cluster.name} has no node ${unknown}`, {
      code: 'NO_NODE',
      exit: EXIT.usage,
      why: `its nodes are ${known.join(', ')}`,
    });
  }
  return (ports ?? known).map((port) => {
    const files = nodeFiles(nodeFolder(cluster.folder, port));
    return { port, files, running: findRunning(files) };
  });
}

function portsStep({ spec }: ManagedCluster, nodes: readonly ManagedNode[]): Step {
  return {
    id: 'ports',
    title: 'ports free',
    async run() {
      await checkPorts(claimsOf(nodes.map(({ port }) => ({ host: spec.host, port, busPort: port + BUS_OFFSET }))));
      return nodes.map(({ port }) => port).join(', ');
    },
  };
}

function serversStep({ spec }: ManagedCluster, nodes: readonly ManagedNode[], deadline: Deadline): Step {
  return {
    id: 'servers',
    title: 'servers ready',
    async run(report, signal) {
      let ready = 0;
      await Promise.all(
        nodes.map(async (node) => {
          const engine = resolveEngine(spec.engines[String(node.port)] ?? spec.engine);
          const address = { host: spec.host, port: node.port };
          const process = await launch(engine, { files: node.files, address });
          await awaitListening(process, { deadline, signal });
          report.update(`${++ready} of ${nodes.length}`);
        }),
      );
      return `${ready} of ${nodes.length}`;
    },
  };
}

/** With all nodes there, the whole cluster has to agree; with some, only those have to be in it again. */
function readyStep(cluster: ManagedCluster, nodes: readonly ManagedNode[], deadline: Deadline): Step {
  const isWhole = nodes.length === cluster.addresses.length;
  const names = new Set(nodes.map(({ port }) => formatAddress({ host: cluster.spec.host, port })));
  return {
    id: 'ready',
    title: isWhole ? 'cluster ok' : 'nodes back',
    async run(report, signal) {
      const observer = observe(cluster, { timeout_ms: QUESTION_MS });
      try {
        await waitUntil(
          async () => {
            const topology = await observer.read();
            if (isWhole) return whyNotReadyYet(topology);
            const missing = topology.nodes.find(
              (node) =>
                names.has(node.address) &&
                (!node.reachable || node.activity === 'loading' || node.seenAs.includes('fail')),
            );
            return missing === undefined ? null : `waiting for ${missing.address} to be back in the cluster`;
          },
          { what: 'all nodes are back', deadline, signal, every_ms: LOOK_MS, report: report.wait },
        );
      } finally {
        observer.close();
      }
      return isWhole ? 'all agree' : [...names].join(', ');
    },
  };
}

function stopStep(cluster: ManagedCluster, nodes: readonly ManagedNode[], options: StopOptions): Step {
  const running = nodes.filter((node): node is ManagedNode & { running: RunningProcess } => node.running !== null);
  return {
    id: 'stop',
    title: 'servers stopped',
    async run(report) {
      let stopped = 0;
      await Promise.all(
        running.map(async (node) => {
          if (!options.kill && !(await saveAndStop(cluster, node, options.timeout_ms, report))) {
            report.warn(`node ${node.port} did not save; what was in its memory alone is lost`);
          }
          await stopProcess(node.running, options.kill ? 0 : KILL_RESERVE_MS);
          report.update(`${++stopped} of ${running.length}`);
        }),
      );
      for (const node of nodes) forgetProcess(node.files);
      return running.length === 0 ? 'none was running' : `${stopped} of ${running.length}`;
    },
  };
}

/** Without save points a server forgets its data at SIGTERM; asked like this, it writes them first. */
async function saveAndStop(
  { spec, access }: ManagedCluster,
  { port, running }: { port: number; running: RunningProcess },
  timeout_ms: number,
  report: StepReport,
): Promise<boolean> {
  const client = connectNode({ host: spec.host, port }, access, timeout_ms);
  try {
    await client.call('SHUTDOWN', 'SAVE');
  } catch (error) {
    // The connection ends with the server: no answer is the answer.
    if (isFailure(error, 'NODE_REPLY')) {
      report.warn(`node ${port} refused to save: ${error.why}`);
      return false;
    }
  } finally {
    client.close();
  }
  return await hasEnded(running, timeout_ms);
}

function changedNodes(
  { name, folder }: ManagedCluster,
  nodes: readonly ManagedNode[],
  isChanged: (node: ManagedNode) => boolean,
): ChangedNodes {
  const groups = Map.groupBy(nodes, isChanged);
  const ports = (is: boolean): number[] => (groups.get(is) ?? []).map(({ port }) => port);
  return { cluster: name, folder, changed: ports(true), unchanged: ports(false) };
}
