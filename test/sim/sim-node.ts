/* What the network of the simulation is made of: nodes with a disk and data, and connections between them. */
import { Prng } from '../../src/base/prng.ts';
import type { Message } from '../../src/server/gossip/message.ts';
import type { ClusterConfig, State, World } from '../../src/server/gossip/state.ts';

const PORT = 7000;
const BUS_PORT = 17000;

export interface NodeOptions {
  readonly config?: Partial<ClusterConfig>;
  /** Clocks differ by up to this much. */
  readonly skew_ms?: number;
  /** Chosen ids, for texts that people read; else they are random. */
  readonly ids?: readonly string[];
}

export class SimNode {
  readonly index: number;
  readonly ip: string;
  readonly skew_ms: number;
  readonly config: ClusterConfig;
  readonly world: World;
  /** null while the node is down. */
  state: State | null = null;
  /** false: a dead process, whose host still refuses connections; true: silence. */
  powerless = false;
  /** Its process stands still until then: what comes meanwhile waits in its sockets. */
  frozenUntil_ms = 0;
  /** Counts the starts, so that what belongs to an earlier life is recognised. */
  life = 0;
  /** What is certain to be on disk, and what is perhaps. */
  durable: string | null = null;
  written: string | null = null;
  /** How often it was written, and the last of these writes that was forced to the disk. */
  writes = 0;
  forced = 0;
  firstId: string;
  readonly outgoing = new Map<number, Connection>();
  readonly incoming = new Map<number, Connection>();
  nextInbound = 1;
  data: number[] = [];
  source: SimNode | null = null;
  /** The link to `source`: whether it is up, and when it was last heard of, or lost; 0: it never was up. */
  linkUp = false;
  lastLinked_ms = 0;
  pausedUntil_ms = 0;
  /** Of this life's replicas: how much of our data each has told to hold. */
  readonly acks = new Map<SimNode, number>();
  acknowledged = 0;

  constructor(index: number, prng: Prng, options: NodeOptions) {
    this.index = index;
    this.ip = `10.0.${index >> 8}.${index & 255}`;
    const skew_ms = options.skew_ms ?? 0;
    this.skew_ms = skew_ms === 0 ? 0 : prng.below(2 * skew_ms) - skew_ms;
    this.firstId = options.ids?.[index] ?? prng.hex(40);
    this.config = { ...defaultConfig(), ...options.config };
    this.world = {
      now_ms: 0,
      wallAhead_ms: 0,
      prng: new Prng(prng.next()),
      effects: [],
      replication: { offset: 0, silence_ms: Number.POSITIVE_INFINITY, unfit: '' },
      countKeysInSlot: () => 0,
      keyCount: () => 0,
    };
  }
}

/** The two ends close one by one: each only knows what it was told. */
export class Connection {
  readonly from: SimNode;
  readonly fromLife: number;
  readonly link: number;
  readonly to: SimNode;
  toLife = -1;
  inbound = 0;
  fromOpen = true;
  toOpen = false;
  readonly opened_ms: number;
  /** Nothing overtakes: the time of the last delivery in each direction. */
  forward_ms = 0;
  backward_ms = 0;
  stalled: Delivery[] = [];

  constructor(from: SimNode, link: number, to: SimNode, now_ms: number) {
    this.from = from;
    this.fromLife = from.life;
    this.link = link;
    this.to = to;
    this.opened_ms = now_ms;
  }
}

/** The connection was accepted, or is at its end. */
export const UP = 1;
export const END = 2;
export type Payload = Message | typeof UP | typeof END;

export interface Delivery {
  readonly connection: Connection;
  readonly forward: boolean;
  readonly payload: Payload;
}

export function defaultConfig(): ClusterConfig {
  return {
    nodeTimeout_ms: 2000,
    migrationBarrier: 1,
    replicaValidityFactor: 10,
    requireFullCoverage: true,
    allowReplicaMigration: true,
    replicaNoFailover: false,
    allowReadsWhenDown: false,
    allowPubsubShardWhenDown: true,
    replicaPingPeriod_s: 10,
    preferredEndpoint: 'ip',
    announceIp: '',
    announceHostname: '',
    announceNodename: '',
    tellsShards: true,
    port: PORT,
    plainPort: 0,
    busPort: BUS_PORT,
  };
}
