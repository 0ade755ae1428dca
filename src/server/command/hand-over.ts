/* What commands have changed so far goes to the log and to the replicas, as the same bytes. What is only passing skips the log. */

import type { Server } from '../state/server.ts';

export function handOver({ propagation, persistence, links }: Server): void {
  if (propagation.length === 0) return;
  propagation.forLog((bytes, off, len) => persistence.append(bytes, off, len));
  links.feed(propagation.bytes, propagation.length);
  propagation.clear();
}
