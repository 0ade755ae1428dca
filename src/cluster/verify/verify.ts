/*
 * Compares what the nodes say with each other and with the spec. Pure: a topology in, a report out. Every finding has a
 * stable id, and a command where one helps.
 *
 * The truth about a node is what it says of itself; a node that cannot be asked is what the others say of it.
 */

import type { ClusterSpec } from '../spec/spec.ts';
import type { Finding, Severity, Verdict } from '../topology/finding.ts';
import type { Topology } from '../topology/view.ts';
import {
  checkConfig,
  checkCoverage,
  checkOpenSlots,
  checkPersistence,
  checkReachable,
  checkState,
} from './verify-nodes.ts';
import { checkPlan, checkReplicas, checkReplication } from './verify-shards.ts';
import { checkViews } from './verify-views.ts';

export interface Check {
  /** reachable, state, coverage, views, slots, replication, replicas, plan, persistence, config */
  readonly id: string;
  readonly title: string;
  readonly outcome: 'ok' | Severity;
  /** What was found to be true when all is well; '' otherwise, the findings say it then. */
  readonly text: string;
  readonly findings: readonly Finding[];
}

export interface Report {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
}

/** Directives on which all nodes should agree; asked for by `readTopology` when they are named in its options. */
export const COMPARED_DIRECTIVES: readonly string[] = [
  'cluster-node-timeout',
  'cluster-require-full-coverage',
  'cluster-replica-validity-factor',
  'cluster-allow-replica-migration',
  'maxmemory',
  'maxmemory-policy',
  'appendonly',
  'appendfsync',
  'save',
  'notify-keyspace-events',
];

/** `spec` is null for nodes that we do not manage: what only the spec can tell is not checked then. */
export function verify(topology: Topology, spec: ClusterSpec | null): Report {
  const isAnyoneThere = topology.nodes.some((node) => node.reachable);
  // Where nobody answers, that is all there is to say.
  const verdicts = isAnyoneThere ? checkAll(topology, spec) : [checkReachable(topology)];
  const checks = verdicts.map(({ id, title, whenFine, findings }): Check => {
    const outcome = worst(findings);
    return { id, title, outcome, text: outcome === 'ok' ? whenFine : '', findings };
  });
  const findings = checks.flatMap((check) => check.findings);
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return { checks, findings, errors: count('error'), warnings: count('warning'), notes: count('note') };
}

function checkAll(topology: Topology, spec: ClusterSpec | null): Verdict[] {
  return [
    checkReachable(topology),
    checkState(topology),
    checkCoverage(topology),
    checkViews(topology),
    checkOpenSlots(topology),
    checkReplication(topology),
    checkReplicas(topology, spec),
    checkPlan(topology, spec),
    checkPersistence(topology),
    checkConfig(topology, spec),
  ];
}

function worst(findings: readonly Finding[]): Check['outcome'] {
  for (const severity of ['error', 'warning', 'note'] as const) {
    if (findings.some((finding) => finding.severity === severity)) return severity;
  }
  return 'ok';
}
