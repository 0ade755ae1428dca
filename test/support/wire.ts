/*
 * The same conversation with our server and, where it is installed, with redis-server 7.0: what Redis does is asked in
 * every run and not remembered. A conversation is a list of steps; each server goes through all of them, and the two
 * transcripts, byte for byte, must be equal. What may differ (times, ids, the order of a set) is said step by step.
 *
 * Steps that carry an expectation hold also where redis-server is not installed.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServerOptions, startServer } from '../../src/index.ts';
import { hasRedisServer } from '../base/real-redis.ts';
import { AS_7_0 } from './as-7-0.ts';
import { startRealServer } from './real-server.ts';
import { RawClient, readTree, requestBytes, type Tree } from './resp.ts';
import { recordSent } from './sent-commands.ts';

/** What is left of a reply for the comparison. */
export type Normalise = (reply: string) => string;

export interface LongStep {
  /** A command, a word each; characters are bytes. */
  send?: readonly string[];
  /** Or bytes as they are. */
  raw?: string;
  /** Which connection: each name is one. */
  on?: string;
  /** How many replies to wait for; 'all': until the server closes the connection. */
  replies?: number | 'all';
  as?: Normalise;
  /** The reply in both protocols, or [in RESP2, in RESP3]. */
  is?: string | readonly [string, string];
}

export type Step = readonly string[] | LongStep;

export interface Mode {
  readonly resp: 2 | 3;
  readonly cluster: boolean;
}

export interface Suite {
  /** Configuration for both servers. */
  config?: Readonly<Record<string, string>>;
  /** Also, or only, against a cluster of one node that owns all slots. */
  cluster?: boolean | 'only';
  /** Neither HELLO nor anything else is said before the conversation. */
  silent?: boolean;
  protocols?: readonly (2 | 3)[];
}

export type Talk = (title: string, steps: readonly Step[] | ((mode: Mode) => readonly Step[])) => void;

/** Declares a suite; `talk` inside of it declares one test for each mode. */
export function conversations(title: string, suite: Suite, declare: (talk: Talk) => void): void {
  const { protocols = [2, 3] } = suite;
  const modes: Mode[] = suite.cluster === 'only' ? [] : protocols.map((resp) => ({ resp, cluster: false }));
  if (suite.cluster !== undefined) modes.push({ resp: protocols.at(-1) as 2 | 3, cluster: true });
  for (const mode of modes) {
    describe(`${title}, RESP${mode.resp}${mode.cluster ? ', cluster' : ''}`, () => {
      let sides: Side[] = [];
      beforeAll(async () => {
        sides = await startSides(suite, mode);
      });
      afterAll(async () => {
        for (const side of sides) await side.stop();
      });
      test.skipIf(!hasRedisServer)('the other side is a real redis-server', () => {
        expect(sides.map(({ name }) => name)).toEqual(['rkv', 'redis-server']);
      });
      declare((name, steps) => {
        test(name, async () => {
          const list = typeof steps === 'function' ? steps(mode) : steps;
          const transcripts: string[][] = [];
          for (const side of sides) transcripts.push(await hold(side, list, { suite, mode }));
          const [ours, theirs] = transcripts;
          if (theirs !== undefined) expect(ours).toEqual(theirs);
        });
      });
    });
  }
}

interface Side {
  name: 'rkv' | 'redis-server';
  port: number;
  stop(): Promise<void>;
}

async function startSides({ config = {} }: Suite, mode: Mode): Promise<Side[]> {
  const all = { 'enable-debug-command': 'yes', ...config, ...(mode.cluster ? { 'cluster-enabled': 'yes' } : {}) };
  const ours = await startServer({ ...AS_7_0, ...all } as ServerOptions);
  const sides: Side[] = [{ name: 'rkv', port: ours.port, stop: () => ours.close() }];
  if (hasRedisServer) {
    const real = await startRealServer(Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]));
    sides.push({ name: 'redis-server', port: real.port, stop: () => real.stop() });
  }
  if (mode.cluster) await Promise.all(sides.map(takeAllSlots));
  return sides;
}

const CLUSTER_READY_WITHIN_MS = 10_000;

