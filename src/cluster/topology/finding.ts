/* What is wrong, or worth a look: the words in which checks tell it. */

export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  /** Stable, for programs and for docs: 'coverage.unassigned', 'views.slots', … */
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  readonly evidence: readonly string[];
  /** What to run next, or null. */
  readonly command: string | null;
}

/** What a check is made of: its findings, and what to say when there are none. */
export interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly whenFine: string;
  readonly findings: readonly Finding[];
}
