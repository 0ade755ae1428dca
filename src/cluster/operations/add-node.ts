/*
 * One more node: started by us, or started by somebody else and named by its address. It joins as a primary without
 * slots, or as a replica of the primary that was named or that has the fewest.
 */

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { resolveEngine } from '../machine/engine.ts';
import { confirmStarted } from '../machine/identity.ts';
import { lockFile, nodeFiles, nodePorts, specFile } from '../machine/layout.ts';
import { takeLock } from '../machine/lock.ts';
import { whyNotBound } from '../machine/ports.ts';
import {
  awaitListening,
  explainByDeath,
  forgetProcess,
  type Launched,
  launch,
  stopProcess,
} from '../machine/process.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { connectNode, type NodeClient } from '../node/client.ts';
import { countKeys, identify, parseInfo } from '../node/facts.ts';
import { hurryGossip } from '../node/pace.ts';
import { readTopology } from '../observe/topology.ts';
import { type Deadline, startDeadline, waitUntil } from '../run/deadline.ts';
import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { warnOfForeignPrimary } from '../spec/engine-mix.ts';
import { type NodePlan, planNode } from '../spec/plan.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import { writeSpec } from '../spec/spec-file.ts';
import { renderNodeConf } from '../spec/template.ts';
import { selectNodes, selectOne } from '../topology/selector.ts';
import { withCluster } from '../topology/silent-nodes.ts';
import type { ClusterTarget, ManagedCluster } from '../topology/target.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { checkEmpty, readBusPort } from './adopt.ts';
import { attachReplicas, awaitJoined, awaitLinks, introduce, type Member, readId } from './formation.ts';
import { writeForOlder } from './older-engines.ts';
import { portsStep, writeNode } from './steps.ts';

