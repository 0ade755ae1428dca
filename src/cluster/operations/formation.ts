/*
 * Making one cluster of nodes that run: epochs and slots, introductions, replicas. Used for new clusters, for nodes that
 * somebody else started, and for nodes that join later; so it knows nodes by their connections, and nothing of files.
 *
 * Everything that may overlap does. Every pair is introduced where nodes are few: gossip would spread the word too,
 * but one cron tick (100 ms) per hop later. A replica is attached as soon as it knows its primary.
 */

import { lookup } from 'node:dns/promises';
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import { formatRanges, rangesOf, type SlotRange, SlotSet } from '../../base/slot.ts';
import { accepts } from '../machine/process.ts';
import type { NodeClient } from '../node/client.ts';
import { parseClusterNodes, type SeenNode } from '../node/cluster-nodes.ts';
import { parseInfo } from '../node/facts.ts';
import { type ExpectedMember, whyNotJoined, whyNotReady } from '../node/ready.ts';
import { type Deadline, retryWhile, waitUntil } from '../run/deadline.ts';
import { CliFailure, EXIT, isFailure } from '../run/failure.ts';
import type { StepReport } from '../run/run.ts';

export interface Member {
  readonly client: NodeClient;
  /** As the node names itself. */
  readonly id: string;
  readonly busPort: number;
  readonly slots: readonly SlotRange[];
  /** The member it follows, or null for a primary. */
  readonly primary: Member | null;
  /** It follows that one already. */
  readonly isAttached?: boolean;
}

export interface FormationWait {
  readonly report: StepReport;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
}

/** Up to here every node is introduced to every other: n²/2 messages that cost nothing yet. */
const ALL_TO_ALL_MAX = 32;
const LOOK_MS = 10;
/** An introduction is dropped without a word when the other side does not answer; so it is said again. */
const INTRODUCE_AGAIN_MS = 1500;

/** Every node gets an epoch of its own, which saves the cluster from resolving collisions, and primaries their slots. */
export async function assignSlots(members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(async ({ client, slots }, index) => {
      // Both at once: a connection keeps their order.
      await Promise.all([setEpoch(client, index + 1), slots.length === 0 ? null : addMissingSlots(client, slots)]);
    }),
  );
}

/** A node that has one, or knows others, keeps its epoch; the nodes settle collisions by themselves. */
async function setEpoch(client: NodeClient, epoch: number): Promise<void> {
  try {
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', epoch);
  } catch (error) {
    if (!isFailure(error, 'NODE_REPLY') || !/already non-zero|does not know any other/i.test(error.why ?? ''))
      throw error;
  }
}

/** Introduces newcomers to all and all to them; they are not yet connected when this returns. */
export async function introduce(members: readonly Member[], newcomers: readonly Member[] = members): Promise<void> {
  const hosts = new Map<string, string>();
  for (const { client } of members) {
    const { host } = client.address;
    if (!hosts.has(host)) hosts.set(host, await resolveHost(host));
  }
  const meet = (from: Member, to: Member): Promise<unknown> => {
    const { host, port } = to.client.address;
    const bus = to.busPort === port + BUS_PORT_OFFSET ? [] : [to.busPort];
    return from.client.call('CLUSTER', 'MEET', hosts.get(host)!, port, ...bus);
  };
  await Promise.all(introductions(members, newcomers).map(([from, to]) => meet(from, to)));
}

/** Until every member sees every other one connected, and by its own id. */
export async function awaitJoined(
  members: readonly Member[],
  wait: FormationWait,
  newcomers: readonly Member[] = members,
): Promise<void> {
  let introduced_ms = performance.now();
  const look = lookAround(members, readView, (view, ...order) => whyNotJoined(order.map(nameMember), [view]));
  await waitUntil(
    async () => {
      const why = await look();
      if (why !== null && performance.now() - introduced_ms > INTRODUCE_AGAIN_MS) {
        introduced_ms = performance.now();
        await introduce(members, newcomers);
      }
      return why;
    },
    {
      what: 'every node sees every other',
      ...wait,
      every_ms: lookEvery(members),
      report: wait.report.wait,
      evidence: () => findClosedBuses(members),
    },
  );
}

