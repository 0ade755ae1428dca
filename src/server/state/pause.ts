/*
 * CLIENT PAUSE, the pause of a failover, that of a MIGRATE whose keys do not keep still, and that of a shutdown that waits
 * for replicas: until a deadline, commands of clients are held back, all of them or those that may write. Pauses may
 * overlap; each ends on its own, and together they are the strictest of all.
 */

export type PauseKind = 'write' | 'all';
/** By the client command, by a failover, by a MIGRATE, by a shutdown. */
export type PauseReason = 'client' | 'failover' | 'migrate' | 'shutdown';

interface PauseEntry {
  kind: PauseKind;
  /** Monotonic milliseconds. */
  until_ms: number;
}

export class Pause {
  readonly #entries = new Map<PauseReason, PauseEntry>();

  /** Starts or prolongs; as in Redis a second CLIENT PAUSE never shortens, and never softens, one that is running. */
  start(who: PauseReason, kind: PauseKind, until_ms: number): void {
    const running = this.#entries.get(who);
    if (running === undefined) {
      this.#entries.set(who, { kind, until_ms });
      return;
    }
    if (kind === 'all') running.kind = 'all';
    running.until_ms = Math.max(running.until_ms, until_ms);
  }

  /** Somebody began a pause that was not dropped. */
  get isArmed(): boolean {
    return this.#entries.size > 0;
  }

  /** Monotonic milliseconds: when what is held back changes next by itself; Infinity when nothing is. */
  nextEnd_ms(): number {
    let next_ms = Number.POSITIVE_INFINITY;
    // Every turn asks.
    if (this.#entries.size === 0) return next_ms;
    for (const { until_ms } of this.#entries.values()) next_ms = Math.min(next_ms, until_ms);
    return next_ms;
  }

  end(who: PauseReason): void {
    this.#entries.delete(who);
  }

  /** Is the pause of this one running? */
  isRunning(who: PauseReason, now_ms: number): boolean {
    return (this.#entries.get(who)?.until_ms ?? 0) > now_ms;
  }

  /** What is held back at this time. */
  kind(now_ms: number): PauseKind | null {
    let kind: PauseKind | null = null;
    for (const entry of this.#entries.values()) {
      if (entry.until_ms > now_ms && (kind === null || entry.kind === 'all')) kind = entry.kind;
    }
    return kind;
  }

  /** Forgets those that are over; true when there were any. */
  dropEnded(now_ms: number): boolean {
    let dropped = false;
    for (const [who, { until_ms }] of this.#entries) {
      if (until_ms <= now_ms) dropped = this.#entries.delete(who);
    }
    return dropped;
  }
}
