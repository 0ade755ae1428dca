/*
 * Compares what the nodes say with each other and with the spec. Pure: a topology in, a report out. Every finding has a
 * stable id, and a command where one helps.
 */

export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  /** Stable, for programs and for docs: 'coverage.uncovered', 'views.slots', … */
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  readonly evidence: readonly string[];
  /** What to run next, or null. */
  readonly command: string | null;
}

export interface Check {
  /** coverage, views, reachable, replication, replicas, open slots, state, config */
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
