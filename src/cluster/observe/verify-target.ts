/** Reads a cluster and judges it; with time to wait, again and again until there is nothing to object to. */
import { pause } from '../run/deadline.ts';
import { interrupted } from '../run/failure.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { Topology } from '../topology/view.ts';
import { COMPARED_DIRECTIVES, type Report, verify } from '../verify/verify.ts';
import { observe } from './topology.ts';

export interface VerifyOptions {
  /** For one look at all nodes. */
  readonly timeout_ms: number;
  /** What is objected to while waiting. */
  readonly failOn: 'error' | 'warning';
  /** 0 looks once. */
  readonly wait_ms: number;
  readonly signal: AbortSignal;
}

const LOOK_MS = 250;

export async function verifyTarget(
  target: ClusterTarget,
  { timeout_ms, failOn, wait_ms, signal }: VerifyOptions,
): Promise<{ report: Report; topology: Topology }> {
  const end_ms = performance.now() + wait_ms;
  const observer = observe(target, { timeout_ms, config: COMPARED_DIRECTIVES, traffic: true });
  try {
    for (;;) {
      const topology = await observer.read();
      const report = verify(topology, target.spec);
      const isFine = report.errors === 0 && (failOn === 'error' || report.warnings === 0);
      if (isFine || performance.now() >= end_ms) return { report, topology };
      await pause(LOOK_MS, signal);
      if (signal.aborted) throw interrupted('the verification');
    }
  } finally {
    observer.close();
  }
}
