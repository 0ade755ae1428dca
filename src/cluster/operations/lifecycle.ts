/*
 * Start, stop, destroy, list. What runs is asked of the processes and of the nodes; the folder only says what could run.
 * Nodes may be stopped and started one by one: the cluster has to live with that anyway.
 */

import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { resolveEngine } from '../machine/engine.ts';
import { confirmStarted } from '../machine/identity.ts';
import { lockFile, ownParts } from '../machine/layout.ts';
import { takeLock } from '../machine/lock.ts';
import { checkConf } from '../machine/node-conf.ts';
import { checkPorts, claimsOf } from '../machine/ports.ts';
import {
  awaitListening,
  forgetProcess,
  hasEnded,
  isAlive,
  isPaused,
  launch,
  type RunningProcess,
  sendSignal,
  stopProcess,
} from '../machine/process.ts';
import { formatAddress } from '../node/address.ts';
import { connectNode } from '../node/client.ts';
import { whyNotReadyYet } from '../observe/conditions.ts';
import { observe } from '../observe/topology.ts';
import { type Deadline, pause, startDeadline, waitUntil } from '../run/deadline.ts';
import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { withCluster } from '../topology/silent-nodes.ts';
import { findCluster, findRemains, type ManagedCluster } from '../topology/target.ts';
import { finishCreation } from './finish-creation.ts';
import { type ChangedNodes, changedNodes, findNodes, type ManagedNode } from './managed-nodes.ts';
import { awaitTakenOver, mayComeBackEmpty } from './safe-start.ts';

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

/** What is left of a stop's time after asking nicely, for the kernel to end the process. */
const KILL_RESERVE_MS = 500;
/** The kernel takes a killed process down by itself, however long that takes when it was large. */
const KILLED_MS = 10_000;
/** Between a signal and what it does. */
const SIGNALLED_MS = 1000;
/** A server that was killed may have been writing a file when its folder is removed. */
const RETRIES = 3;
const LOOK_MS = 20;
const QUESTION_MS = 2000;

export async function* startCluster(options: LifecycleOptions): Operation<ChangedNodes> {
  const cluster = findCluster(options);
  const lock = takeLock(lockFile(cluster.folder), `cluster start ${cluster.name}`);
  try {
    const nodes = await findNodes({ ...cluster, host: cluster.spec.host }, options.ports);
    if (nodes.length === 0) throw withoutNodes(cluster);
    refusePaused(cluster, nodes);
    const stopped = nodes.filter(({ running }) => running === null);
    const deadline = startDeadline(options.timeout_ms);
    const started = stopped.length === 0 ? [] : [portsStep(cluster, stopped), serversStep(cluster, stopped, deadline)];
    if (options.ports === undefined && cluster.isUnfinished) {
      yield* finishCreation(cluster, started, options);
      return changedNodes(cluster, nodes, () => true);
    }
    const steps = [...started, readyStep(cluster, nodes, deadline)];
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
    const nodes = await findNodes({ ...cluster, host: cluster.spec.host }, options.ports);
    const step = options.kill ? killStep(nodes, options.timeout_ms) : stopStep(cluster, nodes, options);
    yield* runSteps([step], { signal: options.signal, what: 'the stop' });
    return changedNodes(cluster, nodes, ({ running }) => running !== null);
  } finally {
    lock.release();
  }
}

/** Stops everything and removes every file of the cluster, also of one that is damaged or was never finished. */
export async function* destroyCluster(options: Omit<LifecycleOptions, 'ports'>): Operation<ChangedNodes> {
  const cluster = findRemains(options);
  const lock = takeLock(lockFile(cluster.folder), `cluster destroy ${cluster.name}`);
  try {
    const nodes = await findNodes(cluster, undefined);
    const remove: Step = {
      id: 'files',
      title: 'files removed',
      async run() {
        removeCluster(cluster.folder);
        return cluster.folder;
      },
    };
    yield* runSteps([killStep(nodes, options.timeout_ms), remove], { signal: options.signal, what: 'the removal' });
    return changedNodes(cluster, nodes, () => true);
  } finally {
    lock.release();
  }
}

/** Where the folder is a link, others may have files in the one that it leads to: there only what is ours goes. */
function removeCluster(folder: string): void {
  const remove = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: RETRIES });
  if (lstatSync(folder).isSymbolicLink()) {
    const real = realpathSync(folder);
    for (const path of ownParts(real)) remove(path);
    if (readdirSync(real).length === 0) rmdirSync(real);
  }
  remove(folder);
}

/** Sends a signal to the processes of nodes: pause and go on, or a death that nobody announces. */
export async function signalNodes(
  { home, name, ports }: Pick<LifecycleOptions, 'home' | 'name' | 'ports'>,
  signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL',
): Promise<ChangedNodes> {
  const cluster = findCluster({ home, name });
  const nodes = await findNodes({ ...cluster, host: cluster.spec.host }, ports);
  const isMeant = ({ state }: ManagedNode): boolean =>
    signal === 'SIGKILL' ? state !== 'stopped' : state === (signal === 'SIGSTOP' ? 'running' : 'paused');
  const changed = changedNodes(
    cluster,
    nodes,
    (node) => isMeant(node) && node.running !== null && sendSignal(node.running, signal),
  );
  // Whoever looks next must find them so.
  const signalled = runningOf(nodes).filter(({ port }) => changed.changed.includes(port));
  await Promise.all(signalled.map(({ running }) => hasTakenEffect(running, signal)));
  return changed;
}

