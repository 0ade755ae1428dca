/*
 * The shell around the cluster machine (gossip/): it owns the sockets, the clock and the file, turns what happens into
 * events, and carries out effects. It decides nothing about the cluster.
 *
 * Events are taken in as they come; effects are carried out once, when the turn ends. So everything that a turn changed is
 * written to nodes.conf once, before any message or reply that rests on it leaves: the machine pushes `persist` before
 * such a message, and what is written is the state of that moment.
 */

import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { BUS_PORT_OFFSET } from '../../base/bus-port.ts';
import type { Timer } from '../../base/clock.ts';
import { type Descriptors, tookReserved } from '../../base/descriptors.ts';
import type { Prng } from '../../base/prng.ts';
import { type ListenHost, listenOptionally } from '../../config/addresses.ts';
import { encodeMessage } from '../gossip/codec.ts';
import type { Effect } from '../gossip/effect.ts';
import type { Command, CommandResult, Event } from '../gossip/event.ts';
import { claimFoundKeys } from '../gossip/found-keys.ts';
import { sleepLimit_ms } from '../gossip/health.ts';
import type { Message } from '../gossip/message.ts';
import { formatNodesConf } from '../gossip/nodes-conf.ts';
import { countFailureReports } from '../gossip/report.ts';
import { type ClusterConfig, type ClusterNode, createState, type State, TICK_MS, type World } from '../gossip/state.ts';
import { configChanged, endTurn, runCommand, step } from '../gossip/step.ts';
import { Arrivals } from './arrivals.ts';
import { type Adopt, Link, type LinkEvents } from './link.ts';
import { NodesConfFile, type NodesConfHost, readState } from './nodes-conf-file.ts';

/** What the machine wants done to the data, and what it has to know of it. Given by the composition root. */
export interface BusHost extends NodesConfHost {
  /** Open sockets are a reason for the process to go on. */
  readonly keepsAlive: boolean;
  readonly prng: Prng;
  /** Fills in the directives; called again when one changes. */
  config(): ClusterConfig;
  /** The port to listen on, which need not be the one that is announced. */
  readonly port: number;
  readonly descriptors: Descriptors;
  /** Where to listen. */
  hosts(): readonly ListenHost[];
  /** Whether peers can still reach this server at an address it once had. */
  isOwnAddress(ip: string): boolean;
  /** What a connection to that host comes from, as `connect` takes it. */
  source(host: string): { localAddress?: string };
  /** Not for TLS. */
  readonly adopt: Adopt;
  linkBufferLimit(): number;
  /** Null: the bus speaks plain TCP. */
  tls(): { server: TlsOptions; client: ConnectionOptions } | null;
  /** nodes.conf: null when there is none yet. */
  read(): string | null;
  countKeysInSlot(slot: number): number;
  keyCount(): number;
  /** DEBUG PAUSE-CRON: time does not pass for the cluster. */
  cronPaused(): boolean;
  /** Brings `world.replication` up to date. */
  noteReplication(facts: World['replication']): void;
  becomePrimary(): void;
  /** `plainPort`: speaks TCP where `port` speaks TLS; 0 when there is none. */
  replicate(where: {
    readonly ip: string;
    readonly port: number;
    readonly plainPort: number;
    readonly newShard: boolean;
  }): void;
  flushData(): void;
  deleteKeysInSlots(slots: readonly number[]): void;
  slotsLost(slots: readonly number[]): void;
  stateChanged(ok: boolean): void;
  pauseWrites(for_ms: number): void;
  resumeWrites(): void;
  deliver(publication: { sharded: boolean; channel: Buffer; payload: Buffer }): void;
  /** Effects are waiting: the turn has to end. */
  wake(): void;
  /** A vote that is not on disk may be given twice: there is no going on. */
  fatal(reason: string): never;
}

/** The bus port could not be opened. */
export class BusFailure extends Error {
  override name = 'BusFailure';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const BACKLOG = 511;
/** Between two log lines about connections that TLS refused. */
const TELL_TLS_MS = 10_000;

export class ClusterBus {
  readonly state: State;
  /** DEBUG DROP-CLUSTER-PACKET-FILTER: messages of this type are lost when they come in; -1 none. */
  droppedType = -1;
  readonly #host: BusHost;
  readonly #file: NodesConfFile;
  readonly #world: World;
  readonly #outgoing = new Map<number, Link>();
  readonly #inbound = new Map<number, Link>();
  readonly #arrivals: Arrivals;
  #servers: NetServer[] = [];
  /** Null: the bus speaks plain TCP. */
  #tls: { readonly server: NetServer; readonly client: ConnectionOptions } | null = null;
  readonly #origin_ms: number;
  #nextInbound = 1;
  #ticking: Timer | null = null;
  #closed = false;
  /** There was no nodes.conf, or an empty one. */
  readonly #isNew: boolean;
  #tellTls_ms = 0;
  /** When the machine was last told the time. Monotonic. */
  #refreshed_ms = 0;
  #lastMessage: Message | null = null;
  #lastBytes: Buffer = Buffer.alloc(0);

