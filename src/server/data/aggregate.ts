/*
 * A list, set, sorted set, hash or stream that outgrew its record. The keyspace only keeps it, drops it and adds up
 * its memory; what is inside is between the structure and the handlers of its type.
 */
export interface Aggregate {
  /** How many records hold it: none for a moment while it goes from one key to another. */
  holders: number;
  /** Estimated bytes on the heap and off it. Asked after every change, so it must not walk the members. */
  usedBytes(): number;
  /** Whether there is more to `dispose` of than what the garbage collector should have. */
  readonly hasSlabs: boolean;
  /** The same value with a life of its own: COPY, and snapshots that want to read it later. Far below a millisecond. */
  clone(): Aggregate;
  /** Gives memory back to the system that nobody shares with this value. It is not used any more. */
  dispose(): void;
  /** Lookups of these members are going to follow: reads what they will read, all at once. At most 16. */
  fetchAhead?(buf: Buffer, off: Int32Array, len: Int32Array, count: number): void;
}
