/*
 * `rkv cluster create 127.0.0.1:7000 …`: one cluster of nodes that somebody else started, on whatever engine. The nodes
 * must be empty, and know nobody but each other; when the making fails they are empty nodes of no cluster.
 */

import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { Prng } from '../../base/prng.ts';
import type { SlotRange } from '../../base/slot.ts';
import type { Access } from '../node/access.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { connectNode, type NodeClient } from '../node/client.ts';
import { parseClusterNodes } from '../node/cluster-nodes.ts';
import { countKeys, identify, parseInfo } from '../node/facts.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { type Operation, runSteps, type Step } from '../run/run.ts';
import { affinityScore, allocateSlots, countSlots, placeNodes } from '../spec/allocate.ts';
import { warnOfForeignPrimary } from '../spec/engine-mix.ts';
import { warnFewPrimaries } from '../spec/plan.ts';
import { withCluster } from '../topology/silent-nodes.ts';
import { findOwner } from '../topology/target.ts';
import { placeAround } from './existing-roles.ts';
import { type Member, readId } from './formation.ts';
import { endForming, type Forming, formationSteps, startForming } from './formation-steps.ts';
import { writeForOlder } from './older-engines.ts';

export interface AdoptionPlan {
  readonly version: 1;
  readonly primaries: number;
  readonly nodes: readonly AdoptedNode[];
  /** 0 when no two nodes of a shard share a host. */
  readonly affinityScore: number;
  readonly warnings: readonly string[];
}

export interface AdoptedNode {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly role: 'primary' | 'replica';
  readonly shard: number;
  readonly slots: readonly SlotRange[];
  /** The address of its primary. */
  readonly replicaOf: string | null;
}

export interface AdoptOptions {
  readonly access: Access;
  /** For everything together. */
  readonly timeout_ms: number;
  readonly keepOnFailure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const QUESTION_MS = 10_000;

/** Pure. `seed` decides between placements of replicas that are equally good; `following` says who has a primary already. */
export function planAdoption(
  addresses: readonly Address[],
  {
    replicas,
    seed = 0,
    following = new Map(),
  }: { replicas: number; seed?: number | undefined; following?: ReadonlyMap<string, string> | undefined },
): AdoptionPlan {
  const primaries = Math.floor(addresses.length / (replicas + 1));
  const names = addresses.map(formatAddress);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined || primaries < 1) {
    throw new CliFailure(twice === undefined ? 'too few nodes' : `node ${twice} is listed twice`, {
      code: 'BAD_NODES',
      exit: EXIT.usage,
      why: twice === undefined ? `a primary with ${replicasText(replicas)} needs ${replicas + 1} nodes` : undefined,
      suggestions: twice === undefined ? ['name more nodes', `--replicas ${Math.max(0, addresses.length - 1)}`] : [],
    });
  }
  const shards =
    following.size > 0
      ? placeAround(addresses, { following, primaries })
      : placeNodes(addresses, { primaries, replicas, prng: new Prng(seed) }).shards;
  const score = affinityScore(shards);
  const ranges = allocateSlots(primaries);
  const nodes = shards.flatMap((shard, index) => {
    const node = (address: Address, slots: SlotRange[], replicaOf: string | null): AdoptedNode => ({
      address: formatAddress(address),
      ...address,
      role: replicaOf === null ? 'primary' : 'replica',
      shard: index + 1,
      slots,
      replicaOf,
    });
    const primary = formatAddress(shard.primary);
    return [node(shard.primary, [ranges[index]!], null), ...shard.replicas.map((one) => node(one, [], primary))];
  });
  const hosts = new Set(addresses.map(({ host }) => host));
  const warnings = warnFewPrimaries(primaries);
  if (hosts.size > 1 && score > 0) warnings.push('some nodes of a shard share a host: they would be lost together');
  return { version: 1, primaries, nodes, affinityScore: score, warnings };
}

export async function* adoptNodes(plan: AdoptionPlan, options: AdoptOptions): Operation<AdoptionPlan> {
  for (const text of plan.warnings) yield { type: 'warning', text };
  const forming = startForming(options.timeout_ms);
  try {
    yield* runSteps([nodesStep(plan, options.access, forming), ...formationSteps(forming, plan.nodes)], {
      signal: options.signal,
      keepOnFailure: options.keepOnFailure,
      what: 'the creation of the cluster',
    });
    return plan;
  } finally {
    endForming(forming);
  }
}

