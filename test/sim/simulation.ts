/*
 * A network of cluster nodes in one process and in virtual time. Everything random comes from one seed, so a run can be
 * repeated exactly. What is modelled:
 *
 * - Connections as TCP has them: bytes keep their order, none is lost while the connection lives. A partition stalls
 *   them; what was on its way arrives when it heals, perhaps much too late. A closed or reset end is told to the other,
 *   unless its host is without power.
 * - Disks: `persist` writes the real nodes.conf text. Without fsync it may be lost in a crash, until a `sync` is done. A node may crash between
 *   any two effects, and starts again from the text alone.
 * - Clocks that differ, and that are set.
 * - Processes that stand still for a while: then comes all at once that waited, the requests of clients first.
 * - Data: each shard is a log of write numbers; replicas follow, writes are acknowledged once enough of them have it.
 */
import { Prng } from '../../src/base/prng.ts';
import { decodeMessage, encodeMessage } from '../../src/server/gossip/codec.ts';
import type { Effect } from '../../src/server/gossip/effect.ts';
import type { Command, CommandResult, Event } from '../../src/server/gossip/event.ts';
import { sleepLimit_ms } from '../../src/server/gossip/health.ts';
import { type Message, VOTE } from '../../src/server/gossip/message.ts';
import { formatNodesConf, loadNodesConf } from '../../src/server/gossip/nodes-conf.ts';
import { createState, type State, TICK_MS } from '../../src/server/gossip/state.ts';
import { endTurn, runCommand, step } from '../../src/server/gossip/step.ts';
import { EventQueue } from './event-queue.ts';
import { Connection, type Delivery, END, type NodeOptions, type Payload, SimNode, UP } from './sim-node.ts';

export const EPOCH_MS = 1_800_000_000_000;
const SYN_RETRY_MS = 1000;
const CONNECT_MS_MAX = 30_000;
const REPLICATION_MS = 100;
const SYNC_MS = 50;

export interface SimulationOptions extends NodeOptions {
  seed: number;
  nodes: number;
  latency_ms?: readonly [number, number];
  /** Messages travel as bytes. */
  codec?: boolean;
  /** Only for tests of the tests: what the node does instead of what the machine asked for. */
  tamper?: (effects: Effect[]) => Effect[];
}

/** Sees everything, changes nothing. */
export interface Observer {
  /** Before an effect is carried out. */
  effect?(node: SimNode, effect: Effect): void;
  /** After every step of a node that is still alive. */
  stepped?(node: SimNode, state: State): void;
  crashed?(node: SimNode): void;
  booted?(node: SimNode, state: State): void;
  /** A primary takes a write for its slots. */
  wrote?(node: SimNode, state: State): void;
  acknowledged?(node: SimNode, write: number): void;
}

