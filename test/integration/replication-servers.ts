/*
 * Real servers, ours and redis-server, as processes that replicate each other. Files run at the same time, so each asks
 * for a range of ports of its own.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { hasRedisServer } from '../base/real-redis.ts';
import { ARGS_AS_7_0 } from '../support/as-7-0.ts';

export type Kind = 'rkv' | 'redis';

/** Generous: the machine may be busy with other tests. */
const DEADLINE_MS = 20_000;

const OURS = join(import.meta.dirname, '../../bin/rkv-server.js');

export const canRun = (...kinds: Kind[]): boolean => hasRedisServer || !kinds.includes('redis');

export interface Node {
  readonly kind: Kind;
  readonly port: number;
  readonly folder: string;
  readonly client: Redis;
  readonly log: () => string;
  call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>;
  /** The text of the error that the command ends in. */
  refusal(command: string, ...args: (string | number | Buffer)[]): Promise<string>;
  info(field: string): Promise<string>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Again, with the same folder, after `kill`. */
  start(...args: string[]): Promise<void>;
}

/** The servers of one test file. */
export class Servers {
  #nextPort: number;
  readonly #nodes: RunningNode[] = [];

  constructor(firstPort: number) {
    this.#nextPort = firstPort;
  }

  async start(kind: Kind, ...args: string[]): Promise<Node> {
    const node = new RunningNode(kind, this.#nextPort++);
    this.#nodes.push(node);
    await node.start(...args);
    return node;
  }

  /** For a port of a server that is not its first. */
  reservePort(): number {
    return this.#nextPort++;
  }

  async startReplica(kind: Kind, primary: Node, ...args: string[]): Promise<Node> {
    const node = await this.start(kind, '--replicaof', `127.0.0.1 ${primary.port}`, ...args);
    await linkIsUp(node);
    return node;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.discard()));
  }
}

export async function linkIsUp(replica: Node): Promise<void> {
  await until(async () => (await replica.info('master_link_status')) === 'up');
}

/** Replica and primary have the same stream behind them. */
export async function caughtUp(primary: Node, replica: Node): Promise<void> {
  await until(async () => {
    if ((await replica.info('master_link_status')) !== 'up') return false;
    const [ours, theirs] = await Promise.all([primary, replica].map((node) => node.info('master_repl_offset')));
    return ours === theirs;
  });
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: DEADLINE_MS, interval: 20 });
}

/** Another connection, to be disconnected by the caller. */
export function connectTo(node: Node, options: { db?: number } = {}): Redis {
  const client = node.client.duplicate(options);
  client.on('error', () => {});
  return client;
}

/** All that is in a database: type, deadline and value of every key, as text; long ones as their hash. */
export async function contents(node: Node, db = 0): Promise<Map<string, string>> {
  const client = connectTo(node, { db });
  try {
    const found = new Map<string, string>();
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'COUNT', 1000);
      cursor = next;
      for (const [key, text] of await describeKeys(client, keys)) found.set(key, text);
    } while (cursor !== '0');
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    client.disconnect();
  }
}

/** Strings and lists only, for many keys: few questions, big answers. */
export async function values(node: Node): Promise<Map<string, string>> {
  const client = connectTo(node);
  try {
    const found: [string, string][] = [];
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'COUNT', 5000);
      cursor = next;
      const strings = keys.length === 0 ? [] : await client.mget(keys);
      for (const [i, key] of keys.entries()) {
        found.push([key, strings[i] ?? (await client.lrange(key, 0, -1)).join(' ')]);
      }
    } while (cursor !== '0');
    return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    client.disconnect();
  }
}

/** Of a value that is shown when a comparison fails. */
const TEXT_MAX = 100;

async function describeKeys(client: Redis, keys: string[]): Promise<[string, string][]> {
  const asked = client.pipeline();
  for (const key of keys) asked.type(key).pexpiretime(key);
  const facts = (await asked.exec()) ?? [];
  const values = client.pipeline();
  keys.forEach((key, i) => {
    const type = facts[i * 2]?.[1];
    if (type === 'list') values.lrange(key, 0, -1);
    else if (type === 'set') values.smembers(key);
    // As pairs: an object of this client would lose what is in its prototype.
    else if (type === 'hash') values.call('HGETALL', key);
    else values.get(key);
  });
  const answers = (await values.exec()) ?? [];
  return keys.map((key, i) => {
    const value = answers[i]?.[1];
    const type = String(facts[i * 2]?.[1]);
    const inOrder = type === 'set' || type === 'hash';
    const text = Array.isArray(value) ? (inOrder ? pairsOf(type, value).toSorted() : value).join(' ') : String(value);
    return [key, `${type} ${facts[i * 2 + 1]?.[1]} ${text.length > TEXT_MAX ? hash('sha256', text) : text}`];
  });
}

/** Of a hash, each field together with its value. */
function pairsOf(type: string, items: readonly string[]): readonly string[] {
  if (type !== 'hash') return items;
  return items.flatMap((field, i) => (i % 2 === 0 ? [`${field}=${items[i + 1]}`] : []));
}

class RunningNode implements Node {
  readonly kind: Kind;
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'rkv-replication-'));
  readonly client: Redis;
  #process: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #log = '';

  constructor(kind: Kind, port: number) {
    this.kind = kind;
    this.port = port;
    this.client = new Redis({
      port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: () => 25,
      maxRetriesPerRequest: null,
      // Asked for by tests themselves, where it matters.
      enableReadyCheck: false,
    });
    // Until the server is there connecting fails, and is tried again.
    this.client.on('error', () => {});
  }

  log = (): string => this.#log;

  async start(...args: string[]): Promise<void> {
    const common = ['--port', `${this.port}`, '--dir', this.folder, '--save', '', '--bind', '127.0.0.1'];
    // A primary of redis-server would wait for more replicas for five seconds.
    const eager = ['--repl-diskless-sync-delay', '0'];
    const child =
      this.kind === 'rkv'
        ? spawn(process.execPath, [OURS, ...common, ...ARGS_AS_7_0, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
        : spawn('redis-server', [...common, ...eager, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout?.on('data', (text: Buffer) => {
      this.#log += text;
    });
    this.#process = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    const died = this.#exited.then(() => {
      if (this.#process === child) throw new Error(`the server on port ${this.port} ended:\n${this.#log}`);
    });
    await Promise.race([until(() => this.#answers()), died]);
    died.catch(() => {});
  }

  async call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    return this.client.call(
      command,
      args.map((arg) => (typeof arg === 'number' ? `${arg}` : arg)),
    );
  }

  async refusal(command: string, ...args: (string | number | Buffer)[]): Promise<string> {
    return this.call(command, ...args).then(
      (reply) => `no refusal, but ${String(reply)}`,
      (error: Error) => error.message,
    );
  }

  async info(field: string): Promise<string> {
    const text = await this.client.info();
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    child?.kill(signal);
    await this.#exited;
  }

  async discard(): Promise<void> {
    const died = this.#process !== null && this.#process.exitCode !== null;
    this.client.disconnect();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    if (died) throw new Error(`the server on port ${this.port} ended by itself:\n${this.#log}`);
  }

  async #answers(): Promise<boolean> {
    const reply = await this.call('PING').catch((error: Error) => error.message);
    return reply === 'PONG' || /^(NOAUTH|MASTERDOWN)/.test(String(reply));
  }
}