/** Fails with NOT_EMPTY and the reason: keys, slots, or nodes that it knows beside those with these ids. */
export async function checkEmpty(client: NodeClient, ids: readonly string[] = []): Promise<void> {
  const [info, nodes] = await Promise.all([client.text('INFO', 'keyspace'), client.text('CLUSTER', 'NODES')]);
  const keys = countKeys(parseInfo(info));
  const seen = parseClusterNodes(nodes);
  const others = seen.filter(({ id, isMyself }) => !isMyself && !ids.includes(id)).length;
  const slots = seen.reduce((sum, node) => sum + countSlots(node.slots), 0);
  const known = [
    ...(others > 0 ? [plural(others, 'other node')] : []),
    ...(slots > 0 ? [`the owners of ${plural(slots, 'slot')}`] : []),
  ];
  const reasons = [
    ...(keys > 0 ? [`it holds ${plural(keys, 'key')}`] : []),
    ...(known.length > 0 ? [`it knows ${known.join(' and ')}`] : []),
  ];
  if (reasons.length === 0) return;
  const { host, port } = client.address;
  throw new CliFailure(`node ${client.name} is not empty`, {
    code: 'NOT_EMPTY',
    exit: EXIT.conflict,
    why: reasons.join(', '),
    suggestions: [
      ...(keys > 0 ? [`redis-cli -h ${host} -p ${port} flushall     # deletes its keys`] : []),
      `redis-cli -h ${host} -p ${port} cluster reset     # makes it forget its cluster`,
    ],
  });
}

function nodesStep(plan: AdoptionPlan, access: Access, forming: Forming): Step {
  let isOurs = false;
  return {
    id: 'nodes',
    title: 'nodes empty',
    async run(report) {
      const clients = plan.nodes.map(({ host, port }) => connectNode({ host, port }, access, QUESTION_MS));
      forming.clients.push(...clients);
      const ids = await Promise.all(clients.map(readId));
      await Promise.all(clients.map((client) => checkEmpty(client, ids)));
      const views = await Promise.all(clients.map((client) => client.text('CLUSTER', 'NODES')));
      const selves = views.map((view) => parseClusterNodes(view).find(({ isMyself }) => isMyself)!);
      const infos = await Promise.all(clients.map((client) => client.text('INFO', 'server')));
      for (const text of foreignPrimaries(plan, infos)) report.warn(text);
      const bundled = clients.filter((_, index) => identify(parseInfo(infos[index]!)).engine === 'rkv');
      const changed = await writeForOlder(clients, { bundled, folder: null, spec: null });
      if (changed !== null) report.warn(changed);
      isOurs = true;
      const members = new Map<string, Member>();
      // Primaries stand before their replicas in a plan.
      for (const [index, { address, slots, replicaOf }] of plan.nodes.entries()) {
        const primary = replicaOf === null ? null : members.get(replicaOf)!;
        const { busPort, primaryId } = selves[index]!;
        const isAttached = primary !== null && primaryId === primary.id;
        members.set(address, { client: clients[index]!, id: ids[index]!, busPort, slots, primary, isAttached });
      }
      forming.members = [...members.values()];
      return `${clients.length} of ${clients.length}`;
    },
    async undo() {
      if (!isOurs) return '';
      await forming.pace?.().catch(() => {});
      const resets = await Promise.allSettled(forming.clients.map((client) => client.call('CLUSTER', 'RESET', 'SOFT')));
      return `${resets.filter(({ status }) => status === 'fulfilled').length} nodes reset`;
    },
  };
}

/** To empty a node that is a part of a cluster of ours would break that one. */
export function refuseOwned(address: Address, home: string): void {
  const owner = findOwner(address, home);
  if (owner === null) return;
  const { name, folder } = owner;
  throw new CliFailure(`${formatAddress(address)} is a node of cluster ${name}`, {
    code: 'NODE_EXISTS',
    exit: EXIT.conflict,
    why: `rkv started it, and keeps its files in ${folder}`,
    suggestions: [
      withCluster('rkv status', name),
      `rkv cluster destroy ${name}     # gives its ports free`,
      'rkv cluster create --cluster another --port auto     # starts other servers',
    ],
  });
}

function foreignPrimaries({ nodes }: AdoptionPlan, infos: readonly string[]): string[] {
  const engines = new Map(nodes.map(({ address }, index) => [address, identify(parseInfo(infos[index]!)).engine]));
  return nodes.flatMap(({ address, replicaOf }) => {
    const engine = replicaOf === null ? 'rkv' : engines.get(replicaOf)!;
    const isForeign = engines.get(address) === 'rkv' && engine !== 'rkv';
    return replicaOf !== null && isForeign ? [warnOfForeignPrimary(address, replicaOf, engine)] : [];
  });
}

function plural(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}

/** Where its bus is, which `cluster-port` may have moved. */
export async function readBusPort(client: NodeClient): Promise<number> {
  const own = /^\S+ [^ ]*:\d+@(\d+)\S* [^ ]*myself/m.exec(await client.text('CLUSTER', 'NODES'));
  return own === null ? client.address.port + BUS_PORT_OFFSET : Number(own[1]);
}

function replicasText(replicas: number): string {
  return replicas === 1 ? 'one replica' : `${replicas} replicas`;
}
