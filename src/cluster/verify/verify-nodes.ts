/** Checks of what single nodes say: can they be asked, is the cluster ok to them, are all slots served, is any open. */
import { formatRanges, rangesOf, SLOTS, SlotSet } from '../../base/slot.ts';
import type { ClusterSpec } from '../spec/spec.ts';
import type { Finding, Verdict } from '../topology/finding.ts';
import { remediesFor } from '../topology/silent-nodes.ts';
import type { NodeView, Topology } from '../topology/view.ts';

export function checkReachable({ nodes, cluster }: Pick<Topology, 'nodes' | 'cluster'>): Verdict {
  const isStopped = nodes.length > 1 && nodes.every(({ silence }) => silence === 'stopped');
  if (isStopped) return { ...REACHABLE, whenFine: '', findings: [stoppedAltogether({ nodes, cluster })] };
  const commands = remediesFor({ nodes, cluster });
  const findings = nodes.flatMap((node): Finding[] => {
    if (node.reachable && node.activity !== 'loading') return sayIll(node, nodes);
    if (node.reachable) {
      return [note('reachable.loading', `${node.address} is loading its data from disk`)];
    }
    const sayFail = nodes.filter((other) => seenFlags(other, node).includes('fail')).length;
    const others = sayFail === 0 ? '' : `, ${plural(sayFail, 'node says', 'nodes say')} fail`;
    const owns = node.slotCount === 0 ? '' : ` (slots ${formatRanges(node.slots)})`;
    return [
      {
        id: 'reachable.down',
        severity: 'error',
        text: `${node.address} ${whatIsWrong(node)}${owns}${others}`,
        evidence: node.error === null ? [] : [node.error],
        command: commands.get(node) ?? null,
      },
    ];
  });
  return {
    ...REACHABLE,
    whenFine: `${plural(nodes.length, 'node answers', 'nodes answer')}`,
    findings,
  };
}

/** A server that refuses us, or belongs to no cluster, answers all the same. */
function whatIsWrong({ silence }: NodeView): string {
  if (silence === 'denied') return 'denies access';
  return silence === 'plain' ? 'is not a node of a cluster' : 'does not answer';
}

const REACHABLE = { id: 'reachable', title: 'reachable' };

/** The same line for each of them would say no more. */
function stoppedAltogether({ nodes, cluster }: Pick<Topology, 'nodes' | 'cluster'>): Finding {
  const [command = null] = remediesFor({ nodes, cluster }).values();
  const text = `none of the ${nodes.length} servers runs`;
  return { id: 'reachable.stopped', severity: 'error', text, evidence: [], command };
}

export function checkState({ nodes }: Pick<Topology, 'nodes'>): Verdict {
  const failing = nodes.filter((node) => node.clusterState === 'fail');
  const reached = nodes.filter((node) => node.clusterState !== null);
  const text =
    failing.length === reached.length
      ? 'every node says that the cluster is down'
      : `${failing.map((node) => node.address).join(', ')} ${failing.length === 1 ? 'says' : 'say'} that the cluster is down`;
  const findings: Finding[] =
    failing.length === 0
      ? []
      : [
          {
            id: 'state.fail',
            severity: 'error',
            text,
            evidence: [
              'a node says so while a slot has no owner, or while it cannot reach a majority of the primaries',
            ],
            command: null,
          },
        ];
  return {
    id: 'state',
    title: 'state',
    whenFine: `cluster_state is ok on ${plural(reached.length, 'node', 'nodes')}`,
    findings,
  };
}

export function checkCoverage({ shards }: Pick<Topology, 'shards'>): Verdict {
  const assigned = SlotSet.of(shards.flatMap(({ slots }) => slots));
  const missing = new SlotSet();
  for (let slot = 0; slot < SLOTS; slot++) if (!assigned.has(slot)) missing.add(slot);
  const findings: Finding[] = [];
  if (missing.count() > 0) {
    findings.push({
      id: 'coverage.unassigned',
      severity: 'error',
      text: `${plural(missing.count(), 'slot belongs', 'slots belong')} to no node: ${formatRanges(rangesOf(missing.bitmap))}`,
      evidence: [],
      command: null,
    });
  }
  for (const { primary, slots, number, replicas } of shards) {
    if (primary.reachable) continue;
    const waiting = replicas.filter((replica) => replica.reachable).map((replica) => replica.address);
    findings.push({
      id: 'coverage.unserved',
      severity: 'error',
      text: `slots ${formatRanges(slots)} of shard ${number} are not served: ${primary.address} is down`,
      evidence: waiting.length === 0 ? ['no replica can take over'] : [`could take over: ${waiting.join(', ')}`],
      command: null,
    });
  }
  const count = SLOTS.toLocaleString('en');
  return { id: 'coverage', title: 'coverage', whenFine: `${count} of ${count} slots served`, findings };
}

