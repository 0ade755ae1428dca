/*
 * The links of this server's replication: replicas that it feeds, and the primary that feeds it.
 */

import type { ReplicationPoint } from '../persistence/rdb-writer.ts';

export class ReplicationLinks {
  isLinkUp = false;
  lastInteraction_ms = 0;
  downSince_ms = 0;
  wantsStream = false;

  constructor(_the: unknown) {}

  start(): void {}

  point(): ReplicationPoint | null {
    return null;
  }

  becomePrimary(): void {}

  replicate(_ip: string, _port: number): void {}

  clientClosed(_client: object): void {}

  /** min-replicas-to-write: are there enough replicas with a recent acknowledgement? */
  hasEnoughReplicas(): boolean {
    return true;
  }

  /** Bytes of the turn, for every replica. */
  feed(_bytes: Buffer, _length: number): void {}

  /** Ends the waits (WAIT) that acknowledgements of this turn have fulfilled. */
  serveWaiting(): void {}

  cron(): void {}

  async close(): Promise<void> {}
}
