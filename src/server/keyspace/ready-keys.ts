/*
 * Keys that changed while somebody was blocked on them. Nobody is served inside of the command that changed them: they are
 * kept here, in the order in which they changed, until that command is over (command/run.ts), or the turn where no command
 * did it. So a BLPOP takes what a pipelined LPUSH brings before the LLEN behind it is run, and never half of what EXEC did.
 */
import type { Database } from './database.ts';

interface ReadyKey {
  readonly db: Database;
  readonly key: string;
}

export class ReadyKeys {
  #keys: ReadyKey[] = [];
  /** The same, to be found at once: a SWAPDB can make thousands ready. */
  #noted = new Set<string>();

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  note(db: Database, key: string): void {
    const name = `${db.index} ${key}`;
    if (this.#noted.has(name)) return;
    this.#noted.add(name);
    this.#keys.push({ db, key });
  }

  /** Until there are none: who is served may give something to others. It ends, for everybody is served once. */
  serve(): void {
    while (this.#keys.length > 0) {
      const keys = this.#keys;
      this.#keys = [];
      this.#noted = new Set();
      for (const { db, key } of keys) {
        const bytes = Buffer.from(key, 'latin1');
        for (const waiter of db.listeners.waitersOf(key)) waiter.serve(db, bytes);
      }
    }
  }
}
