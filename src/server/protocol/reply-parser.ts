/*
 * Replies of another server to values: for MIGRATE, the replication handshake and in-process callers. Both protocols.
 * Incomplete is not an error: bytes are kept until a reply is whole. Lengths and nesting have ceilings.
 */

/** What a server answered, with the wire's distinctions that callers need. Bulk strings are copies. */
export type Reply =
  | { type: 'simple'; text: string }
  | { type: 'error'; text: string }
  | { type: 'integer'; value: number | bigint }
  | { type: 'bulk'; bytes: Buffer }
  | { type: 'null' }
  | { type: 'double'; value: number }
  | { type: 'boolean'; value: boolean }
  | { type: 'bignumber'; text: string }
  | { type: 'verbatim'; format: string; text: string }
  | { type: 'array' | 'set' | 'push'; items: Reply[] }
  | { type: 'map'; entries: [Reply, Reply][] };

/** The peer does not speak RESP, or says more than we are ready to hold. */
export class ReplyFailure extends Error {
  override name = 'ReplyFailure';
}

const DEPTH_MAX = 32;
const BULK_MAX = 512 * 1024 * 1024;
const ITEMS_MAX = 16 * 1024 * 1024;
const LINE_MAX = 64 * 1024;
const CR = 0x0d;

export class ReplyParser {
  #held: Buffer = Buffer.alloc(0);
  #pos = 0;

  /** Appends every reply completed by `chunk` to `replies`. */
  feed(chunk: Buffer, replies: Reply[]): void {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    this.#pos = 0;
    for (;;) {
      const start = this.#pos;
      const reply = start < this.#held.length ? this.#read(0) : null;
      if (reply === null) {
        this.#held = this.#held.subarray(start);
        return;
      }
      replies.push(reply);
    }
  }

  #read(depth: number): Reply | null {
    if (depth > DEPTH_MAX) throw new ReplyFailure(`a reply is nested deeper than ${DEPTH_MAX}`);
    const line = this.#line();
    if (line === null) return null;
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
        return { type: 'simple', text: rest };
      case '-':
        return { type: 'error', text: rest };
      case ':':
        return { type: 'integer', value: integerOf(rest) };
      case '$':
        return this.#bulk(rest);
      case '=':
        return this.#verbatim(rest);
      case '_':
        return { type: 'null' };
      case ',':
        return { type: 'double', value: doubleOf(rest) };
      case '#':
        return { type: 'boolean', value: rest === 't' };
      case '(':
        return { type: 'bignumber', text: rest };
      case '*':
        return this.#items('array', rest, depth);
      case '~':
        return this.#items('set', rest, depth);
      case '>':
        return this.#items('push', rest, depth);
      case '%':
        return this.#map(rest, depth);
      default:
        throw new ReplyFailure(`a reply begins with ${JSON.stringify(line.slice(0, 20))}`);
    }
  }

  #line(): string | null {
    const end = this.#held.indexOf(CR, this.#pos);
    if (end < 0 || end + 1 >= this.#held.length) {
      if (this.#held.length - this.#pos > LINE_MAX)
        throw new ReplyFailure(`a reply line is longer than ${LINE_MAX} bytes`);
      return null;
    }
    const line = this.#held.latin1Slice(this.#pos, end);
    this.#pos = end + 2;
    return line;
  }

  #bulk(text: string): Reply | null {
    const length = lengthOf(text, BULK_MAX);
    if (length < 0) return { type: 'null' };
    const end = this.#pos + length;
    if (end + 2 > this.#held.length) return null;
    const bytes = Buffer.from(this.#held.subarray(this.#pos, end));
    this.#pos = end + 2;
    return { type: 'bulk', bytes };
  }

  #verbatim(text: string): Reply | null {
    const bulk = this.#bulk(text);
    if (bulk === null || bulk.type !== 'bulk') return bulk;
    return { type: 'verbatim', format: bulk.bytes.latin1Slice(0, 3), text: bulk.bytes.toString('utf8', 4) };
  }

  #items(type: 'array' | 'set' | 'push', text: string, depth: number): Reply | null {
    const length = lengthOf(text, ITEMS_MAX);
    if (length < 0) return { type: 'null' };
    const items: Reply[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.#read(depth + 1);
      if (item === null) return null;
      items.push(item);
    }
    return { type, items };
  }

  #map(text: string, depth: number): Reply | null {
    const length = lengthOf(text, ITEMS_MAX);
    const entries: [Reply, Reply][] = [];
    for (let i = 0; i < length; i++) {
      const key = this.#read(depth + 1);
      const value = key === null ? null : this.#read(depth + 1);
      if (key === null || value === null) return null;
      entries.push([key, value]);
    }
    return { type: 'map', entries };
  }
}

function lengthOf(text: string, max: number): number {
  const length = Number(text);
  if (!Number.isInteger(length) || length < -1 || length > max)
    throw new ReplyFailure(`a reply has the length '${text}'`);
  return length;
}

function integerOf(text: string): number | bigint {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  if (!/^-?\d{1,20}$/.test(text)) throw new ReplyFailure(`'${text}' is no integer`);
  return BigInt(text);
}

function doubleOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
