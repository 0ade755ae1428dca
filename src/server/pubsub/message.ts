/*
 * What subscribers are sent: an array of bulk strings in RESP2, a push in RESP3. All subscribers share the bytes, which are
 * made once for each protocol that somebody speaks.
 */

const LINE_END = Buffer.from('\r\n');

export class Message {
  readonly #parts: readonly Buffer[];
  #resp2: Buffer | null = null;
  #resp3: Buffer | null = null;

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
  }

  /** The message as it is sent; these bytes do not change any more. */
  bytes(resp: 2 | 3): Buffer {
    if (resp === 3) {
      this.#resp3 ??= encode('>', this.#parts);
      return this.#resp3;
    }
    this.#resp2 ??= encode('*', this.#parts);
    return this.#resp2;
  }
}

function encode(type: string, parts: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`${type}${parts.length}\r\n`)];
  for (const part of parts) pieces.push(Buffer.from(`$${part.length}\r\n`), part, LINE_END);
  return Buffer.concat(pieces);
}