export interface AddOptions {
  /** Where a server of ours is started; the next free port when left out. */
  readonly port?: number | undefined;
  /** A node that runs already, and is to join. */
  readonly address?: Address | undefined;
  /** A selector that names a primary, or 'auto' for the one with the fewest replicas; a primary when left out. */
  readonly replicaOf?: string | undefined;
  /** Another engine than the cluster's. */
  readonly engine?: string | undefined;
  readonly timeout_ms: number;
  readonly keepOnFailure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface AddedNode {
  readonly address: string;
  readonly port: number;
  readonly id: string;
  readonly role: 'primary' | 'replica';
  /** The address of its primary. */
  readonly replicaOf: string | null;
  /** null for nodes that we do not manage. */
  readonly folder: string | null;
}

const QUESTION_MS = 5000;
const PORTS_TRIED_MAX = 200;
/** What FUNCTION DUMP answers where there are none: the footer alone. */
const EMPTY_DUMP_BYTES = 10;

interface Joining {
  readonly target: ClusterTarget;
  readonly topology: Topology;
  readonly primary: NodeView | null;
  readonly deadline: Deadline;
  /** The newcomer last; filled by the step that reaches it. */
  members: Member[];
  readonly clients: NodeClient[];
  pace: (() => Promise<void>) | null;
}

export async function* addNode(target: ClusterTarget, options: AddOptions): Operation<AddedNode> {
  const lock = target.folder === null ? null : takeLock(lockFile(target.folder), `node add ${target.name}`);
  const clients: NodeClient[] = [];
  try {
    const topology = await readTopology(target, { timeout_ms: Math.min(options.timeout_ms, QUESTION_MS) });
    if (!topology.nodes.some((node) => node.reachable)) throw nobodyThere(target);
    const deadline = startDeadline(options.timeout_ms);
    const primary = findPrimary(topology, options.replicaOf);
    const joining: Joining = { target, topology, primary, deadline, members: [], clients, pace: null };
    const own = options.address === undefined ? await planOwn(target, options) : null;
    const address = own === null ? options.address! : { host: own.node.host, port: own.node.port };
    const first = own === null ? [] : [portsStep([own.node]), serverStep(own, joining)];
    const steps = [...first, meetStep(joining, address)];
    if (joining.primary !== null) steps.push(replicaStep(joining));
    steps.push(agreeStep(joining));
    const { signal, keepOnFailure } = options;
    yield* runSteps(steps, { signal, keepOnFailure, what: `adding node ${formatAddress(address)}` });
    return {
      address: formatAddress(address),
      port: address.port,
      id: joining.members.at(-1)!.id,
      role: joining.primary === null ? 'primary' : 'replica',
      replicaOf: joining.primary?.address ?? null,
      folder: own?.node.folder ?? null,
    };
  } finally {
    for (const client of clients) client.close();
    lock?.release();
  }
}

interface OwnNode {
  readonly cluster: ManagedCluster;
  readonly spec: ClusterSpec;
  readonly node: NodePlan;
}

async function planOwn(target: ClusterTarget, options: AddOptions): Promise<OwnNode> {
  if (target.folder === null || target.spec === null || target.name === null) {
    throw new CliFailure('a server can be started only for a cluster that rkv manages', {
      code: 'NOT_MANAGED',
      exit: EXIT.usage,
      suggestions: ['give the address of a node that is already running'],
    });
  }
  const cluster = { ...target, name: target.name, folder: target.folder, spec: target.spec };
  const port = options.port ?? (await findFreePort(cluster));
  const { engine = cluster.spec.engine } = options;
  resolveEngine(engine);
  const isOther = engine !== cluster.spec.engine;
  const engines = { ...cluster.spec.engines, ...(isOther && { [String(port)]: engine }) };
  const spec = { ...cluster.spec, engines };
  const node = planNode(spec, cluster.folder, { port, shard: 0, slots: [], replicaOf: null });
  if (existsSync(node.folder)) {
    throw new CliFailure(`cluster ${cluster.name} already has a node ${port}`, {
      code: 'NODE_EXISTS',
      exit: EXIT.conflict,
      why: `${node.folder} holds its files`,
      suggestions: [`rkv node start ${port}`, '--port auto     # the next free one'],
    });
  }
  return { cluster, spec, node };
}

async function findFreePort({ folder, spec }: ManagedCluster): Promise<number> {
  const first = Math.max(spec.port - 1, ...nodePorts(folder)) + 1;
  for (let port = first; port < first + PORTS_TRIED_MAX && port + BUS_PORT_OFFSET <= 65_535; port++) {
    const { host } = spec;
    const answers = await Promise.all([
      whyNotBound({ host, port }),
      whyNotBound({ host, port: port + BUS_PORT_OFFSET }),
    ]);
    if (answers.every((why) => why === null)) return port;
  }
  throw new CliFailure(`no free port at or above ${first}`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    suggestions: ['rkv cluster list'],
  });
}

function serverStep({ cluster, spec, node }: OwnNode, { deadline }: Joining): Step {
  let launched: Launched | null = null;
  const files = nodeFiles(node.folder);
  return {
    id: 'servers',
    title: 'server ready',
    async run(_report, signal) {
      const config = renderNodeConf(spec, cluster.folder, node);
      mkdirSync(node.folder, { recursive: true, mode: 0o700 });
      writeNode(node, config);
      launched = await launch(resolveEngine(node.engine), { files, address: node });
      await awaitListening(launched, { deadline, signal });
      await confirmStarted(launched, cluster.access);
      // From here on a restart needs to know which engine the node runs on.
      if (spec.engines !== cluster.spec.engines) writeSpec(specFile(cluster.folder), spec);
      return `${node.port}, bus ${node.busPort}`;
    },
    explain: async (failure) => (launched === null ? null : await explainByDeath([launched], failure)),
    async undo() {
      if (launched !== null) await stopProcess(launched, 0);
      forgetProcess(files);
      rmSync(node.folder, { recursive: true, force: true });
      writeSpec(specFile(cluster.folder), cluster.spec);
      return launched === null ? 'files removed' : 'server stopped, files removed';
    },
  };
}

