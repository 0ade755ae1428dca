/* When a rewrite of the log that failed is tried again by itself. All times are monotonic milliseconds. */

/** Where there is no log to go on with meanwhile: soon, and then after twice as long. */
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Where there is one: at once, until the third failure in a row; then after 1, 2, 4 … 60 minutes. */
const FAILURES_FREE = 3;
const MINUTE_MS = 60_000;
const MINUTES_MAX = 60;

export class RewritePace {
  /** In a row. */
  failures = 0;
  #notBefore_ms = 0;
  #retryAt_ms = Number.POSITIVE_INFINITY;
  #retry_ms = RETRY_FIRST_MS;

  succeeded(): void {
    this.failures = 0;
    this.#notBefore_ms = 0;
    this.#retry_ms = RETRY_FIRST_MS;
    this.stopRetrying();
  }

  failed(now_ms: number, { hasLog }: { hasLog: boolean }): void {
    this.failures++;
    const minutes = Math.min(MINUTES_MAX, 2 ** (this.failures - FAILURES_FREE));
    if (this.failures >= FAILURES_FREE) this.#notBefore_ms = now_ms + minutes * MINUTE_MS;
    if (hasLog) return;
    this.#retryAt_ms = now_ms + this.#retry_ms;
    this.#retry_ms = Math.min(this.#retry_ms * 2, RETRY_MAX_MS);
  }

  stopRetrying(): void {
    this.#retryAt_ms = Number.POSITIVE_INFINITY;
  }

  /** Is it time to begin the log that could not begin? */
  mayRetry(now_ms: number): boolean {
    return now_ms >= this.#retryAt_ms;
  }

  /** May a log that has grown be rewritten? */
  mayRewrite(now_ms: number): boolean {
    return now_ms >= this.#notBefore_ms;
  }
}
