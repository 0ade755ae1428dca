/*
 * One node less. Its replicas follow another primary first; then every node is told to forget it, within the minute for
 * which they remember not to take it back; then it forgets them, is stopped, and its folder goes. A node that is down can
 * be removed as well: only the others have to forget it. And what a removal that was killed has left can be removed by
 * asking again, also when no other node has heard of the node any more.
 */
import { rmSync } from 'node:fs';
import { formatRanges } from '../../base/slot.ts';
import { findNodeProcess } from '../machine/identity.ts';
import { lockFile, nodeFiles, nodeFolder, nodePorts, specFile } from '../machine/layout.ts';
import { takeLock } from '../machine/lock.ts';
import { isPaused, stopProcess } from '../machine/process.ts';
import { connectNode, type NodeClient } from '../node/client.ts';
import { parseClusterNodes } from '../node/cluster-nodes.ts';
import { readTopology } from '../observe/topology.ts';
import { startDeadline, waitUntil } from '../run/deadline.ts';
import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { writeSpec } from '../spec/spec-file.ts';
import { selectOne } from '../topology/selector.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { nobodyThere } from './add-node.ts';

export interface RemoveOptions {
  /** A selector that names one node. */
  readonly node: string;
  readonly timeout_ms: number;
  readonly signal?: AbortSignal | undefined;
}

export interface RemovedNode {
  readonly address: string;
  readonly port: number;
  /** null for one that nobody knew any more: what was left were its files. */
  readonly id: string | null;
  readonly role: NodeView['role'];
  /** Replicas of the node, and whom they follow now. */
  readonly repointed: readonly { readonly replica: string; readonly primary: string }[];
  /** Nodes that could not be notified: they will remember the node until they are. */
  readonly notTold: readonly string[];
}

const QUESTION_MS = 5000;
const LOOK_MS = 20;
const STOP_GRACE_MS = 3000;

interface Leaving {
  readonly target: ClusterTarget;
  readonly node: NodeView;
  readonly others: readonly { readonly view: NodeView; readonly client: NodeClient }[];
  readonly moves: readonly { readonly replica: NodeView; readonly primary: NodeView }[];
}

export async function* removeNode(target: ClusterTarget, options: RemoveOptions): Operation<RemovedNode> {
  const lock = target.folder === null ? null : takeLock(lockFile(target.folder), `node remove ${options.node}`);
  const clients: NodeClient[] = [];
  try {
    const topology = await readTopology(target, { timeout_ms: Math.min(options.timeout_ms, QUESTION_MS) });
    if (!topology.nodes.some((node) => node.reachable)) throw nobodyThere(target);
    const node = findRemovable(topology, options.node, target);
    const others = topology.nodes
      .filter((other) => other.address !== node.address && other.reachable)
      .map((view) => ({ view, client: connectNode({ host: view.host, port: view.port }, target.access, QUESTION_MS) }));
    clients.push(...others.map(({ client }) => client));
    const leaving: Leaving = { target, node, others, moves: planMoves(topology, node) };
    const deadline = startDeadline(options.timeout_ms);
    const wait = { deadline, every_ms: LOOK_MS };
    const steps = leaving.moves.length === 0 ? [] : [repointStep(leaving, wait)];
    if (node.id !== null) steps.push(forgetStep(leaving, node.id, wait));
    steps.push(leaveStep(leaving));
    // Half a removal is best finished by asking again: nothing of it can be taken back without taking the node in anew.
    yield* runSteps(steps, { signal: options.signal, keepOnFailure: true, what: `the removal of ${node.address}` });
    return {
      address: node.address,
      port: node.port,
      id: node.id,
      role: node.role,
      repointed: leaving.moves.map(({ replica, primary }) => ({ replica: replica.address, primary: primary.address })),
      notTold: topology.nodes.filter((one) => !one.reachable && one.address !== node.address).map((one) => one.address),
    };
  } finally {
    for (const client of clients) client.close();
    lock?.release();
  }
}

/** The node that would be removed, for the question whether it is to be. Fails as the removal would. */
export async function nodeToRemove(target: ClusterTarget, { node, timeout_ms }: RemoveOptions): Promise<NodeView> {
  const topology = await readTopology(target, { timeout_ms: Math.min(timeout_ms, QUESTION_MS) });
  if (!topology.nodes.some(({ reachable }) => reachable)) throw nobodyThere(target);
  return findRemovable(topology, node, target);
}

function findRemovable(topology: Topology, selector: string, { folder }: ClusterTarget): NodeView {
  const node = selectOne(topology, selector);
  const hasFiles = folder !== null && nodePorts(folder).includes(node.port);
  if (node.id === null && !hasFiles) {
    throw new CliFailure(`no node knows ${node.address}`, {
      code: 'NO_NODE',
      exit: EXIT.usage,
      why: 'it does not answer, and no other node has heard of it',
    });
  }
  if (node.slotCount > 0) throw ownsSlots(topology, node);
  if (topology.nodes.every((other) => other === node || !other.reachable)) {
    throw new CliFailure(`${node.address} is the last node that answers`, {
      code: 'LAST_NODE',
      exit: EXIT.refused,
      suggestions: topology.cluster === null ? [] : [`rkv cluster destroy ${topology.cluster}`],
    });
  }
  return node;
}

