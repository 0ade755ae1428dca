/*
 * What must hold in every run, whatever happens to the network and the nodes. Each checker is told what the nodes do and
 * throws a Violation at the first wrong move.
 */
import { SLOTS } from '../../src/base/slot.ts';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { FAILED, HANDSHAKE, SUSPECTED } from '../../src/server/gossip/flags.ts';
import { type Header, VOTE } from '../../src/server/gossip/message.ts';
import { type ClusterNode, isPrimary, type State } from '../../src/server/gossip/state.ts';
import type { SimNode } from './sim-node.ts';
import type { Observer, Simulation } from './simulation.ts';

export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A voter votes once in an epoch, also across crashes. */
export class OneVoteAnEpoch implements Observer {
  votes = 0;
  readonly #given = new Map<string, string>();

  effect(node: SimNode, effect: Effect): void {
    if (effect.type !== 'send' || effect.message.type !== VOTE) return;
    const { header } = effect.message;
    const vote = `${header.sender} in epoch ${header.currentEpoch}`;
    const candidate = node.state?.links.get(effect.link)?.id ?? 'nobody';
    const before = this.#given.get(vote);
    if (before !== undefined) throw new Violation(`${vote} voted for ${before} and for ${candidate}`);
    this.votes++;
    this.#given.set(vote, candidate);
  }
}

/** Of two claims to one slot with one epoch nobody could tell the better one. */
export class OneOwnerASlotAndEpoch implements Observer {
  readonly #claims = new Map<number, (string | undefined)[]>();
  readonly #last = new Map<SimNode, Header>();

  effect(node: SimNode, effect: Effect): void {
    if (effect.type !== 'send' && effect.type !== 'reply') return;
    const { header } = effect.message;
    if (header.primary !== '') return;
    const last = this.#last.get(node);
    if (last !== undefined && last.slots === header.slots && last.configEpoch === header.configEpoch) return;
    this.#last.set(node, header);
    this.#check(header);
  }

  #check({ sender, configEpoch, slots }: Header): void {
    let owners = this.#claims.get(configEpoch);
    if (owners === undefined) {
      owners = new Array<string | undefined>(SLOTS);
      this.#claims.set(configEpoch, owners);
    }
    for (let byte = 0; byte < slots.length; byte++) {
      if (slots[byte] === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if (((slots[byte] as number) & (1 << bit)) === 0) continue;
        const slot = byte * 8 + bit;
        const owner = owners[slot];
        if (owner !== undefined && owner !== sender) {
          throw new Violation(`slot ${slot} was claimed with epoch ${configEpoch} by ${owner} and by ${sender}`);
        }
        owners[slot] = sender;
      }
    }
  }
}

/** currentEpoch and lastVoteEpoch only grow; after a crash they are at least what was certain to be on disk. */
export class EpochsNeverGoDown implements Observer {
  readonly #seen = new Map<SimNode, { current: number; vote: number }>();

  stepped(node: SimNode, state: State): void {
    let seen = this.#seen.get(node);
    if (seen === undefined) {
      seen = { current: 0, vote: 0 };
      this.#seen.set(node, seen);
    }
    if (state.currentEpoch < seen.current || state.lastVoteEpoch < seen.vote) {
      throw new Violation(
        `node ${node.index} went from epoch ${seen.current} (vote ${seen.vote}) ` +
          `to ${state.currentEpoch} (vote ${state.lastVoteEpoch})`,
      );
    }
    if (state.lastVoteEpoch > state.currentEpoch) throw new Violation(`node ${node.index} voted in a future epoch`);
    seen.current = state.currentEpoch;
    seen.vote = state.lastVoteEpoch;
  }

  crashed(node: SimNode): void {
    const found = /vars currentEpoch (\d+) lastVoteEpoch (\d+)/.exec(node.durable ?? '');
    this.#seen.set(node, { current: Number(found?.[1] ?? 0), vote: Number(found?.[2] ?? 0) });
  }
}

/**
 * A primary that was replaced stops taking writes in time. Watched for the lowest slot of each writer, which stands for its
 * shard.
 */
export class OneWriterASlot implements Observer {
  readonly #sim: Simulation;
  readonly #allowed_ms: number;
  readonly #newest = new Map<number, { writer: SimNode; epoch: number; since_ms: number }>();

  constructor(sim: Simulation, allowed_ms: number) {
    this.#sim = sim;
    this.#allowed_ms = allowed_ms;
  }

