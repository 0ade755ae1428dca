/*
 * CLIENT PAUSE and the pause of a failover: until a deadline, commands of clients are held back, all of them or those that
 * may write. Two pauses may overlap; each ends on its own, and together they are the stricter of both.
 */

export type PauseKind = 'write' | 'all';

interface PauseEntry {
  kind: PauseKind;
  /** Monotonic milliseconds. */
  until_ms: number;
}

export class Pause {
  /** By who asked: the client command, or a failover. */
  readonly #entries = new Map<'client' | 'failover', PauseEntry>();

  /** Starts or prolongs; as in Redis a second CLIENT PAUSE never shortens, and never softens, one that is running. */
  start(who: 'client' | 'failover', kind: PauseKind, until_ms: number): void {
    const running = this.#entries.get(who);
    if (running === undefined) {
      this.#entries.set(who, { kind, until_ms });
      return;
    }
    if (kind === 'all') running.kind = 'all';
    running.until_ms = Math.max(running.until_ms, until_ms);
  }

  end(who: 'client' | 'failover'): void {
    this.#entries.delete(who);
  }

  /** Is the pause of this one running? */
  isRunning(who: 'client' | 'failover', now_ms: number): boolean {
    return (this.#entries.get(who)?.until_ms ?? 0) > now_ms;
  }

  /** What is held back at this time, after pauses that are over have been dropped. */
  kind(now_ms: number): PauseKind | null {
    let kind: PauseKind | null = null;
    for (const [who, entry] of this.#entries) {
      if (entry.until_ms <= now_ms) this.#entries.delete(who);
      else if (kind === null || entry.kind === 'all') kind = entry.kind;
    }
    return kind;
  }
}
