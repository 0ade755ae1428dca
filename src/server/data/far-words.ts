/*
 * Words in memory that somebody is going to need, probably in no cache yet. A processor waits for many of them at once if
 * it comes to all of them soon, but it looks only some hundred instructions ahead: so the places are found in one loop,
 * and another, which does nothing else, reads the words.
 */

/** About as many accesses as a processor keeps under way. */
export const FAR_WORDS_MAX = 16;

const NOTHING = new Int32Array(0);

export class FarWords {
  readonly #arrays: Int32Array[] = new Array<Int32Array>(FAR_WORDS_MAX).fill(NOTHING);
  readonly #at = new Int32Array(FAR_WORDS_MAX);

  /** The `i`th word is `words[at]`, which exists. */
  note(i: number, words: Int32Array, at: number): void {
    this.#arrays[i] = words;
    this.#at[i] = at;
  }

  /** Reads the first `count` words; the answer is made of all of them, for the compiler leaves out reads without a use. */
  read(count: number): number {
    const arrays = this.#arrays;
    const at = this.#at;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= (arrays[i] as Int32Array)[at[i] as number] as number;
    return sum;
  }

  /** Lets go of the memory: what is dropped meanwhile shall not stay for having been read. */
  forget(): void {
    this.#arrays.fill(NOTHING);
  }
}
