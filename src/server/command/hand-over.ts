/* What commands have changed so far goes to the log and to the replicas, as the same bytes. */

import type { Server } from '../state/server.ts';

export function handOver({ propagation, persistence, links }: Server): void {
  if (propagation.length === 0) return;
  persistence.append(propagation.bytes, propagation.length);
  links.feed(propagation.bytes, propagation.length);
  propagation.clear();
}