  /** Reads nodes.conf. Throws a NodesConfFailure with the path and the line when it is damaged; nothing is repaired by guessing. */
  constructor(host: BusHost) {
    this.#host = host;
    this.#file = new NodesConfFile(host);
    this.#arrivals = new Arrivals(host.clock);
    const config = host.config();
    this.#origin_ms = host.clock.now_ms() - host.clock.monotonic_ms();
    const now_ms = this.#now_ms();
    const text = host.read();
    // A file that was touched or mounted to be filled is no damaged one: there never is an empty one of ours.
    this.#isNew = text === null || text === '';
    this.state = this.#isNew
      ? createState({ id: host.prng.hex(40), shardId: host.prng.hex(40), config, now_ms })
      : readState(host.file, text as string, { config, now_ms });
    this.#world = {
      now_ms,
      wallAhead_ms: 0,
      prng: host.prng,
      effects: [],
      replication: { offset: 0, silence_ms: Number.POSITIVE_INFINITY, unfit: '' },
      countKeysInSlot: (slot) => host.countKeysInSlot(slot),
      keyCount: () => host.keyCount(),
    };
    const { myself } = this.state;
    // This machine has moved: peers will show us by what address they reach it now.
    if (config.announceIp === '' && myself.ip !== '' && !host.isOwnAddress(myself.ip)) myself.ip = '';
    if (text === '') host.log.notice(`The cluster configuration file ${host.file} is empty: this is a new node`);
    if (this.#isNew) host.log.notice(`No cluster configuration found, I'm ${this.state.myself.id}`);
    else host.log.notice(`Node configuration loaded, I'm ${this.state.myself.id}`);
  }

  /** How many links there are, in both directions. */
  get connections(): number {
    return this.#outgoing.size + this.#inbound.size;
  }