/** Each replica of the node goes to the primary that has the fewest, never to the node itself. */
function planMoves({ shards, nodes }: Topology, node: NodeView): Leaving['moves'] {
  const counts = new Map(
    shards.filter(({ primary }) => primary.reachable).map(({ primary, replicas }) => [primary, replicas.length]),
  );
  const moves: { replica: NodeView; primary: NodeView }[] = [];
  for (const replica of nodes.filter((one) => one.reachable && one.role === 'replica' && one.primaryId === node.id)) {
    const [fewest] = [...counts].toSorted(([, one], [, other]) => one - other);
    if (fewest === undefined) break;
    counts.set(fewest[0], fewest[1] + 1);
    moves.push({ replica, primary: fewest[0] });
  }
  return moves;
}

interface Waiting {
  readonly deadline: ReturnType<typeof startDeadline>;
  readonly every_ms: number;
}

function repointStep({ moves, others }: Leaving, wait: Waiting): Step {
  return {
    id: 'replicas',
    title: 'replicas moved',
    async run(report, signal) {
      const clientOf = (node: NodeView): NodeClient => others.find(({ view }) => view.id === node.id)!.client;
      await Promise.all(
        moves.map(({ replica, primary }) => clientOf(replica).call('CLUSTER', 'REPLICATE', primary.id!)),
      );
      await waitUntil(
        async () => {
          for (const { replica, primary } of moves) {
            const info = await clientOf(replica).text('INFO', 'replication');
            if (!/^master_link_status:up\r?$/m.test(info))
              return `waiting for ${replica.address} to follow ${primary.address}`;
          }
          return null;
        },
        { what: 'the replicas follow others', ...wait, signal, report: report.wait },
      );
      return moves.map(({ replica, primary }) => `${replica.port} follows ${primary.port}`).join(', ');
    },
  };
}

function forgetStep({ node, others }: Leaving, id: string, wait: Waiting): Step {
  return {
    id: 'forget',
    title: 'node forgotten',
    async run(report, signal) {
      // All at once: one that was told late would tell the first again.
      await waitUntil(
        async () => {
          await Promise.all(others.map(({ client }) => forget(client, id)));
          const views = await Promise.all(others.map(({ client }) => client.text('CLUSTER', 'NODES')));
          const knowing = views.findIndex((view) => parseClusterNodes(view).some((seen) => seen.id === id));
          return knowing < 0 ? null : `waiting for ${others[knowing]!.view.address} to forget ${node.address}`;
        },
        { what: `all nodes forget ${node.address}`, ...wait, signal, report: report.wait },
      );
      return `${others.length} of ${others.length} nodes`;
    },
  };
}

function leaveStep({ target, node }: Leaving): Step {
  return {
    id: 'leave',
    title: 'node gone',
    async run(report) {
      if (node.reachable) await resetNode(node, target, report.warn);
      const { folder, spec } = target;
      if (folder === null || spec === null || !nodePorts(folder).includes(node.port)) {
        return node.reachable ? 'it is still running, empty' : 'it was down';
      }
      const files = nodeFiles(nodeFolder(folder, node.port));
      const running = await findNodeProcess(files, { host: spec.host, port: node.port }, target.access);
      // One that is frozen would let the whole grace pass.
      if (running !== null) await stopProcess(running, isPaused(running) ? 0 : STOP_GRACE_MS);
      rmSync(files.folder, { recursive: true, force: true });
      const { [String(node.port)]: engine, ...engines } = spec.engines;
      if (engine !== undefined) writeSpec(specFile(folder), { ...spec, engines });
      return 'server stopped, files removed';
    },
  };
}

/** Its memory of the others goes too, or it would knock at their doors when it is started again. */
async function resetNode(node: NodeView, target: ClusterTarget, warn: (text: string) => void): Promise<void> {
  const client = connectNode({ host: node.host, port: node.port }, target.access, QUESTION_MS);
  try {
    await client.call('CLUSTER', 'RESET', 'SOFT');
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    warn(`${node.address} did not forget its cluster: ${error.why}`);
  } finally {
    client.close();
  }
}

async function forget(client: NodeClient, id: string): Promise<void> {
  try {
    await client.call('CLUSTER', 'FORGET', id);
  } catch (error) {
    if (!isFailure(error, 'NODE_REPLY') || !/unknown node/i.test(error.why ?? '')) throw error;
  }
}

function ownsSlots(topology: Topology, node: NodeView): CliFailure {
  const replica = topology.nodes.find((one) => one.primaryId === node.id && one.reachable);
  return new CliFailure(
    `${node.address} owns ${node.slotCount.toLocaleString('en')} ${node.slotCount === 1 ? 'slot' : 'slots'}`,
    {
      code: 'OWNS_SLOTS',
      exit: EXIT.refused,
      why: `without it, no node would serve slots ${formatRanges(node.slots)}`,
      suggestions: [
        ...(replica === undefined
          ? []
          : [`rkv cli -p ${replica.port} cluster failover     # makes ${replica.port} the primary`]),
        `redis-cli --cluster reshard ${topology.nodes.find((one) => one.reachable)?.address} --cluster-from ${node.id}`,
      ],
    },
  );
}