async function hasTakenEffect(running: RunningProcess, signal: NodeJS.Signals): Promise<void> {
  if (signal === 'SIGKILL') return void (await hasEnded(running, KILLED_MS));
  const deadline = startDeadline(SIGNALLED_MS);
  while (isAlive(running) && isPaused(running) !== (signal === 'SIGSTOP') && deadline.left_ms() > 0) {
    await pause(LOOK_MS, new AbortController().signal);
  }
}

/** One that is paused runs, and so cannot be started; and nothing waits for it in vain. */
function refusePaused({ name }: ManagedCluster, nodes: readonly ManagedNode[]): void {
  const paused = nodes.filter(({ state }) => state === 'paused');
  if (paused.length === 0) return;
  const ports = paused.map(({ port }) => port);
  const them = ports.length === 1 ? `node ${ports[0]} is` : `nodes ${ports.join(', ')} are`;
  throw new CliFailure(`${them} paused`, {
    code: 'NODE_PAUSED',
    exit: EXIT.conflict,
    why: `${paused.map(({ running }) => `process ${running?.pid}`).join(', ')} was frozen by SIGSTOP: a start does not end that`,
    suggestions: [withCluster(`rkv node resume ${ports.join(' ')}`, name)],
  });
}

function withoutNodes({ name, folder }: ManagedCluster): CliFailure {
  return new CliFailure(`cluster ${name} has no nodes`, {
    code: 'BROKEN_CLUSTER',
    exit: EXIT.conflict,
    why: `${folder} holds no folder of a node`,
    suggestions: [`rkv cluster destroy ${name}`],
  });
}

function portsStep({ spec }: ManagedCluster, nodes: readonly ManagedNode[]): Step {
  return {
    id: 'ports',
    title: 'ports free',
    async run() {
      await checkPorts(claimsOf(nodes.map(({ port }) => ({ host: spec.host, port, busPort: port + BUS_PORT_OFFSET }))));
      return nodes.map(({ port }) => port).join(', ');
    },
  };
}

function serversStep(cluster: ManagedCluster, nodes: readonly ManagedNode[], deadline: Deadline): Step {
  const { spec } = cluster;
  // A stop that saved has removed the pid file.
  const later = nodes.filter(({ files }) => mayComeBackEmpty(files, { died: existsSync(files.pid) }));
  const atOnce = nodes.filter((node) => !later.includes(node));
  return {
    id: 'servers',
    title: 'servers ready',
    async run(report, signal) {
      let ready = 0;
      const start = async (node: ManagedNode): Promise<void> => {
        checkConf(node.files.config, { port: node.port, name: cluster.name });
        const engine = resolveEngine(spec.engines[String(node.port)] ?? spec.engine);
        const address = { host: spec.host, port: node.port };
        const process = await launch(engine, { files: node.files, address });
        await awaitListening(process, { deadline, signal });
        await confirmStarted(process, cluster.access);
        report.update(`${++ready} of ${nodes.length}`);
      };
      await Promise.all(atOnce.map(start));
      // Those that are there already may be the majority that elects a replica.
      const ports = later.map(({ port }) => port);
      await awaitTakenOver(cluster, ports, { deadline, signal, report });
      await Promise.all(later.map(start));
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

type RunningNode = ManagedNode & { readonly running: RunningProcess };

function stopStep(cluster: ManagedCluster, nodes: readonly ManagedNode[], { timeout_ms }: StopOptions): Step {
  const running = runningOf(nodes);
  return {
    id: 'stop',
    title: 'servers stopped',
    async run(report) {
      const deadline = startDeadline(timeout_ms);
      let stopped = 0;
      await Promise.all(
        running.map(async (node) => {
          // One that is frozen can neither save nor end.
          if (isPaused(node.running)) sendSignal(node.running, 'SIGCONT');
          const whyNotSaved = await saveAndStop(cluster, node, deadline);
          if (whyNotSaved !== null) {
            report.warn(`node ${node.port} did not save (${whyNotSaved}): data that existed only in memory is lost`);
          }
          await stopProcess(node.running, Math.min(KILL_RESERVE_MS, deadline.left_ms()));
          if (whyNotSaved === null) forgetProcess(node.files);
          report.update(`${++stopped} of ${running.length}`);
        }),
      );
      return running.length === 0 ? 'none were running' : `${stopped} of ${running.length}`;
    },
  };
}

/** Ends the processes at once. Their pid files stay, as after a crash: nothing was saved. */
function killStep(nodes: readonly ManagedNode[], timeout_ms: number): Step {
  const running = runningOf(nodes);
  return {
    id: 'stop',
    title: 'servers stopped',
    async run() {
      await Promise.all(running.map((node) => stopProcess(node.running, 0, timeout_ms)));
      return running.length === 0 ? 'none were running' : `${running.length} of ${running.length}`;
    },
  };
}

function runningOf(nodes: readonly ManagedNode[]): RunningNode[] {
  return nodes.filter((node): node is RunningNode => node.running !== null);
}

/** Without save points a server forgets its data at SIGTERM; asked like this, it writes them first. null when it did. */
async function saveAndStop(
  { spec, access }: ManagedCluster,
  { port, running }: RunningNode,
  deadline: Deadline,
): Promise<string | null> {
  const client = connectNode({ host: spec.host, port }, access, deadline.left_ms());
  try {
    await client.call('SHUTDOWN', 'SAVE');
  } catch (error) {
    // The connection ends with the server: no answer is the answer.
    if (isFailure(error, 'NODE_REPLY')) return error.why ?? error.message;
  } finally {
    client.close();
  }
  return (await hasEnded(running, deadline.left_ms())) ? null : 'it did not stop in time';
}
