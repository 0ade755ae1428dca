/*
 * How many commands on data a node carries out per second. The node counts every command: ours, those of other views that
 * look at the same cluster, and what nodes say to each other about replication. Whoever watches an idle cluster would
 * see the watching. So the calls are counted command by command, without those that are about the server itself.
 */
import { pause } from '../run/deadline.ts';
import { isFailure } from '../run/failure.ts';
import type { NodeClient } from './client.ts';

interface Reading {
  readonly at_ms: number;
  readonly commands: number;
}

/** Between the two readings that a rate takes, where there was none before. */
const SAMPLE_MS = 100;

/** About the server, not its data: `cluster|nodes` is one of `cluster`. */
const HOUSEKEEPING: ReadonlySet<string> = new Set([
  ...['info', 'cluster', 'config', 'client', 'command', 'auth', 'hello', 'role', 'latency', 'slowlog', 'memory'],
  ...[
    'ping',
    'replconf',
    'psync',
    'sync',
    'asking',
    'readonly',
    'readwrite',
    'debug',
    'shutdown',
    'acl',
    'select',
    'quit',
  ],
]);

export class Meter {
  #before: Reading | null = null;

  /** Commands per second since the last reading; null where the server does not tell, or was restarted meanwhile. */
  async read(client: NodeClient): Promise<number | null> {
    try {
      if (this.#before === null) {
        await this.#look(client);
        await pause(SAMPLE_MS, new AbortController().signal);
      }
      return await this.#look(client);
    } catch (error) {
      // No rights, or not while it loads; whether it can be asked at all, others find out.
      if (isFailure(error, 'NODE_REPLY') || isFailure(error, 'NODE_DENIED')) return null;
      throw error;
    }
  }

  async #look(client: NodeClient): Promise<number | null> {
    const text = await client.text('INFO', 'commandstats');
    return this.rate({ at_ms: performance.now(), commands: countCommands(text) });
  }

  /** To whole ones; null for the first reading, or where the node was restarted. */
  rate(reading: Reading): number | null {
    const before = this.#before;
    this.#before = reading;
    if (before === null || reading.at_ms <= before.at_ms || reading.commands < before.commands) return null;
    return Math.round(((reading.commands - before.commands) * 1000) / (reading.at_ms - before.at_ms));
  }
}

/** Of INFO commandstats. */
function countCommands(text: string): number {
  let commands = 0;
  for (const [, name = '', calls] of text.matchAll(/^cmdstat_([^:|]+)[^:]*:calls=(\d+)/gm)) {
    if (!HOUSEKEEPING.has(name.toLowerCase())) commands += Number(calls);
  }
  return commands;
}
