/*
 * Six servers, and in every round something bad: a node is killed, frozen, or cut off from the others. Meanwhile writers go on
 * that believe a write when WAIT 1 does. After every round all must agree again, and hold what was acknowledged; and no two
 * nodes may have taken writes for one slot for longer than the node timeout allows.
 *
 * Few rounds in a usual run; RKV_ROUNDS=300 for many, RKV_SEED=n for those of an earlier run.
 */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { entropySeed, Prng } from '../../src/base/prng.ts';
import { connectNode, type NodeClient } from '../../src/cluster/node/client.ts';
import { parseCondition } from '../../src/cluster/observe/conditions.ts';
import { readTopology } from '../../src/cluster/observe/topology.ts';
import { adoptNodes, planAdoption } from '../../src/cluster/operations/adopt.ts';
import { CliFailure } from '../../src/cluster/run/failure.ts';
import { finish } from '../../src/cluster/run/run.ts';
import { targetOf } from '../../src/cluster/topology/target.ts';
import type { NodeView, Topology } from '../../src/cluster/topology/view.ts';
import { BusProxy } from './bus-proxy.ts';
import { answers, type Started, startNode, temporaryFolder, until } from './processes.ts';

const PORT = 20_260;
const NODES = 6;
const ROUNDS = Number(process.env.RKV_ROUNDS ?? 3);
const SEED = Number(process.env.RKV_SEED ?? entropySeed());
/** As short as failovers on a busy machine allow: a round takes several of it. */
const NODE_TIMEOUT_MS = 700;
/** On top of the node timeout, for a machine that is busy: ticks of the nodes, and questions that were on their way. */
const SLACK_MS = 1000;
const CONVERGED_WITHIN_MS = 60_000;
const QUESTION_MS = 400;
/** Each key is written again and again, always with a higher number. */
const KEYS = 500;
/** One in each third of the slots. */
const TAGS = ['b', 'c', 'a'];

const addresses = Array.from({ length: NODES }, (_, i) => ({ host: '127.0.0.1', port: PORT + i }));
const target = targetOf(addresses);

test(`${ROUNDS} rounds of kills, pauses and partitions lose nothing and end in agreement`, {
  timeout: 120_000 + ROUNDS * 90_000,
}, async () => {
  const chaos = await Chaos.start();
  for (let round = 0; round < ROUNDS; round++) {
    const what = await chaos.round(round);
    await chaos.converge(`round ${round} (${what}), RKV_SEED=${SEED}`);
  }
  expect(chaos.acknowledged()).toBeGreaterThan(ROUNDS * 100);
});

class Chaos {
  readonly #prng = new Prng(SEED);
  readonly #proxy: BusProxy;
  readonly #nodes: Started[];
  readonly #ids: string[] = [];
  readonly #folder: string;
  readonly #writers: Writer[];

  static async start(): Promise<Chaos> {
    const chaos = new Chaos(new BusProxy(), temporaryFolder());
    await chaos.#form();
    return chaos;
  }

  private constructor(proxy: BusProxy, folder: string) {
    this.#proxy = proxy;
    this.#folder = folder;
    onTestFinished(() => proxy.close());
    this.#nodes = addresses.map((_, i) => this.#launch(i));
    this.#writers = TAGS.map((tag) => new Writer(tag));
  }

  acknowledged(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }

