/*
 * A client for what redis-benchmark cannot do: ask single questions, send what was made before, and see how long another
 * client of the same server is kept waiting.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Reply, ReplyParser } from '../src/server/protocol/reply-parser.ts';

const PING_EVERY_MS = 1;

export class BenchClient {
  readonly #socket: Socket;
  readonly #parser = new ReplyParser();
  readonly #waiting: ((reply: Reply) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      const replies: Reply[] = [];
      this.#parser.feed(bytes, replies);
      for (const reply of replies) this.#waiting.shift()?.(reply);
    });
  }

  static open(port: number): Promise<BenchClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.on('error', reject);
      socket.on('connect', () => resolve(new BenchClient(socket)));
    });
  }

  ask(...args: (string | number)[]): Promise<Reply> {
    return this.send(request(args));
  }

  async integer(...args: (string | number)[]): Promise<number> {
    const reply = await this.ask(...args);
    if (reply.type !== 'integer') throw new Error(`${args.join(' ')} was answered with ${JSON.stringify(reply)}`);
    return Number(reply.value);
  }

  /** A field of INFO. */
  async info(section: string, field: string): Promise<number> {
    const reply = await this.ask('INFO', section);
    const text = reply.type === 'bulk' ? reply.bytes.toString() : reply.type === 'verbatim' ? reply.text : '';
    return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** Sends requests that were made before; the reply to the last of `count`. */
  send(bytes: string | Buffer, count = 1): Promise<Reply> {
    return new Promise((resolve) => {
      for (let i = 1; i < count; i++) this.#waiting.push(() => {});
      this.#waiting.push(resolve);
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

export function request(args: readonly (string | number)[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join('')}`;
}

/** The longest that a PING of one client had to wait while `work` went on, in milliseconds. */
export async function longestPing_ms(port: number, work: () => Promise<unknown>): Promise<number> {
  const client = await BenchClient.open(port);
  let longest_ms = 0;
  let working = true;
  const pings = (async () => {
    while (working) {
      const asked = performance.now();
      await client.ask('PING');
      longest_ms = Math.max(longest_ms, performance.now() - asked);
      await wait(PING_EVERY_MS);
    }
  })();
  await work();
  working = false;
  await pings;
  client.close();
  return longest_ms;
}
