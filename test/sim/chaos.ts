/*
 * One run of a seed: a cluster is formed, then bad things happen to it for a while, then everything is repaired, and the
 * nodes must come to agree again within a bounded time.
 */
import { SLOTS } from '../../src/base/slot.ts';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { isReplica } from '../../src/server/gossip/state.ts';
import {
  AcknowledgedWrites,
  checkBooks,
  EpochsNeverGoDown,
  OneOwnerASlotAndEpoch,
  OneVoteAnEpoch,
  OneWriterASlot,
  Violation,
  whyNoAgreement,
} from './checkers.ts';
import type { SimNode } from './sim-node.ts';
import { Simulation } from './simulation.ts';

export interface RunOptions {
  seed: number;
  nodes?: number;
  /** Nothing but elections under the worst conditions: finds mistakes in voting soonest. */
  storms?: boolean;
  tamper?: (effects: Effect[]) => Effect[];
}

export interface RunReport {
  nodes: number;
  messages: number;
  votes: number;
  acknowledged: number;
  healed_ms: number;
  formed_ms: number;
}

/** A new cluster on a calm network agrees within this time, and a healed one within that many node timeouts. */
const FORMING_MS_MAX = 10_000;
const HEALING_TIMEOUTS_MAX = 20;
const LOOK_MS = 100;
/** On top of the node timeout, until a primary that was replaced notices: a few ticks, and messages on their way. */
const NOTICE_MS = 500;
const NODES_MIN = 5;
const NODES_MAX = 30;
const STORM = 0.35;