/** Told apart from a node of another cluster: what empties that one would break this one. */
function isMember(node: NodeView, { name }: ClusterTarget): CliFailure {
  const cluster = name === null ? 'this cluster' : `cluster ${name}`;
  return new CliFailure(`${node.address} is a node of ${cluster} already`, {
    code: 'NODE_EXISTS',
    exit: EXIT.conflict,
    suggestions: [withCluster('rkv node list', name ?? node.address)],
  });
}

/** A server without cluster mode can neither join nor keep its data in doing so: that is told before anything else. */
async function readIdOfNew(client: NodeClient, { addresses, name }: ClusterTarget): Promise<string> {
  try {
    return await readId(client);
  } catch (error) {
    if (!isFailure(error, 'NOT_A_CLUSTER_NODE')) throw error;
    const info = parseInfo(await client.text('INFO'));
    const keys = countKeys(info);
    const { host, port } = client.address;
    const [program, file] = [info.get('executable'), info.get('config_file')];
    const restart = `${program || 'redis-server'} ${file ? `${file} ` : ''}--port ${port} --cluster-enabled yes`;
    const to = addresses[0] === undefined ? '' : formatAddress(addresses[0]);
    const held =
      keys === 0
        ? ''
        : `; and it holds ${keys.toLocaleString('en')} ${keys === 1 ? 'key' : 'keys'}, while a node must be empty to join`;
    throw new CliFailure(`${client.name} is a server without cluster mode`, {
      code: 'NOT_A_CLUSTER_NODE',
      exit: EXIT.conflict,
      why: `it was started without \`cluster-enabled yes\`, which cannot be changed while it runs${held}`,
      suggestions: [
        ...(keys > 0
          ? [`redis-cli --cluster import ${to} --cluster-from ${host}:${port} --cluster-copy     # copies its keys`]
          : [`${restart}     # once it has been stopped; then the same command again`]),
        `${withCluster('rkv node add', name ?? to)}     # starts a new server that joins`,
      ],
      cause: error,
    });
  }
}

function meetStep(joining: Joining, address: Address): Step {
  const { target, topology, clients } = joining;
  return {
    id: 'join',
    title: 'node joined',
    async run(report, signal) {
      const client = connectNode(address, target.access, QUESTION_MS);
      clients.push(client);
      const id = await readIdOfNew(client, target);
      const member = topology.nodes.find((node) => node.id === id);
      if (member !== undefined) throw isMember(member, target);
      await checkEmpty(client);
      const others = topology.nodes.filter((node) => node.reachable && node.id !== null);
      const members = others.map((node): Member => {
        const other = connectNode({ host: node.host, port: node.port }, target.access, QUESTION_MS);
        clients.push(other);
        return { client: other, id: node.id!, busPort: node.busPort, slots: node.slots, primary: null };
      });
      const primary = members.find((member) => member.id === joining.primary?.id) ?? null;
      const { engine } = identify(parseInfo(await client.text('INFO', 'server')));
      if (primary !== null && engine === 'rkv' && joining.primary?.engine !== 'rkv') {
        report.warn(
          warnOfForeignPrimary(client.name, primary.client.name, joining.primary?.engine ?? 'another server'),
        );
      }
      const bundled = members.filter((_, i) => others[i]!.engine === 'rkv').map((member) => member.client);
      const changed = await writeForOlder([client], { bundled, folder: target.folder, spec: target.spec });
      if (changed !== null) report.warn(changed);
      const newcomer: Member = { client, id, busPort: await readBusPort(client), slots: [], primary };
      joining.members = [...members, newcomer];
      joining.pace = await hurryGossip([client]);
      if (primary === null) await copyFunctions(members, topology, client);
      await introduce(joining.members, [newcomer]);
      await awaitJoined(joining.members, { report, deadline: joining.deadline, signal }, [newcomer]);
      return `${members.length} nodes see it`;
    },
    async undo() {
      const newcomer = joining.members.at(-1);
      if (newcomer === undefined) return '';
      const others = joining.members.slice(0, -1);
      await Promise.allSettled(others.map(({ client }) => client.call('CLUSTER', 'FORGET', newcomer.id)));
      await newcomer.client.call('CLUSTER', 'RESET', 'SOFT').catch(() => {});
      return 'node forgotten';
    },
  };
}

