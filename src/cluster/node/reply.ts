/*
 * Replies as a terminal needs them: every RESP2 and RESP3 type keeps its own tag, because `rkv cli` prints a status,
 * a bulk string and a verbatim string differently although a client library would make one string of all three.
 *
 * The decoder is incremental. Values that are complete stay decoded (in `#open`, the aggregates not yet full), so a
 * large array arriving in small pieces is read once, and a large bulk string is not looked at until all of it is here.
 */
export type Reply =
  | { readonly type: 'status' | 'error' | 'bulk'; readonly bytes: Buffer }
  | { readonly type: 'verbatim'; readonly format: string; readonly bytes: Buffer }
  | { readonly type: 'integer' | 'double' | 'bignum'; readonly text: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'nil'; readonly of: 'bulk' | 'array' | 'null' }
  | { readonly type: 'array' | 'set' | 'push'; readonly items: readonly Reply[] }
  | { readonly type: 'map' | 'attribute'; readonly pairs: readonly (readonly [Reply, Reply])[] };

/** The bytes are not RESP, or ask for more than the bounds below: the connection is of no further use. */
export class ReplyFormatError extends Error {
  override readonly name = 'ReplyFormatError';
}

/** The largest string a server stores, and so the largest it may send. */
const BULK_BYTES_MAX = 512 * 1024 * 1024;
/** Lines carry numbers, statuses and errors; the longest error texts quote their arguments, cut by the server. */
const LINE_BYTES_MAX = 64 * 1024;
/** More levels than any command answers with; the bound keeps a hostile peer from exhausting the printer's stack. */
const DEPTH_MAX = 128;
/** Items are kept only as they arrive, so this bounds a lie in the header, not memory. */
const ITEMS_MAX = 2 ** 32;

interface Open {
  readonly type: 'array' | 'set' | 'push' | 'map' | 'attribute';
  /** Values still to come; a map counts its keys and its values. */
  left: number;
  readonly values: Reply[];
}

export class ReplyDecoder {
  #chunks: Buffer[] = [];
  #length = 0;
  /** With fewer bytes than this there is no use in trying again. */
  #needed = 1;
  readonly #open: Open[] = [];

  /** Adds bytes from the wire; answers every reply they complete. */
  feed(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const complete: Reply[] = [];
    if (this.#length < this.#needed) return complete;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    let at = 0;
    for (;;) {
      const read = this.#readOne(bytes, at);
      if (read === null) break;
      at = read.end;
      const whole = read.reply === null ? null : this.#place(read.reply);
      if (whole !== null) complete.push(whole);
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return complete;
  }

  /** One scalar, or the head of an aggregate (`reply` is null then, unless it is empty). Null: not all here yet. */
  #readOne(bytes: Buffer, at: number): { reply: Reply | null; end: number } | null {
    const newline = bytes.indexOf('\r\n', at, 'latin1');
    if (newline === -1) {
      if (bytes.length - at > LINE_BYTES_MAX) throw new ReplyFormatError('a line of the reply is too long');
      this.#needed = bytes.length - at + 1;
      return null;
    }
    const kind = bytes[at] as number;
    const line = bytes.subarray(at + 1, newline);
    const end = newline + 2;
    this.#needed = 1;
    if (kind === 0x24 /* $ */ || kind === 0x3d /* = */ || kind === 0x21 /* ! */) {
      return this.#readBulk(kind, { bytes, at, body: end, size: readCount(line) });
    }
    const type = AGGREGATES[String.fromCharCode(kind)];
    if (type === undefined) return { reply: readLine(kind, line), end };
    const count = readCount(line);
    if (count === -1) return { reply: { type: 'nil', of: 'array' }, end };
    if (count > ITEMS_MAX) throw new ReplyFormatError(`an aggregate of ${count} items`);
    const left = type === 'map' || type === 'attribute' ? count * 2 : count;
    if (left === 0) return { reply: close({ type, left, values: [] }), end };
    if (this.#open.length >= DEPTH_MAX) throw new ReplyFormatError(`more than ${DEPTH_MAX} levels of nesting`);
    this.#open.push({ type, left, values: [] });
    return { reply: null, end };
  }

  #readBulk(
    kind: number,
    { bytes, at, body, size }: { bytes: Buffer; at: number; body: number; size: number },
  ): { reply: Reply; end: number } | null {
    if (size === -1) return { reply: { type: 'nil', of: 'bulk' }, end: body };
    if (size > BULK_BYTES_MAX) throw new ReplyFormatError(`a string of ${size} bytes`);
    const end = body + size + 2;
    if (bytes.length < end) {
      this.#needed = end - at;
      return null;
    }
    const content = bytes.subarray(body, body + size);
    if (kind === 0x21) return { reply: { type: 'error', bytes: content }, end };
    if (kind === 0x24) return { reply: { type: 'bulk', bytes: content }, end };
    // A verbatim string starts with three letters and a colon that say how to show it.
    return { reply: { type: 'verbatim', format: content.toString('latin1', 0, 3), bytes: content.subarray(4) }, end };
  }

  /** Puts a value where it belongs; answers the outermost reply once nothing is open any more. */
  #place(reply: Reply): Reply | null {
    let value = reply;
    for (;;) {
      const parent = this.#open.at(-1);
      if (parent === undefined) return value;
      parent.values.push(value);
      parent.left--;
      if (parent.left > 0) return null;
      this.#open.pop();
      value = close(parent);
    }
  }
}

/** The bytes of a command as every server reads it: an array of bulk strings. */
export function encodeCommand(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`, 'latin1')];
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'utf8') : word;
    parts.push(Buffer.from(`$${bytes.length}\r\n`, 'latin1'), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

const CRLF = Buffer.from('\r\n', 'latin1');

const AGGREGATES: Readonly<Record<string, Open['type']>> = {
  '*': 'array',
  '~': 'set',
  '>': 'push',
  '%': 'map',
  '|': 'attribute',
};

function close({ type, values }: Open): Reply {
  if (type !== 'map' && type !== 'attribute') return { type, items: values };
  const pairs: [Reply, Reply][] = [];
  for (let i = 0; i < values.length; i += 2) pairs.push([values[i] as Reply, values[i + 1] as Reply]);
  return { type, pairs };
}

function readLine(kind: number, line: Buffer): Reply {
  switch (String.fromCharCode(kind)) {
    case '+':
      return { type: 'status', bytes: line };
    case '-':
      return { type: 'error', bytes: line };
    case ':':
      return { type: 'integer', text: line.toString('latin1') };
    case ',':
      return { type: 'double', text: line.toString('latin1') };
    case '(':
      return { type: 'bignum', text: line.toString('latin1') };
    case '#':
      return { type: 'boolean', value: line[0] === 0x74 };
    case '_':
      return { type: 'nil', of: 'null' };
    default:
      throw new ReplyFormatError(`a reply cannot start with byte 0x${kind.toString(16).padStart(2, '0')}`);
  }
}

function readCount(line: Buffer): number {
  const text = line.toString('latin1');
  if (!/^(-1|\d{1,16})$/.test(text)) throw new ReplyFormatError(`'${text.slice(0, 32)}' is not a length`);
  return Number(text);
}
