/* A node on its own: what one event does to it, without a network around. */
import { Prng } from '../../src/base/prng.ts';
import { type SlotRange, SlotSet } from '../../src/base/slot.ts';
import type { Effect } from '../../src/server/gossip/effect.ts';
import type { Command, CommandResult, Event } from '../../src/server/gossip/event.ts';
import { MYSELF, PRIMARY, REPLICA } from '../../src/server/gossip/flags.ts';
import type { GossipEntry, Header, Message } from '../../src/server/gossip/message.ts';
import { type ClusterConfig, createState, type State, type World } from '../../src/server/gossip/state.ts';
import { endTurn, runCommand, step } from '../../src/server/gossip/step.ts';
import { defaultConfig } from '../sim/sim-node.ts';
import { EPOCH_MS } from '../sim/simulation.ts';

export const ME = '5'.repeat(40);
export const A = 'a'.repeat(40);
export const B = 'b'.repeat(40);
export const C = 'c'.repeat(40);
export const R = '7'.repeat(40);

/** Ports of the peers: the address of each is its own port on one host. */
const PORTS: Record<string, number> = { [ME]: 7000, [A]: 7001, [B]: 7002, [C]: 7003, [R]: 7004 };
const BUS_PORT_DISTANCE = 10_000;

export class Lab {
  readonly state: State;
  readonly world: World;
  keys = 0;
  keysInSlots = new Map<number, number>();
  #inbound = 100;

  constructor(config: Partial<ClusterConfig> = {}, state?: State) {
    this.world = {
      now_ms: EPOCH_MS,
      wallAhead_ms: 0,
      prng: new Prng(1),
      effects: [],
      replication: { offset: 10, silence_ms: Number.POSITIVE_INFINITY, unfit: '' },
      countKeysInSlot: (slot) => this.keysInSlots.get(slot) ?? 0,
      keyCount: () => this.keys,
    };
    this.state = state ?? createState({ id: ME, config: { ...defaultConfig(), ...config }, now_ms: EPOCH_MS });
  }

  step(event: Event): Effect[] {
    this.world.effects.length = 0;
    step(this.state, event, this.world);
    endTurn(this.state, this.world);
    return this.world.effects.slice();
  }

  command(command: Command): CommandResult {
    this.world.effects.length = 0;
    const result = runCommand(this.state, command, this.world);
    endTurn(this.state, this.world);
    return result;
  }

  /** Time passes in ticks. */
  wait(duration_ms: number): Effect[] {
    const effects: Effect[] = [];
    for (const end_ms = this.world.now_ms + duration_ms; this.world.now_ms < end_ms; ) {
      this.world.now_ms += 100;
      effects.push(...this.step({ type: 'tick' }));
    }
    return effects;
  }

  /** A peer as it is after a handshake, with its link up. */
  know(id: string, { slots = [], epoch = 0, primary = '' }: Peer = {}): void {
    const { port, busPort } = addressOf(id);
    this.command({ type: 'meet', ip: '10.0.0.9', port, busPort });
    const connect = this.world.effects.find((effect) => effect.type === 'connect');
    if (connect?.type !== 'connect') throw new Error('no connection was made');
    this.step({ type: 'linkUp', link: connect.link });
    this.answer(connect.link, heartbeat('pong', header(id, { slots, epoch, primary })));
  }

  /** On the outgoing link. */
  answer(link: number, message: Message): Effect[] {
    const localIp = '10.0.0.5';
    return this.step({ type: 'message', link, inbound: false, remoteIp: '10.0.0.9', localIp, message });
  }

  /** On an inbound link; a new one each time, unless it is named. */
  hear(message: Message, link = this.#inbound++): Effect[] {
    const localIp = '10.0.0.5';
    return this.step({ type: 'message', link, inbound: true, remoteIp: '10.0.0.9', localIp, message });
  }

  node(id: string): NonNullable<ReturnType<State['nodes']['get']>> {
    const node = this.state.nodes.get(id);
    if (node === undefined) throw new Error(`${id} is not known`);
    return node;
  }
}

export interface Peer {
  slots?: SlotRange[];
  epoch?: number;
  primary?: string;
}

export function range(start: number, end: number): SlotRange[] {
  return [{ start, end }];
}

export function header(id: string, peer: Peer & Partial<Omit<Header, 'slots' | 'primary'>> = {}): Header {
  const { slots = [], epoch = 0, primary = '', ...rest } = peer;
  const { port, busPort } = addressOf(id);
  return {
    sender: id,
    port,
    busPort,
    plainPort: 0,
    ip: '',
    currentEpoch: epoch,
    configEpoch: epoch,
    offset: 10,
    primary,
    flags: MYSELF | (primary === '' ? PRIMARY : REPLICA),
    ok: true,
    messageFlags: 0,
    ...rest,
    slots: SlotSet.of(slots).bitmap,
  };
}

export function heartbeat(kind: 'ping' | 'pong' | 'meet', head: Header, gossip: GossipEntry[] = []): Message {
  return { type: kind === 'ping' ? 0 : kind === 'pong' ? 1 : 2, header: head, gossip, extensions: [] };
}

export function gossipAbout(id: string, flags: number): GossipEntry {
  const { port, busPort } = addressOf(id);
  return { id, pingSent_s: 0, pongReceived_s: 0, ip: '10.0.0.9', port, busPort, flags, plainPort: 0 };
}

export function sends(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
}

export function replies(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === 'reply' ? [effect.message] : []));
}

function addressOf(id: string): { port: number; busPort: number } {
  const port = PORTS[id] ?? 7099;
  return { port, busPort: port + BUS_PORT_DISTANCE };
}