function replicaStep(joining: Joining): Step {
  return {
    id: 'replicas',
    title: 'replica attached',
    async run(report, signal) {
      const newcomer = joining.members.slice(-1);
      const wait = { report, deadline: joining.deadline, signal };
      await attachReplicas(newcomer, wait);
      await awaitLinks(newcomer, wait);
      return `follows ${joining.primary!.address}`;
    },
  };
}

/** Until the others know its role, and it calls the cluster ok if the cluster was ok before. */
function agreeStep(joining: Joining): Step {
  return {
    id: 'ready',
    title: 'all agree',
    async run(report, signal) {
      const { members, deadline, topology } = joining;
      const newcomer = members.at(-1)!;
      // Flags, then the id of its primary: a role is known when both are.
      const role = joining.primary === null ? 'master\\S* -' : `slave\\S* ${joining.primary.id}`;
      const line = new RegExp(`^${newcomer.id} \\S+ \\S*${role} `, 'm');
      await waitUntil(
        async () => {
          const views = await Promise.all(members.map(({ client }) => client.text('CLUSTER', 'NODES')));
          const other = members[views.findIndex((view) => !line.test(view))];
          if (other !== undefined)
            return `waiting for ${other.client.name} to learn the role of ${newcomer.client.name}`;
          if (topology.state !== 'ok') return null;
          const info = await newcomer.client.text('CLUSTER', 'INFO');
          return /cluster_state:ok/.test(info) ? null : `waiting for ${newcomer.client.name} to call the cluster ok`;
        },
        { what: 'all nodes agree', deadline, signal, every_ms: 20, report: report.wait },
      );
      await joining.pace?.();
      return `${members.length} nodes`;
    },
  };
}

function findPrimary(topology: Topology, replicaOf: string | undefined): NodeView | null {
  if (replicaOf === undefined) return null;
  if (replicaOf === 'auto') {
    const shards = topology.shards.filter(({ primary }) => primary.reachable);
    const fewest = shards.toSorted((one, other) => one.replicas.length - other.replicas.length)[0];
    return fewest?.primary ?? selectNodes(topology, 'primary up')[0]!;
  }
  const node = selectOne(topology, replicaOf);
  if (node.role === 'primary' && node.reachable) return node;
  throw new CliFailure(`${node.address} cannot be replicated`, {
    code: 'NOT_A_PRIMARY',
    exit: EXIT.usage,
    why: node.reachable ? `it is a ${node.role}` : `it does not answer: ${node.error}`,
    suggestions: topology.shards.map(({ primary }) => `--replica-of ${primary.port}`).slice(0, 3),
  });
}

/** A primary must know the functions that clients may call on any of them; a replica copies them with the data. */
async function copyFunctions(members: readonly Member[], topology: Topology, newcomer: NodeClient): Promise<void> {
  const source = members.find(({ id }) => topology.shards.some(({ primary }) => primary.id === id));
  if (source === undefined) return;
  try {
    const dump = await source.client.bytes('FUNCTION', 'DUMP');
    if (!Buffer.isBuffer(dump) || dump.length <= EMPTY_DUMP_BYTES) return;
    await newcomer.call('FUNCTION', 'RESTORE', dump);
  } catch (error) {
    // Servers before 7.0 have no functions to copy.
    if (!isFailure(error, 'NODE_REPLY') || !/unknown command/i.test(error.why ?? '')) throw error;
  }
}

export function nobodyThere({ name, addresses }: ClusterTarget): CliFailure {
  return new CliFailure(name === null ? 'no node answers' : `no node of cluster ${name} answers`, {
    code: 'NODE_UNREACHABLE',
    exit: EXIT.unreachable,
    why: `asked: ${addresses.map(formatAddress).join(', ')}`,
    suggestions: name === null ? [] : [`rkv cluster start${name === 'default' ? '' : ` --cluster ${name}`}`],
  });
}
