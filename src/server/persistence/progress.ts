/* How far loading and saving are, and how long they took: what INFO persistence tells. */

import type { Clock } from '../../base/clock.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Breathe } from './loader.ts';

interface Running {
  readonly isRewrite: boolean;
  /** Written so far. */
  readonly counted: { readonly keys: number };
  readonly keysTotal: number;
  readonly began_ms: number;
}

export class Progress {
  /** Seconds that the last snapshot of each kind took, in vain or not; -1 before the first. */
  lastSave_s = -1;
  lastRewrite_s = -1;
  /** What the last load brought. */
  keysLoaded = 0;
  keysExpired = 0;
  /** While data is being loaded: since when (Unix seconds), and how much of it. */
  loading: { readonly since_s: number; bytes: number; totalBytes: number } | null = null;
  readonly #clock: Clock;
  readonly #keyspace: Keyspace;
  #running: Running | null = null;

  constructor({ clock, keyspace }: { clock: Clock; keyspace: Keyspace }) {
    this.#clock = clock;
    this.#keyspace = keyspace;
  }

  /** A load begins: notes what `breathe` is told. */
  loads(breathe: Breathe): Breathe {
    const loading = { since_s: Math.floor(this.#clock.now_ms() / 1000), bytes: 0, totalBytes: 0 };
    this.loading = loading;
    return (progress) => {
      loading.bytes = progress.bytes;
      loading.totalBytes = progress.totalBytes;
      return breathe(progress);
    };
  }

  loaded({ keysLoaded, keysExpired }: { keysLoaded: number; keysExpired: number }): void {
    this.loading = null;
    this.keysLoaded = keysLoaded;
    this.keysExpired = keysExpired;
  }

  /** A snapshot begins; `counted` goes on counting the keys that are written. */
  begin(isRewrite: boolean, counted: { readonly keys: number }): void {
    const keysTotal = this.#keyspace.stats().keys;
    this.#running = { isRewrite, counted, keysTotal, began_ms: this.#clock.monotonic_ms() };
  }

  end(): void {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    const took_s = this.#since_s(running);
    if (running.isRewrite) this.lastRewrite_s = took_s;
    else this.lastSave_s = took_s;
  }

  /** Of the snapshot under way. */
  get snapshot(): { keys: number; keysTotal: number; took_s: number } | null {
    if (this.#running === null) return null;
    const { counted, keysTotal } = this.#running;
    return { keys: counted.keys, keysTotal, took_s: this.#since_s(this.#running) };
  }

  #since_s({ began_ms }: Running): number {
    return Math.floor((this.#clock.monotonic_ms() - began_ms) / 1000);
  }
}
