/* INFO replication. */

import type { Server } from '../state/server.ts';
import type { InfoLines } from './info-text.ts';

export function replicationInfo({ replication }: Server): InfoLines {
  return [
    ['role', replication.role === 'primary' ? 'master' : 'slave'],
    ['connected_slaves', 0],
    ['master_replid', replication.id],
    ['master_replid2', replication.secondId],
    ['master_repl_offset', replication.offset],
    ['second_repl_offset', replication.secondOffset],
  ];
}
