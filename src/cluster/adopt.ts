/*
 * `rkv cluster create 127.0.0.1:7000 …`: one cluster of nodes that somebody else started, on whatever engine. The nodes
 * must be empty nodes of no cluster; when the making fails they become that again.
 */
import { Prng } from '../base/prng.ts';
import type { SlotRange } from '../base/slot.ts';
import { type Address, formatAddress } from './address.ts';
import { allocateSlots, placeNodes } from './allocate.ts';
import { CliFailure, EXIT } from './failure.ts';
import { type Member, readId } from './formation.ts';
import { endForming, type Forming, formationSteps, startForming } from './formation-steps.ts';
import { type Access, connectNode, type NodeClient } from './node-client.ts';
import { countKeys, numberIn, parseInfo } from './node-facts.ts';
import { warnFewPrimaries } from './plan.ts';
import { type Operation, runSteps, type Step } from './run.ts';

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

/** Pure. `seed` decides between placements of replicas that are equally good. */
export function planAdoption(
  addresses: readonly Address[],
  { replicas, seed = 0 }: { replicas: number; seed?: number | undefined },
): AdoptionPlan {
  const primaries = Math.floor(addresses.length / (replicas + 1));
  const names = addresses.map(formatAddress);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined || primaries < 1) {
    throw new CliFailure(twice === undefined ? 'these are too few nodes' : `node ${twice} is named twice`, {
      code: 'BAD_NODES',
      exit: EXIT.usage,
      why: twice === undefined ? `one primary with ${replicas} replicas needs ${replicas + 1} nodes` : undefined,
    });
  }
  const { shards, score } = placeNodes(addresses, { primaries, replicas, prng: new Prng(seed) });
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

/** Fails with NOT_EMPTY and the reason: keys, or other nodes that it knows. */
export async function checkEmpty(client: NodeClient): Promise<void> {
  const [info, cluster] = await Promise.all([client.text('INFO', 'keyspace'), client.text('CLUSTER', 'INFO')]);
  const keys = countKeys(parseInfo(info));
  const values = parseInfo(cluster);
  const others = (numberIn(values, 'cluster_known_nodes') ?? 1) - 1;
  const slots = numberIn(values, 'cluster_slots_assigned') ?? 0;
  const reasons = [
    ...(keys > 0 ? [`it holds ${keys} keys`] : []),
    ...(others > 0 ? [`it knows ${others} other nodes`] : []),
    ...(slots > 0 ? [`it has ${slots} slots`] : []),
  ];
  if (reasons.length === 0) return;
  const { host, port } = client.address;
  throw new CliFailure(`node ${client.name} is not empty`, {
    code: 'NOT_EMPTY',
    exit: EXIT.conflict,
    why: reasons.join(', '),
    suggestions: [
      ...(keys > 0 ? [`redis-cli -h ${host} -p ${port} flushall     deletes its keys`] : []),
      `redis-cli -h ${host} -p ${port} cluster reset     makes it forget its cluster`,
    ],
  });
}

function nodesStep(plan: AdoptionPlan, access: Access, forming: Forming): Step {
  let isOurs = false;
  return {
    id: 'nodes',
    title: 'nodes empty',
    async run() {
      const clients = plan.nodes.map(({ host, port }) => connectNode({ host, port }, access, QUESTION_MS));
      forming.clients.push(...clients);
      const ids = await Promise.all(clients.map(readId));
      await Promise.all(clients.map(checkEmpty));
      const busPorts = await Promise.all(clients.map(readBusPort));
      isOurs = true;
      const members = new Map<string, Member>();
      // Primaries stand before their replicas in a plan.
      for (const [index, { address, slots, replicaOf }] of plan.nodes.entries()) {
        const primary = replicaOf === null ? null : members.get(replicaOf)!;
        members.set(address, { client: clients[index]!, id: ids[index]!, busPort: busPorts[index]!, slots, primary });
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

async function readBusPort(client: NodeClient): Promise<number> {
  const own = /^\S+ [^ ]*:\d+@(\d+)\S* [^ ]*myself/m.exec(await client.text('CLUSTER', 'NODES'));
  return own === null ? client.address.port + 10_000 : Number(own[1]);
}
