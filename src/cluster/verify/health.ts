/*
 * One judgement of a cluster's health, for all who ask: status, list, wait, watch and verify. It is made of the checks of
 * `verify` that tell errors, so these commands cannot contradict each other.
 */
import type { Unjudged } from '../topology/assemble.ts';
import type { Finding, Verdict } from '../topology/finding.ts';
import type { Health } from '../topology/view.ts';
import { checkCoverage, checkReachable, checkState } from './verify-nodes.ts';
import { checkReplication } from './verify-shards.ts';
import { checkViews } from './verify-views.ts';

export function judge(topology: Unjudged): { readonly state: Health; readonly problems: readonly Finding[] } {
  const reachable = errorsOf(checkReachable(topology));
  if (!topology.nodes.some((node) => node.reachable)) {
    const isStopped = topology.nodes.length > 0 && topology.nodes.every(({ silence }) => silence === 'stopped');
    return { state: isStopped ? 'stopped' : 'unreachable', problems: reachable };
  }
  const notServed = [...errorsOf(checkState(topology)), ...errorsOf(checkCoverage(topology))];
  const problems = [
    ...notServed,
    ...reachable,
    ...errorsOf(checkViews(topology)),
    ...errorsOf(checkReplication(topology)),
  ];
  return { state: notServed.length > 0 ? 'fail' : problems.length > 0 ? 'degraded' : 'ok', problems };
}

function errorsOf({ findings }: Verdict): Finding[] {
  return findings.filter(({ severity }) => severity === 'error');
}
