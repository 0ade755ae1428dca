/** Checks of shards: do replicas follow, are there enough of them, and are the roles those of the plan. */
import { formatRanges, type SlotRange } from '../../base/slot.ts';
import { formatAddress } from '../node/address.ts';
import { type NodePlan, planCluster } from '../spec/plan.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import type { Finding, Verdict } from '../topology/finding.ts';
import type { NodeView, ShardView, Topology } from '../topology/view.ts';
import { note, plural } from './verify-nodes.ts';

/** Less is what a busy replica is behind between two acknowledgements, one a second. */
const LAG_BYTES_WARNING = 16 * 1024 * 1024;

export function checkReplication({ nodes }: Pick<Topology, 'nodes'>): Verdict {
  const replicas = nodes.filter((node) => node.role === 'replica' && node.reachable && node.activity !== 'loading');
  const findings = replicas.flatMap((replica): Finding[] => {
    const primary = nodes.find((node) => node.id === replica.primaryId);
    const at = primary?.address ?? `the unknown node ${replica.primaryId?.slice(0, 8)}`;
    if (primary === undefined) {
      const text = `${replica.address} follows ${at}`;
      return [{ id: 'replication.orphan', severity: 'error', text, evidence: [], command: null }];
    }
    if (replica.replication.syncing) {
      return [note('replication.syncing', `${replica.address} is copying the data of ${at}`)];
    }
    const { link, downReason, refusedCommand } = replica.replication;
    const evidence = downReason === null ? [] : [downReason];
    if (link === 'down' && refusedCommand !== null) {
      const text = `${replica.address} stopped following ${at}: it could not execute ${refusedCommand}`;
      return [{ id: 'replication.refused', severity: 'error', text, evidence, command: null }];
    }
    if (link === 'down') {
      const text = `the link of ${replica.address} to its primary ${at} is down`;
      return [{ id: 'replication.down', severity: 'error', text, evidence, command: null }];
    }
    const lag = replica.replication.lag_bytes ?? 0;
    if (lag < LAG_BYTES_WARNING) return [];
    const text = `${replica.address} is ${lag.toLocaleString('en')} bytes behind ${at}`;
    return [{ id: 'replication.lag', severity: 'warning', text, evidence: [], command: null }];
  });
  const lag = Math.max(0, ...replicas.map((replica) => replica.replication.lag_bytes ?? 0));
  return {
    id: 'replication',
    title: 'replication',
    whenFine:
      replicas.length === 0
        ? 'no replicas'
        : `${plural(replicas.length, 'link', 'links')} up, lag ${lag} bytes at most`,
    findings,
  };
}

export function checkReplicas({ shards, nodes }: Topology, spec: ClusterSpec | null): Verdict {
  const wanted = spec?.replicas ?? Math.min(1, Math.max(0, ...shards.map((shard) => shard.replicas.length)));
  const hosts = new Set(nodes.map((node) => node.host));
  const findings = shards.flatMap((shard) => [
    ...countReplicas(shard, wanted),
    ...(hosts.size > 1 ? findSharedHosts(shard) : []),
  ]);
  const owners = shards.length;
  if (owners === 1 || owners === 2) {
    const text = `${plural(owners, 'primary', 'primaries')}: when one fails, no majority is left to promote a replica`;
    findings.push(note('replicas.majority', text));
  }
  return {
    id: 'replicas',
    title: 'replicas',
    whenFine: wanted === 0 ? 'none requested' : `every shard has ${plural(wanted, 'replica', 'replicas')} or more`,
    findings,
  };
}

/** After failovers the roles are not those of the plan any more: fine, and good to know. */
export function checkPlan({ nodes, shards }: Topology, spec: ClusterSpec | null): Verdict {
  const planned = spec === null ? [] : planCluster(spec, { home: '/' }).nodes;
  const changed = planned.flatMap(({ port, role }): Finding[] => {
    const node = nodes.find((one) => one.port === port);
    if (node === undefined) return [];
    if (!node.reachable || node.role === role || node.role === 'unknown') return [];
    const epoch = node.epoch === null ? '' : ` (epoch ${node.epoch})`;
    return role === 'replica'
      ? [note('plan.promoted', `${node.address} was a replica in the plan and is a primary now${epoch}`)]
      : [note('plan.demoted', `${node.address} was a primary in the plan and is a replica now${epoch}`)];
  });
  const findings = [...changed, ...findSuccessors(shards, planned)];
  return { id: 'plan', title: 'roles', whenFine: spec === null ? 'no plan to compare with' : 'as planned', findings };
}

/** Nodes that were added later stand in no plan: they are told of where they serve what a planned primary served. */
function findSuccessors(shards: readonly ShardView[], planned: readonly NodePlan[]): Finding[] {
  const primaries = shards.map(({ primary }) => primary.port);
  const gone = planned.filter(({ role, port }) => role === 'primary' && !primaries.includes(port));
  return shards.flatMap(({ primary, slots }): Finding[] => {
    if (planned.some(({ port }) => port === primary.port)) return [];
    const former = gone.filter((node) => node.slots.some((one) => slots.some((own) => overlap(one, own))));
    if (former.length === 0) return [];
    const names = former.map(({ host, port }) => formatAddress({ host, port })).join(', ');
    const text = `${primary.address} was added later, and is the primary now of slots that the plan gives to ${names}`;
    return [note('plan.succeeded', text)];
  });
}

function overlap(one: SlotRange, other: SlotRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}

function countReplicas({ number, slots, replicas }: ShardView, wanted: number): Finding[] {
  const working = replicas.filter((replica) => replica.reachable && replica.replication.link === 'up');
  if (working.length >= wanted) return [];
  const text =
    working.length === 0
      ? `shard ${number} has no working replica: the next failure loses slots ${formatRanges(slots)}`
      : `shard ${number} has ${working.length} of ${wanted} replicas`;
  return [{ id: 'replicas.few', severity: 'warning', text, evidence: replicas.map(describe), command: null }];
}

function findSharedHosts({ number, primary, replicas }: ShardView): Finding[] {
  const sharing = replicas.filter((replica) => replica.host === primary.host);
  if (sharing.length === 0) return [];
  const names = sharing.map((replica) => replica.address).join(', ');
  const text = `shard ${number}: ${names} on the host of ${primary.address}: both would be lost together`;
  return [{ id: 'replicas.sameHost', severity: 'warning', text, evidence: [], command: null }];
}

function describe(replica: NodeView): string {
  return `${replica.address}: ${replica.reachable ? `link ${replica.replication.link}` : 'down'}`;
}
