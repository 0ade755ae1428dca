/*
 * A client that knows no more of RESP than where a reply ends, so that what a server said can be compared as bytes. It
 * shares nothing with the server's own parsers: a mistake in those must not hide itself.
 */

import { connect, type Socket } from 'node:net';
import { recordSent } from './sent-commands.ts';

/** One reply as a tree: the type byte, its text, and what it contains. */
export interface Tree {
  type: string;
  text: string;
  items: Tree[];
}

/** The reply that begins at `at` in `bytes` (a character a byte), and where it ends; null while it is incomplete. */
export function readTree(bytes: string, at = 0): { tree: Tree; end: number } | null {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return null;
  const type = bytes[at] as string;
  const line = bytes.slice(at + 1, lineEnd);
  const next = lineEnd + 2;
  if (type === '$' || type === '=') {
    const length = Number(line);
    if (length < 0) return { tree: { type: 'null', text: type, items: [] }, end: next };
    if (bytes.length < next + length + 2) return null;
    return { tree: { type, text: bytes.slice(next, next + length), items: [] }, end: next + length + 2 };
  }
  const perItem = type === '%' ? 2 : 1;
  if (!'*~>%'.includes(type)) return { tree: { type, text: line, items: [] }, end: next };
  if (line === '-1') return { tree: { type: 'null', text: type, items: [] }, end: next };
  const tree: Tree = { type, text: line, items: [] };
  let end = next;
  for (let i = 0; i < Number(line) * perItem; i++) {
    const item = readTree(bytes, end);
    if (item === null) return null;
    tree.items.push(item.tree);
    end = item.end;
  }
  return { tree, end };
}

/** A request as clients send it; texts are latin1, a character a byte. */
export function requestBytes(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** What a server says instead of closing a connection without a word. */
export const CLOSED = '<closed>';

export class RawClient {
  readonly #socket: Socket;
  /** A character a byte, of what was received and not taken yet; in parts, because big replies come in many. */
  #parts: string[] = [];
  /** A line end came that was not looked at yet. Every reply has one; a big one is not looked at with each of its parts. */
  #lineEnded = false;
  #closed = false;
  #moved: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      this.#parts.push(text);
      if (text.includes('\r\n') || text.startsWith('\n')) this.#lineEnded = true;
      this.#moved();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#moved();
    });
  }

  /** A port of this machine, or the path of a Unix socket. */
  static async connect(where: number | string): Promise<RawClient> {
    const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  send(bytes: string): void {
    this.#socket.write(Buffer.from(bytes, 'latin1'));
  }

  /** Stops reading, as a client that hangs. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The next `count` replies as they came; CLOSED ends them when the connection does. */
  async take(count: number, deadline_ms = 10_000): Promise<string> {
    const until_ms = performance.now() + deadline_ms;
    for (;;) {
      const taken = this.#tryTake(count);
      if (taken !== null) return taken;
      const left_ms = until_ms - performance.now();
      if (left_ms <= 0)
        throw new Error(`no reply within ${deadline_ms} ms; so far: ${JSON.stringify(this.#parts.join(''))}`);
      await this.#somethingMoves(left_ms);
    }
  }

  /** Everything until the server closes the connection. */
  async takeUntilClosed(deadline_ms = 10_000): Promise<string> {
    return this.take(Number.POSITIVE_INFINITY, deadline_ms);
  }

  /** One command, one reply. */
  async call(...words: string[]): Promise<string> {
    recordSent(words);
    this.send(requestBytes(words));
    return this.take(1);
  }

  /** Says that nothing more will be sent. */
  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  #tryTake(count: number): string | null {
    if (!this.#closed && !this.#lineEnded) return null;
    if (this.#parts.length > 1) this.#parts = [this.#parts.join('')];
    const bytes = this.#parts[0] ?? '';
    let end = 0;
    let found = 0;
    while (found < count && end < bytes.length) {
      const reply = readTree(bytes, end);
      if (reply === null) break;
      end = reply.end;
      found++;
    }
    this.#lineEnded = found === count;
    if (found < count && !this.#closed) return null;
    if (found < count) {
      this.#parts = [];
      return `${bytes}${CLOSED}`;
    }
    this.#parts = [bytes.slice(end)];
    return bytes.slice(0, end);
  }

  #somethingMoves(within_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, within_ms);
      this.#moved = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