  /** One bad thing, from beginning to end; answers what it was. */
  async round(number: number): Promise<string> {
    const topology = await readTopology(target, { timeout_ms: 5000 });
    const shard = this.#prng.pick(topology.shards);
    const victim = this.#prng.chance(0.75) ? shard.primary : shard.replicas[0]!;
    const kinds = ['kill', 'pause', 'partition'] as const;
    const kind = kinds[number % kinds.length]!;
    const held_ms = Math.round(NODE_TIMEOUT_MS * (0.2 + this.#prng.float() * 2.3));
    const probe = new Probe(TAGS[slotThird(shard.primary)]!, [shard.primary, ...shard.replicas]);
    const working = [...this.#writers, probe].map((one) => one.run());
    const event_ms = await this[kind](victim, held_ms);
    // Whoever comes back may find that it has been replaced meanwhile.
    await sleep(NODE_TIMEOUT_MS);
    for (const one of [...this.#writers, probe]) one.stop();
    await Promise.all(working);
    const what = `${kind} of ${victim.role} ${victim.port} for ${held_ms} ms`;
    const late = probe.doubleAccepts(event_ms + NODE_TIMEOUT_MS + SLACK_MS);
    expect(late, `writes that two nodes took, ${what}, RKV_SEED=${SEED}`).toEqual([]);
    return what;
  }

  /** Until all agree and are in sync; then every write that was acknowledged must be there, or a later one. */
  async converge(what: string): Promise<void> {
    const isReady = parseCondition('ready');
    const isSynced = parseCondition('synced');
    let missing: string | null = '';
    const hasConverged = async (): Promise<boolean> => {
      const topology = await readTopology(target, { timeout_ms: 2000 });
      missing = isReady(topology) ?? isSynced(topology) ?? (await this.#findUnread(topology, what));
      return missing === null;
    };
    await until(what, hasConverged, CONVERGED_WITHIN_MS).catch((error: Error) => {
      throw new Error(`${error.message}: ${missing}`);
    });
  }

  /** Reads everything back; answers why it cannot be read, if the cluster has come to disagree again meanwhile. */
  async #findUnread(topology: Topology, what: string): Promise<string | null> {
    for (const writer of this.#writers) {
      const lost = await writer.findLost(topology).catch((error: Error) => {
        if (error instanceof CliFailure && /^(CLUSTERDOWN|MOVED) /.test(error.why ?? '')) return error.why as string;
        throw error;
      });
      if (typeof lost === 'string') return lost;
      expect(lost, what).toEqual([]);
    }
    return null;
  }

  /** Each answers the moment from which on the old primary has the node timeout to notice. */
  async kill({ port }: NodeView, held_ms: number): Promise<number> {
    const i = port - PORT;
    await this.#nodes[i]!.kill();
    await sleep(held_ms);
    this.#nodes[i] = this.#launch(i);
    await answers(this.#nodes[i]!);
    return performance.now();
  }

  async pause({ port }: NodeView, held_ms: number): Promise<number> {
    const { child } = this.#nodes[port - PORT]!;
    const stopped_ms = performance.now();
    child.kill('SIGSTOP');
    await sleep(held_ms);
    child.kill('SIGCONT');
    return stopped_ms;
  }

  async partition({ port }: NodeView, held_ms: number): Promise<number> {
    const cut_ms = performance.now();
    this.#proxy.isolate([this.#ids[port - PORT]!]);
    await sleep(held_ms + NODE_TIMEOUT_MS);
    this.#proxy.heal();
    return cut_ms;
  }

  async #form(): Promise<void> {
    for (const [i, node] of this.#nodes.entries()) {
      await answers(node);
      const client = clientOf(node.port);
      this.#ids.push(await client.text('CLUSTER', 'MYID'));
      client.close();
      await this.#proxy.lead(announcedBus(i), realBus(i), () => this.#ids[i]!);
    }
    await finish(adoptNodes(planAdoption(addresses, { replicas: 1 }), { access: {}, timeout_ms: 60_000 }));
  }

  #launch(i: number): Started {
    const args = [
      ['cluster-enabled', 'yes'],
      ['cluster-node-timeout', String(NODE_TIMEOUT_MS)],
      ['cluster-port', String(realBus(i))],
      ['cluster-announce-bus-port', String(announcedBus(i))],
      // Every shard keeps its replica, so that there is always somebody to acknowledge a write.
      ['cluster-allow-replica-migration', 'no'],
      ['repl-diskless-sync-delay', '0'],
      ['appendonly', 'yes'],
    ];
    return startNode('rkv', {
      port: PORT + i,
      dir: join(this.#folder, String(i)),
      args: args.flatMap(([name, value]) => [`--${name}`, value!]),
    });
  }
}

/** Writes to one slot for as long as it runs, to whoever serves it. */
class Writer {
  readonly #tag: string;
  readonly #clients = new Map<number, NodeClient>();
  /** The number that was acknowledged last, by key. */
  readonly #known = new Map<string, number>();
  #port = PORT;
  #next = 0;
  acknowledged = 0;
  #isRunning = false;

  constructor(tag: string) {
    this.#tag = tag;
    onTestFinished(() => {
      for (const client of this.#clients.values()) client.close();
    });
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isRunning) {
      const number = ++this.#next;
      const key = `{${this.#tag}}:${number % KEYS}`;
      const client = this.#clientAt(this.#port);
      try {
        await client.call('SET', key, number);
        if (Number(await client.call('WAIT', 1, QUESTION_MS / 2)) < 1) continue;
        this.#known.set(key, number);
        this.acknowledged++;
      } catch (error) {
        if (!(error instanceof CliFailure)) throw error;
        const moved = /^MOVED \d+ \S+:(\d+)/.exec(error.why ?? '');
        this.#port = moved === null ? PORT + ((this.#port - PORT + 1) % NODES) : Number(moved[1]);
        await sleep(10);
      }
    }
  }

  /** Keys whose value is older than what was acknowledged. */
  async findLost({ shards }: Topology): Promise<string[]> {
    if (this.#known.size === 0) return [];
    const keys = [...this.#known.keys()];
    const owner = shards[TAGS.indexOf(this.#tag)]!.primary;
    const client = connectNode(owner, {}, 5000);
    const values = (await client.call('MGET', ...keys)) as (string | null)[];
    client.close();
    return keys
      .filter((key, i) => Number(values[i] ?? 0) < this.#known.get(key)!)
      .map((key) => `${key} of ${this.#known.get(key)} is ${values[keys.indexOf(key)]}`);
  }

  #clientAt(port: number): NodeClient {
    const client = this.#clients.get(port) ?? clientOf(port);
    this.#clients.set(port, client);
    return client;
  }
}

/** Asks every node of a shard to take writes of one slot, all the time, and remembers who did when. */
class Probe {
  readonly #tag: string;
  readonly #clients: NodeClient[];
  /** When they were sent. */
  readonly #accepted = new Map<NodeClient, number[]>();
  #isRunning = true;

  constructor(tag: string, nodes: readonly NodeView[]) {
    this.#tag = tag;
    this.#clients = nodes.map(({ port }) => clientOf(port));
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    await Promise.all(this.#clients.map((client) => this.#askOn(client)));
    for (const client of this.#clients) client.close();
  }

  /** Writes that the first node, the primary at the beginning, took later than `since_ms`, and after the other had taken one. */
  doubleAccepts(since_ms: number): string[] {
    const [old = [], other = []] = this.#clients.map((client) => this.#accepted.get(client) ?? []);
    const [first_ms = Number.POSITIVE_INFINITY] = other;
    return old
      .filter((sent_ms) => sent_ms > Math.max(since_ms, first_ms))
      .map((sent_ms) => `${Math.round(sent_ms - since_ms)} ms later than allowed`);
  }

  async #askOn(client: NodeClient): Promise<void> {
    const accepted: number[] = [];
    this.#accepted.set(client, accepted);
    while (this.#isRunning) {
      const sent_ms = performance.now();
      try {
        await client.call('SET', `{${this.#tag}}:probe`, Math.round(sent_ms));
        accepted.push(sent_ms);
      } catch (error) {
        if (!(error instanceof CliFailure)) throw error;
      }
      await sleep(15);
    }
  }
}

function slotThird({ slots }: NodeView): number {
  return Math.round((slots[0]!.start / 16_384) * 3);
}

function clientOf(port: number): NodeClient {
  return connectNode({ host: '127.0.0.1', port }, {}, QUESTION_MS);
}

function realBus(i: number): number {
  return PORT + 100 + i;
}

function announcedBus(i: number): number {
  return PORT + 200 + i;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
