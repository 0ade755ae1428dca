/*
 * Conditions that one may wait for. Pure: a topology in, the first thing that is missing out.
 *
 *   ok        nothing is wrong: what `status` and `verify` call ok
 *   served    all slots are served, and every node that answers says so; other things may be wrong
 *   synced    every replica answers, its link is up and it is not behind
 *   ready     ok, and every node is connected to every other
 *   size=N    N nodes answer, and each knows N nodes
 */
import { nearest } from '../../base/nearest.ts';
import { SLOTS } from '../../base/slot.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { isNobodyThere } from '../topology/silent-nodes.ts';
import type { NodeView, Topology } from '../topology/view.ts';
import { checkViews } from '../verify/verify-views.ts';

/** Answers null when the condition holds. */
export type Condition = (topology: Topology) => string | null;

export function parseCondition(text: string): Condition {
  const size = /^size=(\d+)$/.exec(text);
  if (size !== null) return (topology) => whyNotSize(topology, Number(size[1]));
  if (Object.hasOwn(NAMED, text)) return NAMED[text as keyof typeof NAMED];
  const meant = nearest(text, Object.keys(NAMED)) ?? (/^size/i.test(text) ? 'size=6' : null);
  throw new CliFailure(`unknown condition '${text}'`, {
    code: 'BAD_CONDITION',
    exit: EXIT.usage,
    why: `expected ready, ok, served, synced or size=N${meant === null ? '; for a cluster, the condition comes first' : ''}`,
    suggestions: meant === null ? [`rkv wait ready ${text}`, 'rkv wait --help'] : [`rkv wait ${meant}`],
  });
}

/** The same judgement as that of status: only the words are made here. */
function whyNotOk(topology: Topology): string | null {
  if (topology.state === 'ok') return null;
  return whyNotServed(topology) ?? whySilent(topology) ?? whyIll(topology.problems);
}

function whyNotServed({ state, problems, nodes, slotsServed }: Topology): string | null {
  if (state === 'ok' || state === 'degraded') return null;
  if (isNobodyThere({ state })) return whyNobody(nodes);
  const reached = nodes.filter((node) => node.reachable);
  const failing = reached.find((node) => node.clusterState !== 'ok');
  if (failing !== undefined) {
    return failing.activity === 'loading'
      ? `waiting for ${failing.address} to load its data`
      : `waiting for ${failing.address} to call the cluster ok`;
  }
  return slotsServed < SLOTS ? `waiting for ${SLOTS - slotsServed} more slots to be served` : whyIll(problems);
}

function whyNobody(nodes: readonly NodeView[]): string {
  const reasons = new Set(nodes.flatMap(({ error }) => error ?? []));
  return `waiting for any node to answer${reasons.size === 1 ? `, ${[...reasons][0]}` : ''}`;
}

function whyNotSynced({ nodes, state }: Topology): string | null {
  if (isNobodyThere({ state })) return whyNobody(nodes);
  for (const node of nodes) {
    if (node.role !== 'replica') continue;
    if (!node.reachable) return `waiting for replica ${node.address} to answer${becauseOf(node)}`;
    if (node.replication.link !== 'up') return `waiting for the link of ${node.address} to its primary`;
    const lag = node.replication.lag_bytes ?? 0;
    if (lag > 0) return `waiting for ${node.address} to catch up ${lag.toLocaleString('en')} bytes`;
  }
  return null;
}

export function whyNotReadyYet(topology: Topology): string | null {
  return (
    whySilent(topology) ??
    whyNotServed(topology) ??
    whyNotAgreed(topology) ??
    whyNotLinked(topology) ??
    whyIll(topology.problems)
  );
}

function whySilent({ nodes }: Topology): string | null {
  const silent = nodes.find((node) => !node.reachable);
  return silent === undefined ? null : `waiting for ${silent.address} to answer${becauseOf(silent)}`;
}

function becauseOf({ error }: NodeView): string {
  return error === null ? '' : `: ${error}`;
}

function whyIll([first]: Topology['problems']): string | null {
  return first === undefined ? null : `waiting while ${first.text}`;
}

function whyNotSize({ nodes }: Topology, size: number): string | null {
  const reached = nodes.filter((node) => node.reachable);
  if (reached.length !== size) return `waiting for ${size} nodes to answer (${reached.length} do)`;
  const other = reached.find((node) => node.knownNodes !== size);
  return other === undefined
    ? null
    : `waiting for ${other.address} to know ${size} nodes (it knows ${other.knownNodes})`;
}

function whyNotAgreed(topology: Topology): string | null {
  const [finding] = checkViews(topology).findings.filter(({ severity }) => severity === 'error');
  const link = checkViews(topology).findings.find(({ id }) => id === 'views.links' || id === 'views.strangers');
  const first = finding ?? link;
  return first === undefined ? null : `waiting for all to agree: ${first.text}`;
}

/** Lag is no matter here: a cluster in use always has some. */
function whyNotLinked({ nodes }: Topology): string | null {
  const down = nodes.find((node: NodeView) => node.role === 'replica' && node.replication.link !== 'up');
  return down === undefined ? null : `waiting for the link of ${down.address} to its primary`;
}

const NAMED = { ok: whyNotOk, served: whyNotServed, synced: whyNotSynced, ready: whyNotReadyYet };
