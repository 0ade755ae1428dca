/** Somebody who wants to know whether a key changed: a client between WATCH and EXEC. */
export interface Watcher {
  dirty: boolean;
}

/** What a database has under a key; dead is what is past its deadline. */
export type Held = 'nothing' | 'dead' | 'alive';

interface Watch {
  readonly watcher: Watcher;
  /** The key was dead already when the watch began: that it goes is then no change. */
  wasExpired: boolean;
}

/** The watched keys of one database, by their bytes as latin1 text. Nobody watches most of the time. */
export class WatchList {
  readonly #watches = new Map<string, Watch[]>();

  isEmpty(): boolean {
    return this.#watches.size === 0;
  }

  keys(): IterableIterator<string> {
    return this.#watches.keys();
  }

  add(key: string, watcher: Watcher, wasExpired: boolean): void {
    const watches = this.#watches.get(key) ?? [];
    if (watches.some((watch) => watch.watcher === watcher)) return;
    watches.push({ watcher, wasExpired });
    this.#watches.set(key, watches);
  }

  remove(key: string, watcher: Watcher): void {
    const rest = this.#watches.get(key)?.filter((watch) => watch.watcher !== watcher) ?? [];
    if (rest.length === 0) this.#watches.delete(key);
    else this.#watches.set(key, rest);
  }

  /** A key changed; `gone` says that it is no longer there. */
  touch(key: string, gone: boolean): void {
    for (const watch of this.#watches.get(key) ?? []) {
      if (watch.wasExpired && gone) watch.wasExpired = false;
      else watch.watcher.dirty = true;
    }
  }

  /** Other data takes the place of all keys: what was dead and stays dead, or goes, has not changed. */
  replace(key: string, before: Held, after: Held): void {
    if (before === 'nothing' && after === 'nothing') return;
    for (const watch of this.#watches.get(key) ?? []) {
      const unchanged = watch.wasExpired || before === 'nothing' ? after !== 'alive' : false;
      if (unchanged) watch.wasExpired = after === 'dead';
      else watch.watcher.dirty = true;
    }
  }

  wasExpired(key: string, watcher: Watcher): boolean {
    return this.#watches.get(key)?.some((watch) => watch.watcher === watcher && watch.wasExpired) ?? false;
  }
}