/** Tells each replica whom to follow, as soon as it knows that node. */
export async function attachReplicas(members: readonly Member[], wait: FormationWait): Promise<void> {
  await Promise.all(
    members.map(async ({ client, primary, isAttached }) => {
      if (primary === null || isAttached) return;
      await retryWhile(/unknown node/i, () => client.call('CLUSTER', 'REPLICATE', primary.id), {
        what: `${client.name} follows ${primary.client.name}`,
        ...wait,
        every_ms: LOOK_MS,
        report: undefined,
      });
    }),
  );
}

/** Until the link of every replica is up. */
export async function awaitLinks(members: readonly Member[], wait: FormationWait): Promise<void> {
  const replicas = members.filter(({ primary }) => primary !== null);
  await waitUntil(
    lookAround(replicas, isLinkUp, (isUp, { client, primary }) =>
      isUp ? null : `waiting for ${client.name} to copy the data of ${primary!.client.name}`,
    ),
    {
      what: 'every replica has its link',
      ...wait,
      every_ms: LOOK_MS,
      report: wait.report.wait,
      evidence: async () => await Promise.all(replicas.map(({ client }) => describeLink(client))),
    },
  );
}

/** Until every member says that the cluster is ok, and all agree on slots, roles and each other. */
export async function awaitReady(members: readonly Member[], wait: FormationWait): Promise<void> {
  const viewAndState = (member: Member) => Promise.all([readView(member), readState(member)]);
  await waitUntil(
    lookAround(members, viewAndState, ([view, state], ...order) => whyNotReady(order.map(expectedOf), [view], [state])),
    {
      what: 'every node agrees',
      ...wait,
      every_ms: lookEvery(members),
      report: wait.report.wait,
      evidence: () => findClosedBuses(members),
    },
  );
}

/**
 * A look at all of them. Once something is missing for one, that one alone is asked until it is not: while a cluster forms,
 * all the asking would keep the nodes from it. `whyNot` gets that member first, then the others.
 */
function lookAround<Seen>(
  members: readonly Member[],
  ask: (member: Member) => Promise<Seen>,
  whyNot: (seen: Seen, ...order: [Member, ...Member[]]) => string | null,
): () => Promise<string | null> {
  let lagging: Member | null = null;
  const whyNotYet = (member: Member, seen: Seen): string | null => {
    const why = whyNot(seen, member, ...members.filter((other) => other !== member));
    lagging = why === null ? null : member;
    return why;
  };
  return async () => {
    if (lagging !== null) {
      const why = whyNotYet(lagging, await ask(lagging));
      if (why !== null) return why;
    }
    const seen = await Promise.all(members.map(ask));
    for (const [index, member] of members.entries()) {
      const why = whyNotYet(member, seen[index]!);
      if (why !== null) return why;
    }
    return null;
  };
}

/** A node's own id; fails with NOT_A_CLUSTER_NODE where cluster mode is off. */
export async function readId(client: NodeClient): Promise<string> {
  try {
    return await client.text('CLUSTER', 'MYID');
  } catch (error) {
    if (!isFailure(error, 'NODE_REPLY')) throw error;
    throw new CliFailure(`node ${client.name} is not a cluster node`, {
      code: 'NOT_A_CLUSTER_NODE',
      exit: EXIT.conflict,
      why: error.why ?? undefined,
      suggestions: ['start it with `cluster-enabled yes`'],
      cause: error,
    });
  }
}

