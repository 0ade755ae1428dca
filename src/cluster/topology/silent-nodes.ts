/* Nodes of a cluster that do not answer: what to do about them, and what to tell who needed an answer. */

import type { Silence } from '../node/silence.ts';
import { CliFailure, EXIT, type ExitCode } from '../run/failure.ts';
import type { NodeView, Topology } from './view.ts';

/** What to type for nodes that do not answer. What is the same for several is told once, at the first of them. */
export function remediesFor({ nodes, cluster }: Pick<Topology, 'nodes' | 'cluster'>): Map<NodeView, string> {
  const down = nodes.filter((node) => !node.reachable);
  const stopped = down.filter(({ silence }) => silence === 'stopped');
  const paused = down.filter(({ silence }) => silence === 'paused');
  const remedies = new Map<NodeView, string>();
  const told = new Set<string>();
  for (const node of down) {
    if (node.advice === null || told.has(node.advice)) continue;
    remedies.set(node, node.advice);
    told.add(node.advice);
  }
  if (cluster === null) return remedies;
  const [firstStopped] = stopped;
  const [firstPaused] = paused;
  if (firstPaused !== undefined) {
    const ports = paused.map(({ port }) => port).join(' ');
    remedies.set(firstPaused, withCluster(`rkv node resume ${ports}`, cluster));
  }
  if (firstStopped !== undefined) {
    const start = stopped.length === 1 ? `rkv node start ${firstStopped.port}` : 'rkv cluster start';
    remedies.set(firstStopped, withCluster(start, cluster));
  }
  return remedies;
}

export function isNobodyThere({ state }: Pick<Topology, 'state'>): boolean {
  return state === 'unreachable' || state === 'stopped';
}

/** For a command that needs an answer, of a cluster of which no node gives one: why, and what to type next. */
export function nobodyAnswers({ nodes, cluster, state }: Pick<Topology, 'nodes' | 'cluster' | 'state'>): CliFailure {
  const suggestions = [...new Set(remediesFor({ nodes, cluster }).values())];
  if (state === 'stopped') {
    const message = cluster === null ? 'the cluster is stopped' : `cluster ${cluster} is stopped`;
    return new CliFailure(message, {
      code: 'STOPPED',
      exit: EXIT.unreachable,
      why: 'none of its servers runs',
      suggestions,
    });
  }
  const reasons = [...new Set(nodes.flatMap(({ error }) => error ?? []))];
  const kinds = new Set(nodes.map(({ silence }) => silence));
  const [only] = kinds.size === 1 ? kinds : [];
  const { code, exit, message } = WHOLE[only ?? 'other'] ?? UNREACHED;
  return new CliFailure(message, {
    code,
    exit,
    why: reasons.length > 1 ? nodes.map(({ address, error }) => `${address}: ${error}`)[0] : reasons[0],
    evidence: reasons.length > 1 ? nodes.slice(1).map(({ address, error }) => `${address}: ${error}`) : [],
    suggestions,
  });
}

/** Reasons that waiting does not change: a password is not right by and by. */
const FINAL: readonly (Silence | null)[] = ['denied', 'plain', 'tls'];

/** Does every node that we know of give a reason that only somebody can change? */
export function isHopeless({ nodes, state }: Pick<Topology, 'nodes' | 'state'>): boolean {
  return state === 'unreachable' && nodes.every(({ silence }) => FINAL.includes(silence));
}

const UNREACHED = { code: 'UNREACHABLE', exit: EXIT.unreachable, message: 'no node of the cluster can be reached' };

/** What is said of all of them together, where the reason is the same for each. */
const WHOLE: Readonly<Partial<Record<Silence, { code: string; exit: ExitCode; message: string }>>> = {
  denied: { ...UNREACHED, code: 'NODE_DENIED', message: 'authentication failed' },
  plain: { code: 'NOT_A_CLUSTER_NODE', exit: EXIT.conflict, message: 'the server is not in cluster mode' },
  paused: { ...UNREACHED, message: 'every server of the cluster is paused' },
};

/** The command, with the name of the cluster where it is needed. */
export function withCluster(command: string, cluster: string): string {
  return cluster === 'default' ? command : `${command} --cluster ${cluster}`;
}
