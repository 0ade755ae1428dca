/*
 * A request is a view, not a value: where the arguments of one command lie in a buffer that belongs to somebody else.
 * No string and no Buffer is made per argument; handlers that want one ask the call for it. The view is valid only while
 * the command runs: the next read overwrites the input buffer. Who keeps a request (MULTI, a blocked client) copies it.
 */

const ARGUMENTS_INITIAL = 32;

export class Request {
  buf: Buffer;
  argc = 0;
  off: Int32Array;
  len: Int32Array;
  /** The bytes of the whole command in `buf`, so that it can be passed on as it came. */
  start = 0;
  end = 0;
  /** True when `start..end` is exactly the form that replicas and the AOF expect: a multibulk with every line end in place. */
  canonical = false;
  /** True when `buf` belongs to this request alone: a big value may keep a part of it instead of a copy. */
  owned = false;

  constructor(buf: Buffer, capacity = ARGUMENTS_INITIAL) {
    this.buf = buf;
    this.off = new Int32Array(capacity);
    this.len = new Int32Array(capacity);
  }

  /** Room for `argc` arguments; doubles, so that a long command costs a constant per argument. */
  reserve(argc: number): void {
    if (argc <= this.off.length) return;
    const capacity = Math.max(argc, this.off.length * 2);
    const off = new Int32Array(capacity);
    const len = new Int32Array(capacity);
    off.set(this.off);
    len.set(this.len);
    this.off = off;
    this.len = len;
  }

  /** A request that owns its bytes and may be kept. */
  copy(): Request {
    const bytes = Buffer.allocUnsafeSlow(this.end - this.start);
    this.buf.copy(bytes, 0, this.start, this.end);
    const copy = new Request(bytes, this.argc);
    copy.argc = this.argc;
    copy.end = bytes.length;
    copy.canonical = this.canonical;
    copy.owned = true;
    for (let i = 0; i < this.argc; i++) {
      copy.off[i] = this.off[i]! - this.start;
      copy.len[i] = this.len[i]!;
    }
    return copy;
  }
}

/** Builds the request that a client would have sent for these arguments. */
export function requestOf(args: readonly (Buffer | string)[]): Request {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  const request = new Request(parts[0]!, args.length);
  let position = parts[0]!.length;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
    const head = Buffer.from(`$${bytes.length}\r\n`);
    parts.push(head, bytes, CRLF);
    request.off[i] = position + head.length;
    request.len[i] = bytes.length;
    position += head.length + bytes.length + 2;
  }
  request.buf = Buffer.concat(parts, position);
  request.argc = args.length;
  request.end = position;
  request.canonical = true;
  return request;
}

const CRLF = Buffer.from('\r\n');