  /** Bytes that peers have not taken yet, and of messages that are not complete. */
  get linkBytes(): number {
    let bytes = 0;
    for (const link of [...this.#outgoing.values(), ...this.#inbound.values()]) bytes += link.pending + link.heldBytes;
    return bytes;
  }

  /** Opens the bus port and writes the first nodes.conf: a node's id must not be forgotten. */
  async open(): Promise<void> {
    if (this.#isNew) this.#host.write(formatNodesConf(this.state), { fsync: true });
    else this.#file.write(this.state, { fsync: false });
    // Until the data is loaded there are no ticks.
    this.#file.rest();
    this.applyTls();
    const { port } = this.#host;
    for (const host of this.#host.hosts()) await listenOptionally(host, (name) => this.#listen(name, port));
  }

  /** The data is loaded: from now on this node takes part. */
  start(): void {
    this.#refresh();
    claimFoundKeys(this.state, this.#world);
    this.#ticking = this.#host.clock.setInterval(() => {
      this.#file.rest();
      if (this.#host.cronPaused()) return;
      this.#file.writeOwed(this.state);
      this.#take({ type: 'tick' });
    }, TICK_MS);
    this.#take({ type: 'tick' });
    this.#host.wake();
  }

  /**
   * Called before clients are served. After a pause of the process their requests can be read before the tick that is
   * overdue: then the machine has to look first whether it may have been replaced meanwhile.
   */
  noteTime(monotonic_ms: number): void {
    if (monotonic_ms - this.#refreshed_ms > sleepLimit_ms(this.state) && this.#ticking !== null)
      this.#take({ type: 'tick' });
  }

  /** One CLUSTER subcommand. Its effects, nodes.conf among them, are carried out before its reply leaves. */
  run(command: Command): CommandResult {
    this.#refresh();
    const result = runCommand(this.state, command, this.#world);
    this.#host.wake();
    return result;
  }

  publish(publication: { sharded: boolean; channel: Buffer; payload: Buffer }): void {
    this.#take({ type: 'publish', ...publication });
  }

  /** Writes nodes.conf now. Answers why it could not, or null. */
  saveConfig(): string | null {
    return this.#file.rewrite(this.state);
  }

  /** A cluster directive was changed. */
  reconfigure(): void {
    this.#refresh();
    configChanged(this.state, this.#host.config(), this.#world);
    this.#host.wake();
  }

  /** What CLUSTER COUNT-FAILURE-REPORTS is answered with. */
  failureReports(node: ClusterNode): number {
    return countFailureReports(this.state, node, this.#now_ms());
  }

  /** From now on links are made with what the configuration says about TLS; those that there are stay as they are. */
  applyTls(): void {
    const tls = this.#host.tls();
    this.#tls = null;
    if (tls === null) return;
    // Never listens: it makes TLS of what the port has accepted.
    const server = createTlsServer(tls.server, (socket) => this.#accept(socket));
    // Asked for while it can be answered: who is refused has gone when we hear of it.
    server.on('connection', (socket: Socket) => void socket.remoteAddress);
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const reason = String(socket.authorizationError ?? error.message);
      const who = socket.remoteAddress ?? 'a node that has gone';
      this.#tellTls(`Accepting a connection to the cluster bus from ${who} failed`, reason);
      socket.destroy();
    });
    this.#tls = { server, client: tls.client };
  }

  /** Facts about the links, by their numbers, for CLUSTER LINKS. */
  pendingOf(link: { outgoing: boolean; number: number }): number {
    return (link.outgoing ? this.#outgoing : this.#inbound).get(link.number)?.pending ?? 0;
  }

  /** Ends a link by its number, as if the other side had gone. */
  killLink({ outgoing, number: link }: { outgoing: boolean; number: number }): void {
    this.#drop(outgoing ? this.#outgoing : this.#inbound, link);
    this.#take(outgoing ? { type: 'linkDown', link } : { type: 'inboundClosed', link });
  }

  /** Called when the turn ends. */
  carryOut(): void {
    endTurn(this.state, this.#world);
    const { effects } = this.#world;
    // What is written is the state of this moment: it covers every `persist` pushed so far.
    let covered = 0;
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!;
      if (effect.type !== 'persist') this.#carryOut(effect);
      else if (i >= covered) {
        this.#persist(effects);
        covered = effects.length;
      }
    }
    effects.length = 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#file.rest();
    if (this.#ticking !== null) this.#host.clock.clear(this.#ticking);
    for (const link of [...this.#outgoing.values(), ...this.#inbound.values()]) link.destroy();
    this.#arrivals.close();
    this.#outgoing.clear();
    this.#inbound.clear();
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    this.#servers = [];
  }

  #take(event: Event): void {
    if (this.#closed) return;
    this.#refresh();
    const { effects } = this.#world;
    const before = effects.length;
    step(this.state, event, this.#world);
    if (effects.length === before) return;
    // At once: a write later in this turn would move the offset that the replica is being told to reach.
    for (let i = before; i < effects.length; i++) if (effects[i]!.type === 'pauseWrites') this.#carryOut(effects[i]!);
    this.#host.wake();
  }

  /** The date at the start, and from there on what has passed: whoever sets the machine's clock does not move it. */
  #now_ms(): number {
    return Math.floor(this.#origin_ms + this.#host.clock.monotonic_ms());
  }

  #refresh(): void {
    this.#refreshed_ms = this.#host.clock.monotonic_ms();
    const now_ms = this.#now_ms();
    this.#world.now_ms = now_ms;
    const ahead_ms = this.#host.clock.now_ms() - now_ms;
    // Both are rounded: by a millisecond they differ from look to look, and dates would with them.
    if (Math.abs(ahead_ms - this.#world.wallAhead_ms) > 1) this.#world.wallAhead_ms = ahead_ms;
    this.#host.noteReplication(this.#world.replication);
  }

  #persist(effects: readonly Effect[]): void {
    const fsync = effects.some((effect) => effect.type === 'persist' && effect.fsync);
    const failure = this.#file.write(this.state, { fsync });
    if (failure !== null && fsync) this.#host.fatal(`Fatal: can't update cluster config file: ${failure}`);
  }

  #carryOut(effect: Effect): void {
    const host = this.#host;
    switch (effect.type) {
      case 'sync':
        return this.#file.sync();
      case 'connect':
        return this.#connect(effect.link, effect.ip, effect.busPort);
      case 'disconnect':
        return this.#drop(this.#outgoing, effect.link);
      case 'closeInbound':
        return this.#drop(this.#inbound, effect.link);
      case 'send':
        return this.#send(this.#outgoing.get(effect.link), effect.link, effect.message);
      case 'reply':
        return this.#inbound.get(effect.link)?.send(this.#bytesOf(effect.message));
      case 'becomePrimary':
        return host.becomePrimary();
      case 'replicate':
        return host.replicate(effect);
      case 'flushData':
        return host.flushData();
      case 'deleteKeysInSlots':
        return host.deleteKeysInSlots(effect.slots);
      case 'slotsLost':
        return host.slotsLost(effect.slots);
      case 'stateChanged':
        return host.stateChanged(effect.ok);
      case 'pauseWrites':
        return host.pauseWrites(effect.for_ms);
      case 'resumeWrites':
        return host.resumeWrites();
      case 'deliver':
        return host.deliver(effect);
      case 'log':
        return host.log[effect.level](effect.text);
    }
  }

  #connect(number: number, ip: string, busPort: number): void {
    const tls = this.#tls;
    const up = (): void => this.#take({ type: 'linkUp', link: number });
    const where = { host: ip, port: busPort, ...this.#host.source(ip) };
    const socket = tls === null ? connect(where, up) : connectTls({ ...tls.client, ...where }, up);
    if (tls !== null)
      socket.on('error', (error) =>
        this.#tellTls(`Connecting to the cluster bus at ${ip}:${busPort} failed`, error.message),
      );
    if (!this.#host.keepsAlive) socket.unref();
    const link: Link = new Link(socket, {
      isKnown: (id) => this.state.nodes.has(id),
      message: (message) => this.#received({ link, number, inbound: false }, message),
      closed: () => {
        this.#outgoing.delete(number);
        this.#take({ type: 'linkDown', link: number });
      },
    });
    this.#outgoing.set(number, link);
  }

  #arrived(socket: Socket): void {
    // Whoever fills the port must not keep us from writing nodes.conf.
    if (tookReserved(socket, this.#host.descriptors)) return void socket.destroy();
    if (this.#tls === null) return this.#accept(socket);
    this.#arrivals.add(socket);
    this.#tls.server.emit('connection', socket);
  }

  #accept(socket: Socket): void {
    // A node that is not ready must not look alive to the others.
    // And one that has gone already is nobody: its address would be taken for that of the sender.
    if (this.#ticking === null || this.#closed || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const number = this.#nextInbound++;
    const events: LinkEvents = {
      isKnown: (id) => this.state.nodes.has(id),
      message: (message) => {
        this.#arrivals.spoke(link.socket);
        this.#received({ link, number, inbound: true }, message);
      },
      closed: () => {
        this.#inbound.delete(number);
        this.#take({ type: 'inboundClosed', link: number });
      },
    };
    const link: Link = new Link(socket, events, this.#tls === null ? this.#host.adopt : null);
    if (!this.#host.keepsAlive) link.socket.unref();
    // One with TLS has been on the list since before its handshake.
    if (this.#tls === null) this.#arrivals.add(link.socket);
    this.#inbound.set(number, link);
  }

  #received({ link, number, inbound }: { link: Link; number: number; inbound: boolean }, message: Message): void {
    const { remoteIp, localIp } = link;
    if (message.type === this.droppedType) return this.#host.log.warning('Packet that matches debug drop filter');
    this.#take({ type: 'message', link: number, inbound, remoteIp, localIp, message });
  }

  #send(link: Link | undefined, number: number, message: Message): void {
    if (link === undefined) return;
    link.send(this.#bytesOf(message));
    const limit = this.#host.linkBufferLimit();
    if (limit === 0 || link.pending <= limit) return;
    this.#drop(this.#outgoing, number);
    this.#take({ type: 'linkDown', link: number, overLimit: true });
  }

  #drop(links: Map<number, Link>, number: number): void {
    links.get(number)?.destroy();
    links.delete(number);
  }

  /** A broadcast names the same message many times; its bytes are made once. */
  #bytesOf(message: Message): Buffer {
    if (message !== this.#lastMessage) {
      this.#lastMessage = message;
      this.#lastBytes = encodeMessage(message);
    }
    return this.#lastBytes;
  }

  /** Nodes try again ten times a second. */
  #tellTls(what: string, why: string): void {
    const now_ms = this.#host.clock.monotonic_ms();
    if (now_ms < this.#tellTls_ms) return;
    this.#tellTls_ms = now_ms + TELL_TLS_MS;
    this.#host.log.warning(`${what}: TLS: ${why}`);
  }

  #listen({ host }: { host?: string }, port: number): Promise<void> {
    const server = createServer((socket) => this.#arrived(socket));
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? 'Address already in use' : (error.code ?? error.message);
        reject(
          new BusFailure(
            error.code ?? '',
            `Could not open the cluster bus port ${host ?? '*'}:${port}: ${reason} (it is the port + ${BUS_PORT_OFFSET} unless cluster-port says otherwise)`,
          ),
        );
      });
      const where = host === undefined ? { port } : { host, port, ipv6Only: host.includes(':') };
      server.listen({ ...where, backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
        server.on('error', (error) => this.#host.log.warning(`cluster bus: ${error.message}`));
        if (!this.#host.keepsAlive) server.unref();
        this.#servers.push(server);
        resolve();
      });
    });
  }
}