  wrote(writer: SimNode, { myself }: State): void {
    const [slot] = myself.slots;
    const { now_ms } = this.#sim;
    const newest = this.#newest.get(slot!);
    if (newest === undefined || myself.configEpoch > newest.epoch || newest.writer === writer) {
      const since_ms = newest?.writer === writer ? newest.since_ms : now_ms;
      this.#newest.set(slot!, { writer, epoch: myself.configEpoch, since_ms });
    } else if (now_ms - newest.since_ms > this.#allowed_ms) {
      throw new Violation(
        `node ${writer.index} took a write for slot ${slot} with epoch ${myself.configEpoch}, ${now_ms - newest.since_ms} ms ` +
          `after node ${newest.writer.index} had taken one with epoch ${newest.epoch}`,
      );
    }
  }
}

/** Writes that clients were told are safe. */
export class AcknowledgedWrites implements Observer {
  readonly writes = new Set<number>();

  acknowledged(_node: SimNode, write: number): void {
    this.writes.add(write);
  }

  /** Called when the network has healed: every one of them is where clients read. */
  check(sim: Simulation): void {
    const missing = new Set(this.writes);
    for (const node of sim.nodes) {
      if (node.state === null || !isPrimary(node.state.myself) || node.state.myself.slots.count() === 0) continue;
      for (const write of node.data) missing.delete(write);
    }
    if (missing.size > 0) {
      throw new Violation(`${missing.size} acknowledged writes are lost, first ${[...missing][0]}`);
    }
  }
}

/** Invariants 1 to 4 of state.ts. Slow: for the end of a run. */
export function checkBooks(state: State): void {
  const fail = (what: string): never => {
    throw new Violation(`in the books of ${state.myself.id}: ${what}`);
  };
  let assigned = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    const index = state.owner[slot] as number;
    if (index === -1) continue;
    assigned++;
    if (state.byIndex[index]?.slots.has(slot) !== true) fail(`the owner of ${slot} has not got it`);
  }
  if (assigned !== state.assigned) fail(`${assigned} slots are assigned, not ${state.assigned}`);
  let owned = 0;
  for (const node of state.list) {
    owned += node.slots.count();
    if (state.nodes.get(node.id) !== node || state.byIndex[node.index] !== node) fail(`${node.id} is lost`);
    if (!isPrimary(node) && node.slots.count() > 0) fail(`${node.id} owns slots and is no primary`);
    if (node.primary !== null && !node.primary.replicas.includes(node)) fail(`${node.id} is no replica of its primary`);
    if (node.configEpoch > state.currentEpoch) fail(`${node.id} is ahead of the current epoch`);
    if (node.link !== 0 && state.links.get(node.link) !== node) fail(`the link to ${node.id} is another's`);
  }
  if (owned !== assigned || state.nodes.size !== state.list.length) fail('something is counted twice');
  if ((state.myself.flags & (HANDSHAKE | SUSPECTED | FAILED)) !== 0) fail('it doubts itself');
}

/** Null when all live nodes see the same cluster: slots, roles, epochs, and everybody well. */
export function whyNoAgreement(sim: Simulation): string | null {
  const { alive } = sim;
  for (const { state, index } of alive) {
    if (state === null) continue;
    if (!state.ok) return `node ${index} finds the cluster down`;
    if (state.list.length !== alive.length) return `node ${index} knows ${state.list.length} nodes`;
    for (const subject of alive) {
      const why = whyDifferent(state, subject.state as State);
      if (why !== null) return `node ${index} about node ${subject.index}: ${why}`;
    }
  }
  return null;
}

function whyDifferent(viewer: State, subject: State): string | null {
  const seen: ClusterNode | undefined = viewer.nodes.get(subject.myself.id);
  const { myself } = subject;
  if (seen === undefined) return 'unknown';
  if ((seen.flags & (FAILED | SUSPECTED | HANDSHAKE)) !== 0) return `flags ${seen.flags}`;
  if (isPrimary(seen) !== isPrimary(myself)) return 'another role';
  if ((seen.primary?.id ?? '') !== (myself.primary?.id ?? '')) return 'another primary';
  if (isPrimary(seen) && seen.configEpoch !== myself.configEpoch) return 'another epoch';
  if (!seen.slots.equals(myself.slots)) return 'other slots';
  return null;
}