export function checkOpenSlots({ nodes }: Topology): Verdict {
  const nameOf = (id: string): string =>
    nodes.find((node) => node.id === id)?.address ?? `the unknown node ${id.slice(0, 8)}`;
  const findings = nodes.flatMap((node) =>
    node.open.map(
      ({ slot, direction, peer }): Finding => ({
        id: 'slots.open',
        severity: 'warning',
        text:
          direction === 'migrating'
            ? `slot ${slot} is migrating from ${node.address} to ${nameOf(peer)}`
            : `slot ${slot} is being imported by ${node.address} from ${nameOf(peer)}`,
        evidence: ['normal while slots are being moved; otherwise a move was interrupted'],
        command: null,
      }),
    ),
  );
  return { id: 'slots', title: 'open slots', whenFine: 'no slots are migrating', findings };
}

/** A primary that keeps nothing on disk comes back empty, and then its replicas are emptied, too. */
export function checkPersistence({ shards }: Topology): Verdict {
  const primaries = shards.map(({ primary }) => primary);
  const bare = primaries.filter(({ config }) => config?.appendonly === 'no' && config.save === '');
  const findings: Finding[] = bare.map(({ address }) => ({
    id: 'persistence.none',
    severity: 'warning',
    text: `primary ${address} has no persistence: after a crash it would come back empty`,
    evidence: ['neither `appendonly` nor `save` is enabled'],
    command: null,
  }));
  const known = primaries.filter(({ config }) => config?.appendonly !== undefined);
  const text =
    known.length === 0 ? 'not asked for' : `${plural(known.length, 'primary keeps', 'primaries keep')} data on disk`;
  return { id: 'persistence', title: 'persistence', whenFine: text, findings };
}

/** Nodes of one cluster should be configured alike, and as the spec says. */
export function checkConfig({ nodes }: Topology, spec: ClusterSpec | null): Verdict {
  const reached = nodes.filter((node) => node.reachable);
  const findings: Finding[] = [];
  const versions = Map.groupBy(reached, (node) => `${node.engine} ${node.version}`);
  if (versions.size > 1) {
    findings.push({
      ...note('config.versions', `nodes run different servers: ${[...versions.keys()].join(', ')}`),
      evidence: evidenceOf(versions),
    });
  }
  const names = new Set(reached.flatMap((node) => Object.keys(node.config ?? {})));
  for (const name of names) {
    // A server that does not know the directive cannot differ in it.
    const knowing = reached.filter((node) => node.config?.[name] !== undefined);
    const values = Map.groupBy(knowing, (node) => node.config?.[name] as string);
    if (values.size <= 1) continue;
    findings.push({
      id: 'config.drift',
      severity: 'warning',
      text: `${name} differs between nodes`,
      evidence: evidenceOf(values),
      command: null,
    });
  }
  const given = Object.keys(spec?.config ?? {}).length;
  const settings = given === 0 ? '' : `, ${given} settings of the spec`;
  return {
    id: 'config',
    title: 'config',
    whenFine: `${[...versions.keys()].join('')} everywhere${settings}`,
    findings,
  };
}

export function plural(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

export function note(id: string, text: string): Finding {
  return { id, severity: 'note', text, evidence: [], command: null };
}

/** A node that answers us, but that others have given up: the network between the nodes is not ours. */
function sayIll(node: NodeView, nodes: readonly NodeView[]): Finding[] {
  const accusers = nodes.filter((other) => seenFlags(other, node).some((flag) => flag === 'fail' || flag === 'fail?'));
  if (accusers.length === 0) return [];
  return [
    {
      id: 'reachable.accused',
      severity: accusers.some((other) => seenFlags(other, node).includes('fail')) ? 'error' : 'warning',
      text: `${node.address} answers here, but not to ${accusers.map((other) => other.address).join(', ')}`,
      evidence: [`they reach it through its bus port ${node.busPort}`],
      command: null,
    },
  ];
}

function seenFlags(observer: NodeView, node: NodeView): readonly string[] {
  return observer.view?.find((seen) => !seen.isMyself && seen.id === node.id)?.flags ?? [];
}

function evidenceOf(groups: ReadonlyMap<string, readonly NodeView[]>): string[] {
  return [...groups].map(
    ([value, nodes]) => `${value === '' ? "''" : value}: ${nodes.map((node) => node.address).join(', ')}`,
  );
}
