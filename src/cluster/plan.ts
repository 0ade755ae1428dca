/*
 * A plan says everything that `cluster create` will do, before anything is done: it is what `--dry-run` prints, and what
 * the steps carry out. Pure: the same spec and the same home give the same plan.
 */
import type { SlotRange } from './slot-ranges.ts';
import type { ClusterSpec } from './spec-file.ts';

export interface NodePlan {
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly engine: string;
  readonly role: 'primary' | 'replica';
  /** Counted from 1. */
  readonly shard: number;
  /** Empty for replicas. */
  readonly slots: readonly SlotRange[];
  /** The port of the primary that a replica follows. */
  readonly replicaOf: number | null;
  readonly folder: string;
}

export interface ClusterPlan {
  readonly version: 1;
  readonly name: string;
  readonly folder: string;
  readonly spec: ClusterSpec;
  readonly nodes: readonly NodePlan[];
  /** Said before anything is done: fewer than three primaries, ports of the ephemeral range, … */
  readonly warnings: readonly string[];
}