/** A creation that was broken off may have given the node its slots already, or some of them. */
async function addMissingSlots(client: NodeClient, ranges: readonly SlotRange[]): Promise<void> {
  try {
    await addSlots(client, ranges);
  } catch (error) {
    if (!isFailure(error, 'NODE_REPLY') || !/already busy/i.test(error.why ?? '')) throw error;
    const own = parseClusterNodes(await client.text('CLUSTER', 'NODES')).find(({ isMyself }) => isMyself);
    const missing = SlotSet.of(ranges);
    for (const { start, end } of own?.slots ?? []) for (let slot = start; slot <= end; slot++) missing.delete(slot);
    if (missing.count() > 0) await addSlots(client, rangesOf(missing.bitmap));
  }
}

async function addSlots(client: NodeClient, ranges: readonly SlotRange[]): Promise<void> {
  try {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', ...ranges.flatMap(({ start, end }) => [start, end]));
  } catch (error) {
    // Servers before 7.0 know only single slots.
    if (!isFailure(error, 'NODE_REPLY') || !/unknown.*(subcommand|addslotsrange)/i.test(error.why ?? '')) throw error;
    const slots = ranges.flatMap(({ start, end }) =>
      Array.from({ length: end - start + 1 }, (_, index) => start + index),
    );
    await client.call('CLUSTER', 'ADDSLOTS', ...slots);
  }
}

/** CLUSTER MEET takes addresses alone. */
async function resolveHost(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new CliFailure(`the host name ${host} does not resolve to an address`, {
      code: 'BAD_HOST',
      exit: EXIT.unreachable,
      why: (error as Error).message,
      suggestions: ['use the IP address instead'],
      cause: error,
    });
  }
}

/** Bus ports that accept no connection from here: the usual reason why nodes do not find each other. */
async function findClosedBuses(members: readonly Member[]): Promise<string[]> {
  const answers = await Promise.all(
    members.map(async ({ client, busPort }) => {
      const isOpen = await accepts({ host: client.address.host, port: busPort });
      return isOpen ? [] : [`bus port ${busPort} of node ${client.name} cannot be reached from here`];
    }),
  );
  return answers.flat();
}

function nameMember({ client, id, busPort }: Member): { id: string; name: string; busPort: number } {
  return { id, name: client.name, busPort };
}

function expectedOf(member: Member): ExpectedMember {
  return { ...nameMember(member), primaryId: member.primary?.id ?? null, slots: formatRanges(member.slots) };
}

async function readView({ client }: Member): Promise<readonly SeenNode[]> {
  return parseClusterNodes(await client.text('CLUSTER', 'NODES'));
}

async function isLinkUp({ client }: Member): Promise<boolean> {
  return /^master_link_status:up\r?$/m.test(await client.text('INFO', 'replication'));
}

async function describeLink(client: NodeClient): Promise<string> {
  const info = parseInfo(await client.text('INFO', 'replication'));
  const facts = ['role', 'master_link_status', 'master_sync_in_progress'].map((name) => `${name}:${info.get(name)}`);
  return `${client.name} says ${facts.join(', ')}`;
}

async function readState({ client }: Member): Promise<string> {
  return /^cluster_state:(\w+)/m.exec(await client.text('CLUSTER', 'INFO'))?.[1] ?? 'unknown';
}

/** Looking costs n replies of n lines: large clusters are looked at less often. */
function lookEvery(members: readonly Member[]): number {
  return Math.max(LOOK_MS, Math.ceil(members.length ** 2 / 10));
}

function introductions(members: readonly Member[], newcomers: readonly Member[]): [Member, Member][] {
  if (members.length > ALL_TO_ALL_MAX && newcomers.length > 1) {
    // A star and a chain: the word is out in two hops, and no single lost message cuts anyone off.
    const first = members[0]!;
    return members.slice(1).flatMap((to, index): [Member, Member][] => [
      [first, to],
      [members[index]!, to],
    ]);
  }
  // Once for each pair: an introduction makes both known, and a second one costs both a link that is dropped again.
  return members.flatMap((from, index) =>
    members
      .slice(index + 1)
      .filter((to) => newcomers.includes(from) || newcomers.includes(to))
      .map((to): [Member, Member] => [from, to]),
  );
}