async function takeAllSlots({ port }: Side): Promise<void> {
  const client = await RawClient.connect(port);
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  const until_ms = performance.now() + CLUSTER_READY_WITHIN_MS;
  while (!(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
    if (performance.now() > until_ms) throw new Error('the cluster does not become ready');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  client.close();
}

/** Goes through all steps with one server; answers what was said, normalised, one line a step. */
async function hold(
  side: Side,
  steps: readonly Step[],
  { suite, mode }: { suite: Suite; mode: Mode },
): Promise<string[]> {
  const clients = new Map<string, RawClient>();
  const clientOf = async (name: string): Promise<RawClient> => {
    let client = clients.get(name);
    if (client === undefined) {
      client = await RawClient.connect(side.port);
      clients.set(name, client);
      if (suite.silent !== true && mode.resp === 3) await client.call('HELLO', '3');
    }
    return client;
  };
  const transcript: string[] = [];
  try {
    if (suite.silent !== true) await (await clientOf('a')).call('FLUSHALL');
    for (const step of steps) {
      const { send, raw, on = 'a', replies = 1, as, is }: LongStep = isShort(step) ? { send: step } : step;
      const client = await clientOf(on);
      if (send !== undefined) recordSent(send);
      const bytes = raw ?? (send === undefined ? '' : requestBytes(send));
      if (bytes !== '') client.send(bytes);
      const reply =
        replies === 'all' ? await client.takeUntilClosed() : replies === 0 ? '' : await client.take(replies);
      const label = `${on === 'a' ? '' : `${on}: `}${abridged(send === undefined ? JSON.stringify(raw ?? '') : send.map(printable).join(' '))}`;
      const said = as === undefined ? reply : as(reply);
      if (is !== undefined) expect(said, label).toBe(typeof is === 'string' ? is : is[mode.resp === 3 ? 1 : 0]);
      transcript.push(`${label} => ${abridged(JSON.stringify(said))}`);
    }
  } catch (error) {
    (error as Error).message += `\n${side.name} said so far:\n${transcript.join('\n')}`;
    throw error;
  } finally {
    for (const client of clients.values()) client.close();
  }
  return transcript;
}

function isShort(step: Step): step is readonly string[] {
  return Array.isArray(step);
}

function printable(word: string): string {
  return /^[!-~]+$/.test(word) ? word : JSON.stringify(word);
}

const SHOWN_MAX = 4000;

/** Long texts are compared by their ends and a sum over all of them. */
function abridged(text: string): string {
  if (text.length <= SHOWN_MAX) return text;
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, 200)}… ${text.length} characters, sum ${sum} …${text.slice(-200)}`;
}

/** Only what kind of reply it is: its first byte. */
export const kind: Normalise = (reply) => reply.slice(0, 1);

/** Of HELP only how it begins and ends: the words in between are each project's own. */
export const helpFrame: Normalise = (reply) => {
  const lines = reply.split('\r\n');
  return [lines[1], ...lines.slice(-3)].join('\n');
};

/** Only the type of every part of a reply. */
export const shape: Normalise = (reply) => each(reply, shapeOf);

/** Numbers count, but not which: times, ids, ports. */
export const noDigits: Normalise = (reply) => each(reply, (tree) => render(tree).replace(/-?\d+/g, '#'));

/** The order of elements does not count. */
export const unordered: Normalise = (reply) => each(reply, (tree) => render(sorted(tree)));

/** For SCAN: the cursor and the order do not count. */
export const scanned: Normalise = (reply) =>
  each(reply, (tree) => (tree.items.length === 2 ? render(sorted(tree.items[1] as Tree)) : render(tree)));

/** Times that run while the test does: up to the next multiple. */
export const upTo =
  (step: number): Normalise =>
  (reply) =>
    reply.replace(/\d{2,}/g, (digits) => String(Math.ceil(Number(digits) / step) * step));

/** Every reply of a text through a function of its tree. */
function each(reply: string, show: (tree: Tree) => string): string {
  const shown: string[] = [];
  for (let at = 0; at < reply.length; ) {
    const read = readTree(reply, at);
    if (read === null) return [...shown, reply.slice(at)].join(' ');
    shown.push(show(read.tree));
    at = read.end;
  }
  return shown.join(' ');
}

function render({ type, text, items }: Tree): string {
  if ('*~>%'.includes(type)) return `${type}[${items.map(render).join(', ')}]`;
  return `${type}${text}`;
}

function shapeOf({ type, items }: Tree): string {
  if ('*~>%'.includes(type)) return `${type}[${items.map(shapeOf).join(', ')}]`;
  return type;
}

function sorted(tree: Tree): Tree {
  const { type, text } = tree;
  let items = tree.items.map(sorted);
  if (type === '%') {
    const pairs = Array.from({ length: items.length / 2 }, (_, i) => items.slice(i * 2, i * 2 + 2));
    pairs.sort((x, y) => (render(x[0] as Tree) < render(y[0] as Tree) ? -1 : 1));
    items = pairs.flat();
  } else {
    items.sort((x, y) => (render(x) < render(y) ? -1 : 1));
  }
  return { type, text, items };
}
