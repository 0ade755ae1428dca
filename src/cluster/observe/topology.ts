/*
 * What runs is asked of the nodes themselves, never remembered. Every node is asked in parallel for its view of the
 * cluster and for facts about itself; a node that does not answer in time stands in the topology as unreachable, with
 * what the others say of it.
 */

import { processOf } from '../machine/node-process.ts';
import { type Address, formatAddress } from '../node/address.ts';
import { connectNode, type NodeClient, silentFailure } from '../node/client.ts';
import { askNode, type NodeFacts } from '../node/facts.ts';
import { Meter } from '../node/meter.ts';
import { type ProcessState, pausedFailure } from '../node/silence.ts';
import { pause, startDeadline } from '../run/deadline.ts';
import { assembleTopology, dropTwins, findUnasked } from '../topology/assemble.ts';
import type { ClusterTarget } from '../topology/target.ts';
import type { Topology } from '../topology/view.ts';
import { judge } from '../verify/health.ts';

export interface ReadOptions {
  /** For one reading, of all nodes together: those that have not answered by then count as silent. */
  readonly timeout_ms: number;
  /** Directives to ask every node for, besides. */
  readonly config?: readonly string[] | undefined;
  /** Measures the commands per second, for which the first reading takes a tenth of a second longer. */
  readonly traffic?: boolean | undefined;
}

/** Reads a topology again and again over the same connections. */
export interface Observer {
  read(): Promise<Topology>;
  close(): void;
}

/** Rounds of asking nodes that were only heard of: one is enough unless views differ. */
const DISCOVERY_ROUNDS_MAX = 4;
/** Of the time that is left, for each round but the last: a node that is silent must not take the time of those it hides. */
const ROUND_SHARE = 0.75;

export async function readTopology(target: ClusterTarget, options: ReadOptions): Promise<Topology> {
  const observer = observe(target, options);
  try {
    return await observer.read();
  } finally {
    observer.close();
  }
}

export function observe(target: ClusterTarget, { timeout_ms, config = [], traffic = false }: ReadOptions): Observer {
  const clients = new Map<string, NodeClient>();
  const meters = new Map<string, Meter>();
  const clientOf = (address: Address): NodeClient => {
    const name = formatAddress(address);
    const client = clients.get(name) ?? connectNode(address, target.access, timeout_ms);
    clients.set(name, client);
    return client;
  };
  const meterOf = ({ name }: NodeClient): Meter => {
    const meter = meters.get(name) ?? new Meter();
    meters.set(name, meter);
    return meter;
  };
  const ask = async (address: Address, within_ms: number): Promise<NodeFacts> => {
    const client = clientOf(address);
    // A frozen process takes connections and answers nothing: there is nothing to wait for.
    if (processAt(target, address) === 'paused') {
      return { client, answer: null, error: pausedFailure(client.name), process: 'paused' };
    }
    const facts = await inTime(askNode(client, { config, meter: traffic ? meterOf(client) : null }), within_ms, client);
    return facts.error === null ? facts : { ...facts, process: processAt(target, address) };
  };
  return {
    async read() {
      // What it takes to speak is loaded first: that is not the time of the nodes.
      await import('../node/connection.ts');
      const started_ms = performance.now();
      const deadline = startDeadline(timeout_ms);
      const facts: NodeFacts[] = [];
      const asked = new Set<string>();
      let addresses: readonly Address[] = target.addresses;
      for (let round = 1; round <= DISCOVERY_ROUNDS_MAX && addresses.length > 0; round++) {
        for (const address of addresses) asked.add(formatAddress(address));
        const share = round === DISCOVERY_ROUNDS_MAX ? 1 : ROUND_SHARE;
        const within_ms = deadline.left_ms() * share;
        facts.push(...(await Promise.all(addresses.map((address) => ask(address, within_ms)))));
        addresses = findUnasked(facts, asked);
      }
      const topology = assembleTopology(dropTwins(facts), target.name);
      return {
        ...topology,
        ...judge(topology),
        readAt: new Date().toISOString(),
        took_ms: performance.now() - started_ms,
      };
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** A node that is late counts as silent; what it answers afterwards is nobody's. */
async function inTime(asking: Promise<NodeFacts>, within_ms: number, client: NodeClient): Promise<NodeFacts> {
  const over = new AbortController();
  const late = pause(within_ms, over.signal).then(
    (): NodeFacts => ({ client, answer: null, error: silentFailure(client.name, 'INFO', within_ms), process: null }),
  );
  try {
    return await Promise.race([asking, late]);
  } finally {
    over.abort();
  }
}

/** null for nodes of others. */
function processAt({ folder }: ClusterTarget, { port }: Address): ProcessState | null {
  return folder === null ? null : processOf(folder, port);
}
