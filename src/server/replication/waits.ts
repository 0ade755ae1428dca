/* Who waits until enough replicas have a part of the stream (WAIT), and who has to be asked for it. */

interface Wait {
  /** The replicas must have acknowledged this much of the stream. */
  readonly offset: number;
  readonly replicas: number;
  /** Answers, with the number of replicas that have it. */
  readonly served: (replicas: number) => void;
}

export class Waits {
  readonly #waits = new Map<number, Wait>();
  /** Somebody began to wait since the replicas were asked last. */
  #askWanted = false;

  /** `owner`: the number of the client. */
  add(owner: number, wait: Wait): void {
    this.#waits.set(owner, wait);
    this.#askWanted = true;
  }

  /** The replicas are to be asked what they have. */
  ask(): void {
    this.#askWanted = true;
  }

  forget(owner: number): void {
    this.#waits.delete(owner);
  }

  clear(): void {
    this.#waits.clear();
  }

  /** Serves those for whom enough replicas have answered. */
  serve(count: (offset: number) => number): void {
    for (const [owner, wait] of this.#waits) {
      const replicas = count(wait.offset);
      if (replicas < wait.replicas) continue;
      this.#waits.delete(owner);
      wait.served(replicas);
    }
  }

  /** True once after somebody began to wait. */
  takeAskWanted(): boolean {
    const wanted = this.#askWanted;
    this.#askWanted = false;
    return wanted;
  }
}
