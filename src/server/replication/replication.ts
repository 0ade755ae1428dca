/*
 * What this server knows about replication, in both roles (spec: replication.md, section 1). The first byte of the stream
 * has offset 1; "offset N" means that N bytes were processed.
 */

import { randomHex } from '../../base/prng.ts';

export interface Replication {
  role: 'primary' | 'replica';
  /** The history this server is in: 40 hex digits. */
  id: string;
  /** The history it was in before it was promoted; forty zeros when there is none. */
  secondId: string;
  secondOffset: number;
  /** Bytes of the stream so far: fed, as a primary; applied, as a replica. */
  offset: number;
}

export const NO_HISTORY = '0'.repeat(40);

export function newReplication(): Replication {
  return { role: 'primary', id: randomHex(40), secondId: NO_HISTORY, secondOffset: -1, offset: 0 };
}
