/*
 * A digest of values that does not depend on how, or in which order, they are kept, byte for byte the one of Redis' DEBUG
 * DIGEST: so two servers can be compared, also ours with a real one. Ordered things are mixed (hash of hash), unordered
 * ones are combined by exclusive or.
 */
import { createHash } from 'node:crypto';

const DIGEST_BYTES = 20;

export class Digest {
  readonly #bytes = Buffer.alloc(DIGEST_BYTES);

  mix(buf: Buffer, off = 0, len = buf.length - off): void {
    this.combine(buf, off, len);
    createHash('sha1').update(this.#bytes).digest().copy(this.#bytes);
  }

  combine(buf: Buffer, off = 0, len = buf.length - off): void {
    const hash = createHash('sha1')
      .update(buf.subarray(off, off + len))
      .digest();
    for (let i = 0; i < DIGEST_BYTES; i++) this.#bytes[i] = this.#bytes[i]! ^ hash[i]!;
  }

  /** Combines with another digest as it is. */
  add(other: Digest): void {
    this.combine(other.#bytes);
  }

  mixNumber(n: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(n);
    this.mix(bytes);
  }

  /** Forty hex digits. */
  toString(): string {
    return this.#bytes.toString('hex');
  }
}
