/*
 * The same conversation with our server and, where it is installed, with redis-server 7.0: what we take for Redis'
 * behaviour is checked by every run and not remembered. Replies are compared as the bytes that came over the wire.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { Logger } from '../../src/base/log.ts';
import { loadConfig, realFiles } from '../../src/config/conf-file.ts';
import { compose } from '../../src/server/compose.ts';
import { type Reply, ReplyParser } from '../../src/server/protocol/reply-parser.ts';
import { requestOf } from '../../src/server/protocol/request.ts';
import { hasRedisServer, startRealRedis } from '../base/real-redis.ts';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';
import { recordSent } from '../support/sent-commands.ts';

export interface Wire {
  readonly resp: 2 | 3;
  /** One command, one reply, as it came: a character a byte. */
  raw(...args: (string | Buffer)[]): Promise<string>;
  reply(...args: (string | Buffer)[]): Promise<Reply>;
}

interface Started {
  readonly path: string;
  stop(): Promise<void>;
}

/** Declares the tests once for each server and protocol. The databases are empty before each of them. */
export function onEitherServer(title: string, declare: (wire: Wire) => void): void {
  const servers = [
    { name: 'rkv', start: startOurs, isThere: true },
    { name: 'redis-server', start: startReal, isThere: hasRedisServer },
  ];
  for (const { name, start, isThere } of servers) {
    describe.skipIf(!isThere)(`${title}, ${name}`, () => {
      let server: Started;
      beforeAll(async () => {
        server = await start();
      });
      afterAll(() => server?.stop());
      for (const resp of [2, 3] as const) {
        describe(`RESP${resp}`, () => {
          let client: WireClient;
          beforeAll(async () => {
            client = await WireClient.connect(server.path);
            await client.raw('HELLO', `${resp}`);
          });
          beforeEach(async () => {
            for (const key of KEYS) await client.raw('DEL', key);
          });
          afterAll(() => client?.close());
          declare({ resp, raw: (...args) => client.raw(...args), reply: (...args) => client.reply(...args) });
        });
      }
    });
  }
}

/** The keys that tests use. */
const KEYS = ['key', 'other', 'text'] as const;

export const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
export const integer = (n: number): string => `:${n}\r\n`;
export const array = (...texts: string[]): string => `*${texts.length}\r\n${texts.map(bulk).join('')}`;
export const nil = ({ resp }: Wire): string => (resp === 3 ? '_\r\n' : '$-1\r\n');
export const nilArray = ({ resp }: Wire): string => (resp === 3 ? '_\r\n' : '*-1\r\n');
export const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';

class WireClient {
  readonly #socket: Socket;
  readonly #parser = new ReplyParser();
  #chunks: Buffer[] = [];
  #replies: Reply[] = [];
  #answered: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#parser.feed(chunk, this.#replies);
      if (this.#replies.length > 0) this.#answered();
    });
  }

  static async connect(path: string): Promise<WireClient> {
    const port = Number(path);
    const socket = Number.isNaN(port) ? connect(path) : connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new WireClient(socket);
  }

  async reply(...args: (string | Buffer)[]): Promise<Reply> {
    this.#chunks = [];
    this.#replies = [];
    recordSent(args);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answered = resolve;
    this.#socket.write(requestOf(args).buf);
    await promise;
    return this.#replies[0] as Reply;
  }

  async raw(...args: (string | Buffer)[]): Promise<string> {
    await this.reply(...args);
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function startOurs(): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-wire-'));
  const { config } = loadConfig({ ...realFiles, argv: ['--port', '0', '--save', '', '--dir', folder, ...ARGS_AS_7_0] });
  const log = new Logger({ level: 'warning', sink: () => {}, now_ms: Date.now, role: () => 'M', pid: process.pid });
  const { server } = await compose({
    config,
    log,
    configFile: null,
    chunkBytes: 65536,
    unref: true,
    anyPort: true,
    ended() {},
    fatal(reason) {
      throw new Error(reason);
    },
  });
  return {
    path: `${server.port}`,
    async stop() {
      await server.shutdown({ save: 'never', why: 'the tests are over...' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startReal(): Promise<Started> {
  const real = await startRealRedis(['--save', '']);
  return { path: real.socket, stop: () => real.stop() };
}