export class Simulation {
  readonly prng: Prng;
  readonly nodes: SimNode[] = [];
  readonly observers: Observer[] = [];
  now_ms = EPOCH_MS;
  /** What the date of all machines is ahead of the time that passes: set it to set their clocks. */
  wallAhead_ms = 0;
  /** The chance of a crash before each effect. */
  crashBetweenEffects = 0;
  /** The chance of a crash right after a vote has left. */
  crashAfterVote = 0;
  /** The chance that a persist without fsync is lost in a crash. */
  tornWrites = 0.5;
  writing = false;
  /** Writes wait for this many replicas. */
  waitFor = 1;
  nextWrite = 1;
  messages = 0;
  readonly #options: SimulationOptions;
  readonly #queue = new EventQueue();
  readonly #byIp = new Map<string, SimNode>();
  /** Who is in which part of the network; nodes in different parts do not reach each other. */
  readonly #part: Int32Array;
  /** Pairs that do not reach each other, although both may reach a third. */
  readonly #cut: Uint8Array;
  readonly #stalled = new Set<Connection>();

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.prng = new Prng(options.seed);
    this.#part = new Int32Array(options.nodes);
    this.#cut = new Uint8Array(options.nodes * options.nodes);
    for (let index = 0; index < options.nodes; index++) {
      const node = new SimNode(index, this.prng, options);
      this.nodes.push(node);
      this.#byIp.set(node.ip, node);
    }
    for (const node of this.nodes) this.boot(node);
  }

  get alive(): SimNode[] {
    return this.nodes.filter((node) => node.state !== null);
  }

  /** Runs what is due until then. */
  advance(duration_ms: number): void {
    const end_ms = this.now_ms + duration_ms;
    for (;;) {
      const at_ms = this.#queue.nextTime();
      if (at_ms > end_ms) break;
      this.now_ms = at_ms;
      this.#queue.shift()();
    }
    this.now_ms = end_ms;
  }

  at(delay_ms: number, run: () => void): void {
    this.#queue.push(this.now_ms + delay_ms, run);
  }

  command(node: SimNode, command: Command): CommandResult {
    const { state } = node;
    if (state === null) throw new Error('a dead node takes no commands');
    this.#bringUpToDate(node);
    const result = runCommand(state, command, node.world);
    this.#carryOut(node);
    return result;
  }

  boot(node: SimNode): void {
    const now_ms = this.now_ms + node.skew_ms;
    node.life++;
    node.powerless = false;
    node.written = node.durable;
    node.world.effects.length = 0;
    Object.assign(node, { linkUp: false, lastLinked_ms: 0 });
    const text = node.durable;
    node.state =
      text === null
        ? createState({ id: node.firstId, config: node.config, now_ms })
        : loadNodesConf(text, { config: node.config, now_ms });
    for (const observer of this.observers) observer.booted?.(node, node.state);
    const { life } = node;
    this.at(this.prng.below(TICK_MS), () => this.#tick(node, life));
    this.at(this.prng.below(REPLICATION_MS), () => this.#replicate(node, life));
  }

  crash(node: SimNode, { power }: { power: boolean }): void {
    if (node.state === null) return;
    node.state = null;
    node.powerless = power;
    node.source = null;
    node.pausedUntil_ms = 0;
    node.frozenUntil_ms = 0;
    node.acks.clear();
    node.acknowledged = 0;
    node.world.effects.length = 0;
    if (!this.prng.chance(this.tornWrites)) node.durable = node.written;
    for (const connection of node.outgoing.values()) {
      connection.fromOpen = false;
      if (!power) this.#deliver({ connection, forward: true, payload: END });
    }
    for (const connection of node.incoming.values()) {
      connection.toOpen = false;
      if (!power) this.#deliver({ connection, forward: false, payload: END });
    }
    node.outgoing.clear();
    node.incoming.clear();
    for (const observer of this.observers) observer.crashed?.(node);
  }

  /** Its process stands still. */
  freeze(node: SimNode, for_ms: number): void {
    node.frozenUntil_ms = Math.max(node.frozenUntil_ms, this.now_ms + for_ms);
  }

  /** Cuts the network in parts. */
  partition(partOf: (node: SimNode) => number): void {
    for (const node of this.nodes) this.#part[node.index] = partOf(node);
    this.#flushStalled();
  }

  /** Cuts the way between two nodes. */
  cut(a: SimNode, b: SimNode): void {
    this.#cut[a.index * this.nodes.length + b.index] = 1;
    this.#cut[b.index * this.nodes.length + a.index] = 1;
  }

  heal(): void {
    this.#cut.fill(0);
    this.partition(() => 0);
  }

  /** Breaks a random connection of the node, as a middlebox may. */
  resetConnection(node: SimNode): void {
    const all = [...node.outgoing.values()];
    if (all.length === 0) return;
    const connection = this.prng.pick(all);
    this.#deliver({ connection, forward: true, payload: END });
    this.#deliver({ connection, forward: false, payload: END });
  }

  /** A message from nobody that is modelled, on a connection of its own. */
  hear(node: SimNode, message: Message): void {
    const ips = { remoteIp: '10.255.255.255', localIp: node.ip };
    this.#step(node, { type: 'message', link: node.nextInbound++, inbound: true, ...ips, message });
  }

  reaches(a: SimNode, b: SimNode): boolean {
    return this.#part[a.index] === this.#part[b.index] && this.#cut[a.index * this.nodes.length + b.index] === 0;
  }

  #tick(node: SimNode, life: number): void {
    if (node.life !== life || node.state === null) return;
    if (this.#isFrozen(node)) return this.#thaw(node, () => this.#tick(node, life));
    this.#step(node, { type: 'tick' });
    this.at(TICK_MS, () => this.#tick(node, life));
  }

  #isFrozen(node: SimNode): boolean {
    return this.now_ms < node.frozenUntil_ms;
  }

  #thaw(node: SimNode, run: () => void): void {
    this.#queue.push(node.frozenUntil_ms, run);
  }

  #step(node: SimNode, event: Event): void {
    const { state } = node;
    if (state === null) return;
    this.#bringUpToDate(node);
    step(state, event, node.world);
    this.#carryOut(node);
  }

  #bringUpToDate(node: SimNode): void {
    node.world.now_ms = this.now_ms + node.skew_ms;
    node.world.wallAhead_ms = this.wallAhead_ms;
    const { lastLinked_ms } = node;
    const { replication } = node.world;
    replication.offset = replication.unfit === '' ? node.data.length : 0;
    replication.silence_ms = lastLinked_ms === 0 ? Number.POSITIVE_INFINITY : node.world.now_ms - lastLinked_ms;
  }

  #carryOut(node: SimNode): void {
    const { tamper } = this.#options;
    const { world } = node;
    endTurn(node.state as State, world);
    const effects = tamper === undefined ? world.effects : tamper(world.effects.slice());
    for (const effect of effects) {
      if (this.crashBetweenEffects > 0 && this.prng.chance(this.crashBetweenEffects)) {
        this.crash(node, { power: this.prng.chance(0.5) });
        return;
      }
      for (const observer of this.observers) observer.effect?.(node, effect);
      this.#carryOutOne(node, effect);
      if (this.crashAfterVote > 0 && isVote(effect) && this.prng.chance(this.crashAfterVote)) {
        this.crash(node, { power: false });
        return;
      }
    }
    world.effects.length = 0;
    for (const observer of this.observers) observer.stepped?.(node, node.state as State);
  }

  #carryOutOne(node: SimNode, effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        node.written = formatNodesConf(node.state as State);
        node.writes++;
        if (effect.fsync) {
          node.durable = node.written;
          node.forced = node.writes;
        }
        break;
      case 'sync': {
        const { life, written, writes } = node;
        this.at(this.prng.below(SYNC_MS), () => {
          // What was forced to the disk since is newer.
          if (node.life === life && node.state !== null && node.forced <= writes) node.durable = written;
        });
        break;
      }
      case 'connect':
        this.#connect(node, effect.link, effect.ip);
        break;
      case 'disconnect':
        this.#closeFrom(node, effect.link);
        break;
      case 'closeInbound':
        this.#closeTo(node, effect.link);
        break;
      case 'send': {
        const connection = node.outgoing.get(effect.link);
        if (connection !== undefined) this.#deliver({ connection, forward: true, payload: effect.message });
        break;
      }
      case 'reply': {
        const connection = node.incoming.get(effect.link);
        if (connection !== undefined) this.#deliver({ connection, forward: false, payload: effect.message });
        break;
      }
      case 'replicate':
        node.source = this.#byIp.get(effect.ip) ?? null;
        Object.assign(node, { linkUp: false, lastLinked_ms: 0 });
        if (effect.newShard) node.world.replication.unfit = 'has no data';
        break;
      case 'becomePrimary':
        node.source = null;
        node.world.replication.unfit = '';
        node.acks.clear();
        node.acknowledged = node.data.length;
        break;
      case 'pauseWrites':
        node.pausedUntil_ms = node.world.now_ms + effect.for_ms;
        break;
      case 'resumeWrites':
        node.pausedUntil_ms = 0;
        break;
      default:
    }
  }

  #latency(): number {
    const [min, max] = this.#options.latency_ms ?? [1, 1];
    return min === max ? min : min + this.prng.below(max - min);
  }

  #connect(from: SimNode, link: number, ip: string): void {
    const to = this.#byIp.get(ip);
    if (to === undefined) throw new Error(`nobody lives at ${ip}`);
    const connection = new Connection(from, link, to, this.now_ms);
    from.outgoing.set(link, connection);
    this.at(this.#latency(), () => this.#accept(connection));
  }

  #accept(connection: Connection): void {
    const { from, to } = connection;
    if (!connection.fromOpen) return;
    if (!this.reaches(from, to) || (to.state === null && to.powerless)) {
      if (this.now_ms - connection.opened_ms < CONNECT_MS_MAX) this.at(SYN_RETRY_MS, () => this.#accept(connection));
      else this.#deliver({ connection, forward: false, payload: END });
      return;
    }
    if (to.state === null) {
      this.#deliver({ connection, forward: false, payload: END });
      return;
    }
    connection.toLife = to.life;
    connection.toOpen = true;
    connection.inbound = to.nextInbound++;
    to.incoming.set(connection.inbound, connection);
    this.#deliver({ connection, forward: false, payload: UP });
  }

  #closeFrom(node: SimNode, link: number): void {
    const connection = node.outgoing.get(link);
    if (connection === undefined) return;
    node.outgoing.delete(link);
    connection.fromOpen = false;
    this.#deliver({ connection, forward: true, payload: END });
  }

  #closeTo(node: SimNode, inbound: number): void {
    const connection = node.incoming.get(inbound);
    if (connection === undefined) return;
    node.incoming.delete(inbound);
    connection.toOpen = false;
    this.#deliver({ connection, forward: false, payload: END });
  }

  #deliver(delivery: Delivery): void {
    const { connection, forward } = delivery;
    const at_ms = this.now_ms + this.#latency();
    if (forward) {
      connection.forward_ms = Math.max(at_ms, connection.forward_ms);
      this.#queue.push(connection.forward_ms, () => this.#arrive(delivery));
    } else {
      connection.backward_ms = Math.max(at_ms, connection.backward_ms);
      this.#queue.push(connection.backward_ms, () => this.#arrive(delivery));
    }
  }

  #arrive(delivery: Delivery): void {
    const { connection } = delivery;
    if (connection.stalled.length > 0 || !this.reaches(connection.from, connection.to)) {
      connection.stalled.push(delivery);
      this.#stalled.add(connection);
      return;
    }
    const receiver = delivery.forward ? connection.to : connection.from;
    if (this.#isFrozen(receiver)) return this.#thaw(receiver, () => this.#arrive(delivery));
    if (delivery.forward) this.#arriveAtTo(connection, delivery.payload);
    else this.#arriveAtFrom(connection, delivery.payload);
  }

  #arriveAtTo(connection: Connection, payload: Payload): void {
    const { to, inbound } = connection;
    if (!connection.toOpen) {
      // The host is up and knows nothing of the connection: it says so.
      if (connection.fromOpen && !to.powerless && payload !== END) {
        this.#deliver({ connection, forward: false, payload: END });
      }
      return;
    }
    if (payload === END) {
      connection.toOpen = false;
      to.incoming.delete(inbound);
      this.#step(to, { type: 'inboundClosed', link: inbound });
    } else if (payload !== UP) {
      this.#receive(to, { link: inbound, inbound: true, remoteIp: connection.from.ip }, payload);
    }
  }

  #arriveAtFrom(connection: Connection, payload: Payload): void {
    const { from, link } = connection;
    if (!connection.fromOpen) return;
    if (payload === END) {
      connection.fromOpen = false;
      from.outgoing.delete(link);
      this.#step(from, { type: 'linkDown', link });
    } else if (payload === UP) {
      this.#step(from, { type: 'linkUp', link });
    } else {
      this.#receive(from, { link, inbound: false, remoteIp: connection.to.ip }, payload);
    }
  }

  #receive(node: SimNode, link: { link: number; inbound: boolean; remoteIp: string }, sent: Message): void {
    this.messages++;
    let message = sent;
    if (this.#options.codec === true) {
      const bytes = encodeMessage(sent);
      message = decodeMessage(bytes, 0, bytes.length) as Message;
    }
    this.#step(node, { type: 'message', ...link, localIp: node.ip, message });
  }

  #flushStalled(): void {
    for (const connection of this.#stalled) {
      if (!this.reaches(connection.from, connection.to)) continue;
      this.#stalled.delete(connection);
      const deliveries = connection.stalled;
      connection.stalled = [];
      for (const delivery of deliveries) this.#deliver(delivery);
    }
  }

  /** Once in a while a primary writes, and a replica fetches what it lacks and says how much it has. */
  #replicate(node: SimNode, life: number): void {
    const { state } = node;
    if (node.life !== life || state === null) return;
    if (this.#isFrozen(node)) return this.#thaw(node, () => this.#replicate(node, life));
    if (node.source !== null) this.#follow(node, node.source);
    else if (this.writing) this.#write(node, state);
    this.at(REPLICATION_MS, () => this.#replicate(node, life));
  }

  #write(node: SimNode, state: State): void {
    // As the shell does before it serves clients.
    const overdue_ms = this.now_ms + node.skew_ms - state.stepped_ms;
    if (overdue_ms > sleepLimit_ms(state)) this.#step(node, { type: 'tick' });
    if (!state.ok || state.myself.slots.count() === 0 || node.pausedUntil_ms > this.now_ms + node.skew_ms) return;
    node.data.push(this.nextWrite++);
    for (const observer of this.observers) observer.wrote?.(node, state);
  }

  #follow(node: SimNode, source: SimNode): void {
    const now_ms = this.now_ms + node.skew_ms;
    // A replica of a replica is fed by it as well, but nothing that it holds was acknowledged to a client.
    if (source.state === null || !this.reaches(node, source) || this.#isFrozen(source)) {
      if (node.linkUp) node.lastLinked_ms = now_ms;
      node.linkUp = false;
      return;
    }
    const held = node.data.length;
    // A write is appended once, by one primary: who has it has everything before it.
    const continues = held === 0 || source.data[held - 1] === node.data[held - 1];
    if (!node.linkUp && !continues) node.data = source.data.slice();
    else if (continues) for (let i = held; i < source.data.length; i++) node.data.push(source.data[i] as number);
    else node.data = source.data.slice();
    if (node.linkUp && continues && source.source === null) this.#acknowledge(source, node, held);
    node.linkUp = true;
    node.lastLinked_ms = now_ms;
    node.world.replication.unfit = '';
  }

  #acknowledge(primary: SimNode, replica: SimNode, held: number): void {
    primary.acks.set(replica, held);
    const enough = [...primary.acks.values()].sort((a, b) => b - a)[this.waitFor - 1] ?? 0;
    for (; primary.acknowledged < enough; primary.acknowledged++) {
      const write = primary.data[primary.acknowledged] as number;
      for (const observer of this.observers) observer.acknowledged?.(primary, write);
    }
  }
}

function isVote(effect: Effect): boolean {
  return effect.type === 'send' && effect.message.type === VOTE;
}
