/*
 * Which cluster a command is about, and how to reach it: one of ours by its name, or any nodes by their addresses.
 */
import type { Address } from './address.ts';
import type { Access } from './node-client.ts';
import type { ClusterSpec } from './spec-file.ts';

export interface ClusterTarget {
  /** null for nodes that we do not manage. */
  readonly name: string | null;
  readonly folder: string | null;
  readonly spec: ClusterSpec | null;
  /** Where to ask first; a topology also asks the nodes that these know. */
  readonly addresses: readonly Address[];
  readonly access: Access;
}
