/*
 * Do all nodes see the same cluster? Compared are membership, roles, slots, epochs and addresses, each view with what the
 * node in question says of itself. `redis-cli --cluster check` compares slots alone.
 */
import { formatRanges } from '../../base/slot.ts';
import type { SeenNode } from '../node/cluster-nodes.ts';
import type { Finding, Severity, Verdict } from '../topology/finding.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { plural } from './verify-nodes.ts';

interface Disagreement {
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  /** What one observer says. */
  readonly evidence: string;
}

export function checkViews({ nodes }: Pick<Topology, 'nodes'>): Verdict {
  const observers = nodes.filter((node) => node.view !== null);
  const truths = new Map(nodes.flatMap((node) => (node.id === null ? [] : [[node.id, node] as const])));
  const disagreements = observers.flatMap((observer) => [
    ...[...truths.values()].flatMap((truth) => compare(observer, truth)),
    ...findStrangers(observer, truths),
  ]);
  return {
    id: 'views',
    title: 'views',
    whenFine: `${plural(observers.length, 'node agrees', 'nodes agree')} on slots, roles, epochs and addresses`,
    findings: [...merge(disagreements), ...findEpochTwins(nodes)],
  };
}

function compare(observer: NodeView, truth: NodeView): Disagreement[] {
  const seen = observer.view?.find((node) => node.id === truth.id);
  const at = truth.address;
  if (seen === undefined) {
    return [
      {
        id: 'views.missing',
        severity: 'error',
        text: `not every node knows ${at}`,
        evidence: `${observer.address} does not`,
      },
    ];
  }
  if (seen.isMyself || truth.view === null) return [];
  const found: Disagreement[] = [];
  const say = (id: string, severity: Severity, text: string, evidence: string): void => {
    found.push({ id, severity, text, evidence: `${observer.address} says ${evidence}` });
  };
  if (seen.role !== truth.role || seen.primaryId !== truth.primaryId) {
    say('views.roles', 'error', `${at} says it is a ${truth.role}, but not every node agrees`, describeRole(seen));
  }
  if (formatRanges(seen.slots) !== formatRanges(truth.slots)) {
    const own = formatRanges(truth.slots) || 'no slots';
    say(
      'views.slots',
      'error',
      `${at} says it owns ${own}, but not every node agrees`,
      formatRanges(seen.slots) || 'none',
    );
  }
  // A replica shows the epoch of its primary, each node as it last heard of it.
  if (truth.role === 'primary' && seen.epoch !== truth.epoch) {
    say('views.epochs', 'warning', `${at} is at epoch ${truth.epoch}, but not every node knows that`, `${seen.epoch}`);
  }
  const own = truth.view.find((node) => node.isMyself);
  const isElsewhere = seen.port !== own?.port || seen.busPort !== own.busPort;
  if (own !== undefined && (isElsewhere || (own.host !== '' && seen.host !== own.host))) {
    const text = `${at} announces ${own.host}:${own.port}@${own.busPort}, but not every node has that address`;
    say('views.addresses', 'error', text, `${seen.host}:${seen.port}@${seen.busPort}`);
  }
  if (!seen.connected) {
    say('views.links', 'warning', `not every node is connected to ${at} (bus ${truth.busPort})`, 'disconnected');
  }
  return found;
}

/** Nodes that only some have heard of: left over from a removal, or still shaking hands. */
function findStrangers(observer: NodeView, truths: ReadonlyMap<string, NodeView>): Disagreement[] {
  return (observer.view ?? [])
    .filter((seen) => !truths.has(seen.id))
    .map((seen) => ({
      id: 'views.strangers',
      severity: 'warning',
      text: `an unidentified node is known at ${seen.host}:${seen.port} (${seen.flags.join(', ')})`,
      evidence: `${observer.address} knows it as ${seen.id.slice(0, 8)}`,
    }));
}

/** One finding for each thing on which views differ, with everyone's word as evidence. */
function merge(disagreements: readonly Disagreement[]): Finding[] {
  const groups = Map.groupBy(disagreements, ({ id, text }) => `${id} ${text}`);
  return [...groups.values()].map((group) => ({
    id: group[0]!.id,
    severity: group[0]!.severity,
    text: group[0]!.text,
    evidence: group.map(({ evidence }) => evidence),
    command: null,
  }));
}

/** Two primaries with one epoch cannot settle who owns a slot that both claim. */
function findEpochTwins(nodes: readonly NodeView[]): Finding[] {
  const owners = nodes.filter((node) => node.role === 'primary' && node.slotCount > 0 && node.epoch !== null);
  return [...Map.groupBy(owners, (node) => node.epoch)]
    .filter(([, twins]) => twins.length > 1)
    .map(([epoch, twins]) => ({
      id: 'views.epochTwins',
      severity: 'warning',
      text: `${twins.map((node) => node.address).join(' and ')} have the same epoch ${epoch}`,
      evidence: ['the nodes resolve this by themselves within seconds; check again'],
      command: null,
    }));
}

function describeRole(seen: SeenNode): string {
  return seen.primaryId === null ? seen.role : `${seen.role} of ${seen.primaryId.slice(0, 8)}`;
}
