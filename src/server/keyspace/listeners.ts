/*
 * Who wants to know that a key of a database changed: the one room for it. Every change passes the gate in database.ts,
 * which looks at nothing but `count` while nobody listens. There listen
 *
 *   watchers   clients between WATCH and EXEC, and MIGRATE for the keys that it has sent
 *   waiters    clients that are blocked until a key holds something; they are served behind the command that gave it to
 *              them (ready-keys.ts), not inside of it
 *   additions  whoever publishes that a key is new (key-events.ts); the other events are named by the commands themselves
 *
 * Keys are known by their bytes as latin1 text.
 */
import { latin1 } from '../../base/ascii.ts';
import type { Database } from './database.ts';
import type { ReadyKeys } from './ready-keys.ts';

/** Somebody who wants to know whether a key changed since. */
export interface Watcher {
  dirty: boolean;
}

/** Somebody who is blocked until a key holds what it waits for. */
export interface Waiter {
  /** The key has changed and is there: takes what it waited for and leaves, or goes on waiting. */
  serve(db: Database, key: Buffer): void;
}

/** Where the bytes of a key lie; they are only good during the call. */
interface KeyBytes {
  readonly buf: Buffer;
  readonly off: number;
  readonly len: number;
}

type KeyListener = (key: KeyBytes) => void;

/** What a database has under a key; dead is what is past its deadline. */
export type Held = 'nothing' | 'dead' | 'alive';

interface Watch {
  readonly watcher: Watcher;
  /** The key was dead already when the watch began: that it goes is then no change. */
  wasExpired: boolean;
}

export class Listeners {
  /** How many keys somebody listens for, and one more while additions are heard; 0 when nobody listens. */
  count = 0;
  readonly #db: Database;
  readonly #ready: ReadyKeys;
  readonly #watches = new Map<string, Watch[]>();
  /** Those of a key in the order in which they came. */
  readonly #waiters = new Map<string, Set<Waiter>>();
  #added: KeyListener | null = null;

  constructor(db: Database, ready: ReadyKeys) {
    this.#db = db;
    this.#ready = ready;
  }

  watch(key: string, watcher: Watcher, wasExpired: boolean): void {
    const watches = this.#watches.get(key) ?? [];
    if (watches.some((watch) => watch.watcher === watcher)) return;
    watches.push({ watcher, wasExpired });
    this.#watches.set(key, watches);
    this.#recount();
  }

  unwatch(key: string, watcher: Watcher): void {
    const rest = this.#watches.get(key)?.filter((watch) => watch.watcher !== watcher) ?? [];
    if (rest.length === 0) this.#watches.delete(key);
    else this.#watches.set(key, rest);
    this.#recount();
  }

  wasExpired(key: string, watcher: Watcher): boolean {
    return this.#watches.get(key)?.some((watch) => watch.watcher === watcher && watch.wasExpired) ?? false;
  }

  wait(key: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters.add(waiter));
    this.#recount();
  }

  leave(key: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(key);
    if (waiters?.delete(waiter) !== true || waiters.size > 0) return;
    this.#waiters.delete(key);
    this.#recount();
  }

  /** Those that wait for a key, the first who came first. */
  waitersOf(key: string): readonly Waiter[] {
    return [...(this.#waiters.get(key) ?? [])];
  }

  /** Null: nobody wants to hear of keys that are new. */
  hearAdditions(listener: KeyListener | null): void {
    this.#added = listener;
    this.#recount();
  }

  /** A key is about to change; `gone` says that it will no longer be there. */
  changed({ buf, off, len }: KeyBytes, gone: boolean): void {
    if (this.#watches.size > 0) this.#touch(latin1(buf, off, len), gone);
    if (this.#waiters.size > 0 && !gone) this.#noteReady(latin1(buf, off, len));
  }

  /** A key is about to be made. */
  added(key: KeyBytes): void {
    this.#added?.(key);
  }

  /** Other data is about to take the place of all keys: what was dead and stays dead, or goes, has not changed. */
  replaced(before: (key: string) => Held, after: (key: string) => Held): void {
    for (const [key, watches] of this.#watches) replaceWatches(watches, before(key), after(key));
    for (const key of this.#waiters.keys()) if (after(key) === 'alive') this.#noteReady(key);
  }

  #touch(key: string, gone: boolean): void {
    for (const watch of this.#watches.get(key) ?? []) {
      if (watch.wasExpired && gone) watch.wasExpired = false;
      else watch.watcher.dirty = true;
    }
  }

  #noteReady(key: string): void {
    if (this.#waiters.has(key)) this.#ready.note(this.#db, key);
  }

  #recount(): void {
    this.count = this.#watches.size + this.#waiters.size + (this.#added === null ? 0 : 1);
  }
}

function replaceWatches(watches: readonly Watch[], before: Held, after: Held): void {
  if (before === 'nothing' && after === 'nothing') return;
  for (const watch of watches) {
    const unchanged = watch.wasExpired || before === 'nothing' ? after !== 'alive' : false;
    if (unchanged) watch.wasExpired = after === 'dead';
    else watch.watcher.dirty = true;
  }
}