/** Throws a Violation, whose message names the seed. */
export function run(options: RunOptions): RunReport {
  const { seed } = options;
  try {
    return new Run(options).go();
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message} (replay: RKV_SEED=${seed})`;
    throw error;
  }
}

class Run {
  readonly sim: Simulation;
  readonly votes = new OneVoteAnEpoch();
  readonly writes = new AcknowledgedWrites();
  readonly timeout_ms: number;
  readonly storms: boolean;
  readonly shards: number;
  readonly replicas: number;
  /** Replicas that move between shards take part in no promise to clients made before. */
  readonly promises: boolean;

  constructor({ seed, nodes: wanted, storms, tamper }: RunOptions) {
    const dice = new Simulation({ seed, nodes: 0 }).prng;
    // Few are large: the work grows with the square, and small clusters find as much.
    const nodes = wanted ?? NODES_MIN + Math.floor(dice.float() ** 2 * (NODES_MAX - NODES_MIN + 1));
    this.replicas = nodes >= 9 && dice.chance(0.4) ? 2 : 1;
    this.shards = Math.max(3, Math.floor(nodes / (1 + this.replicas)));
    this.timeout_ms = 1000 + dice.below(2000);
    const allowReplicaMigration = dice.chance(0.5);
    this.promises = this.replicas === 1 || !allowReplicaMigration;
    this.sim = new Simulation({
      seed,
      nodes,
      config: { nodeTimeout_ms: this.timeout_ms, allowReplicaMigration },
      latency_ms: [1, 2 + dice.below(40)],
      skew_ms: dice.chance(0.5) ? 0 : dice.below(3000),
      codec: seed % 16 === 0,
      ...(tamper === undefined ? {} : { tamper }),
    });
    this.storms = storms === true;
    this.sim.waitFor = this.replicas;
    // Some come back before anybody has missed them.
    this.sim.observers.push({ crashed: (node) => this.#perhapsRestart(node) });
    this.sim.observers.push(this.votes, new OneOwnerASlotAndEpoch(), new EpochsNeverGoDown(), this.writes);
    this.sim.observers.push(new OneWriterASlot(this.sim, this.timeout_ms + NOTICE_MS));
  }

  go(): RunReport {
    const { sim } = this;
    const formed_ms = this.#form();
    if (sim.prng.chance(0.3)) this.#moveSlot();
    sim.writing = true;
    sim.advance(1000);
    this.#torment();
    this.#repair();
    const healed_ms = this.#agree('healing', this.timeout_ms * HEALING_TIMEOUTS_MAX);
    if (this.promises) this.writes.check(sim);
    for (const { state } of sim.alive) if (state !== null) checkBooks(state);
    const acknowledged = this.writes.writes.size;
    return {
      nodes: sim.nodes.length,
      messages: sim.messages,
      votes: this.votes.votes,
      acknowledged,
      healed_ms,
      formed_ms,
    };
  }

  #form(): number {
    const { sim, shards } = this;
    const [first, ...others] = sim.nodes as [SimNode, ...SimNode[]];
    for (let shard = 0; shard < shards; shard++) {
      const start = Math.floor((shard * SLOTS) / shards);
      const end = Math.floor(((shard + 1) * SLOTS) / shards);
      const slots = Array.from({ length: end - start }, (_, i) => start + i);
      sim.command(sim.nodes[shard] as SimNode, { type: 'addSlots', slots });
    }
    for (const _ of others) sim.command(_, { type: 'meet', ip: first.ip, port: 7000, busPort: 17000 });
    const met_ms = this.#agree('forming', FORMING_MS_MAX);
    for (let i = shards; i < Math.min(sim.nodes.length, shards * (1 + this.replicas)); i++) {
      sim.command(sim.nodes[i] as SimNode, { type: 'replicate', node: (sim.nodes[i % shards] as SimNode).firstId });
    }
    return met_ms + this.#agree('replicas', FORMING_MS_MAX);
  }

  /** As an operator does it; clients and faults keep away from it. */
  #moveSlot(): void {
    const { sim, shards } = this;
    const slot = sim.prng.below(SLOTS);
    const from = sim.nodes.slice(0, shards).find(({ state }) => state?.myself.slots.has(slot)) as SimNode;
    const to = sim.nodes.slice(0, shards).find((node) => node !== from) as SimNode;
    const node = to.firstId;
    sim.command(to, { type: 'setSlotImporting', slot, node: from.firstId });
    sim.command(from, { type: 'setSlotMigrating', slot, node });
    sim.command(to, { type: 'setSlotNode', slot, node });
    sim.command(from, { type: 'setSlotNode', slot, node });
    this.#agree('moving a slot', FORMING_MS_MAX);
  }

  #torment(): void {
    const { sim, timeout_ms } = this;
    const { prng } = sim;
    if (this.storms || prng.chance(0.5)) sim.crashAfterVote = this.storms ? 0.9 : 0.3;
    const rounds = 6 + prng.below(6);
    for (let round = 0; round < rounds; round++) {
      this.#strike();
      sim.advance(prng.below(timeout_ms * 2));
    }
  }

  #strike(): void {
    const { sim, timeout_ms } = this;
    const { prng } = sim;
    const dice = this.storms ? STORM : prng.float();
    const node = prng.pick(sim.nodes);
    if (dice < 0.25) {
      this.#crash(node);
    } else if (dice <= STORM) {
      this.#storm();
      if (this.storms) sim.advance(timeout_ms + 3000);
    } else if (dice < 0.55) {
      this.#cutNetwork(node);
      sim.at(prng.below(timeout_ms * 5), () => sim.heal());
    } else if (dice < 0.65) {
      for (let i = 0; i < 5; i++) sim.resetConnection(prng.pick(sim.nodes));
    } else if (dice < 0.75) {
      sim.crashBetweenEffects = 0.002;
      sim.at(prng.below(timeout_ms), () => {
        sim.crashBetweenEffects = 0;
      });
    } else if (dice < 0.85) {
      // The longest nap is one that an election fits in.
      sim.freeze(node, prng.below(timeout_ms * 4));
    } else if (dice < 0.95) {
      this.#failOver(node);
    } else {
      // A power cut for everybody.
      for (const other of sim.nodes) this.#crash(other);
    }
    for (const other of sim.nodes) if (other.state === null && prng.chance(0.3)) sim.boot(other);
  }

  /**
   * Several primaries die at once, and when they are found failed one voter is all that the candidates can reach: they
   * ask it in one and the same epoch. It may crash between two votes.
   */
  #storm(): void {
    const { sim, timeout_ms } = this;
    const isCandidate = ({ state }: SimNode): boolean => state !== null && isReplica(state.myself);
    const primaries = sim.alive.filter((node) => !isCandidate(node));
    const dying = primaries.slice(0, (primaries.length - 1) >> 1);
    for (const node of dying) sim.crash(node, { power: true });
    sim.at(timeout_ms + 500, () => {
      const voters = primaries.filter((node) => !dying.includes(node));
      if (voters.length === 0) return;
      const hub = sim.prng.pick(voters);
      for (const a of sim.nodes) for (const b of sim.nodes) if (a !== b && a !== hub && b !== hub) sim.cut(a, b);
    });
    sim.at(timeout_ms + 3000, () => sim.heal());
  }

  #cutNetwork(node: SimNode): void {
    const { sim } = this;
    const { prng } = sim;
    const dice = prng.float();
    if (dice < 0.3) {
      sim.partition((other) => (other === node ? 1 : 0));
    } else if (dice < 0.6) {
      const parts = prng.chance(0.3) ? 3 : 2;
      sim.partition(() => prng.below(parts));
    } else {
      const density = prng.float() / 2;
      for (const a of sim.nodes) for (const b of sim.nodes) if (a !== b && prng.chance(density)) sim.cut(a, b);
    }
  }

  #crash(node: SimNode): void {
    const { sim } = this;
    sim.crash(node, { power: sim.prng.chance(0.5) });
  }

  #perhapsRestart(node: SimNode): void {
    const { sim } = this;
    if (node.powerless || !(this.storms || sim.prng.chance(0.7))) return;
    sim.at(sim.prng.below(this.storms ? 20 : 200), () => {
      if (node.state === null) sim.boot(node);
    });
  }

  #failOver(node: SimNode): void {
    const { sim } = this;
    if (node.state === null || !isReplica(node.state.myself)) return;
    sim.command(node, { type: 'failover', mode: sim.prng.chance(0.7) ? 'agreed' : 'force' });
  }

  #repair(): void {
    const { sim } = this;
    sim.crashBetweenEffects = 0;
    sim.crashAfterVote = 0;
    sim.heal();
    for (const node of sim.nodes) if (node.state === null) sim.boot(node);
  }

  #agree(stage: string, within_ms: number): number {
    const { sim } = this;
    for (let waited_ms = 0; waited_ms <= within_ms; waited_ms += LOOK_MS) {
      if (whyNoAgreement(sim) === null) return waited_ms;
      sim.advance(LOOK_MS);
    }
    throw new Violation(`${stage} took longer than ${within_ms} ms: ${whyNoAgreement(sim)}`);
  }
}
