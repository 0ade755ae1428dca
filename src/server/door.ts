/*
 * Where clients come in: listens on all configured endpoints, decides who may enter, makes a connection and a client of
 * each, and hands its requests to the dispatcher.
 */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { assert } from '../base/assert.ts';
import { type Descriptors, tookReserved } from '../base/descriptors.ts';
import { type ListenHost, listenHosts } from '../config/addresses.ts';
import type { Config } from '../config/directives.ts';
import { enforceOutputLimit, smallestHardLimit } from './client-limits.ts';
import { dispatch } from './command/dispatch.ts';
import { unsubscribeAll } from './command/subscriptions.ts';
import { discardTransaction } from './command/transaction.ts';
import { clientLine } from './handlers/client-line.ts';
import { keepTraffic } from './handlers/info-stats.ts';
import type { ConnectionLimits, Delivery } from './net/connection.ts';
import { Connection } from './net/connection.ts';
import { type Accepted, type Endpoint, Listener, type PreparedPorts } from './net/listener.ts';
import { resolveHosts } from './net/resolve.ts';
import { turnAway } from './net/turn-away.ts';
import { KeysAhead } from './protocol/look-ahead.ts';
import { Request } from './protocol/request.ts';
import { serverTlsOptions } from './security/tls-options.ts';
import { type Client, isLoopback, setAuthenticated } from './state/client.ts';
import type { Server } from './state/server.ts';

const FULL = '-ERR max number of clients reached\r\n';
const DENIED =
  '-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default ' +
  'user. In this mode connections are only accepted from the loopback interface. If you want to connect from external ' +
  'computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command ' +
  "'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is " +
  'running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make ' +
  'this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration ' +
  "file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server " +
  "manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password " +
  'for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting ' +
  'connections from the outside.\r\n';

/** The date is looked at for a read that comes so much later than the last look; a look at a clock is dear. */
const DATE_AGE_MAX_MS = 0.25;

export interface DoorOptions {
  config: Config;
  descriptors: Descriptors;
  /** Open ports and clients are a reason for the process to go on. */
  keepsAlive: boolean;
  /** Port 0 is one that the system chooses, where there is no other way in. */
  anyPort: boolean;
}

export class Door {
  readonly #the: () => Server;
  readonly #options: DoorOptions;
  readonly #listener: Listener;
  readonly #request = new Request(Buffer.alloc(0));
  readonly #ahead = new KeysAhead();
  /** One record for all connections: CONFIG SET changes it in place. */
  readonly #limits: ConnectionLimits = { bulkMax: 0, heldMax: 0, outputMax: 0 };
  readonly #delivery: Delivery<Client>;
  /** When the date was looked at, on the monotonic clock. */
  #dated_ms = Number.NEGATIVE_INFINITY;

  constructor(the: () => Server, options: DoorOptions) {
    this.#the = the;
    this.#options = options;
    this.#listener = new Listener({
      onAccept: (accepted) => this.#accept(accepted),
      mayShakeHands: (socket) => this.#hasRoom(socket),
      backlog: options.config['tcp-backlog'],
      keepsAlive: options.keepsAlive,
    });
    this.#delivery = {
      command: (client, request) => dispatch(the(), client, request),
      keysAhead: fetchAhead,
      protocolError: (client, text) => this.#protocolError(client, text),
      closed: (client) => this.#closed(client),
      drained: () => the().commandStats.end(),
      backedUp: (client) => enforceOutputLimit(the(), client),
      woken: (client) => this.#woken(client),
    };
  }

  /** Opens every configured endpoint. Throws a ListenFailure, and none is open. */
  async open(): Promise<void> {
    this.readLimits();
    const { config } = this.#options;
    (await this.prepare(config)).commit();
    if (config.unixsocket !== '') await this.#listener.listenUnix(config.unixsocket, config.unixsocketperm);
  }

  /** Opens what another configuration needs and this one has not. Throws a ListenFailure or a TlsFailure. */
  async prepare(next: Config): Promise<PreparedPorts> {
    const tls = next['tls-port'] === 0 ? null : serverTlsOptions(next);
    const hosts = await resolveHosts(listenHosts(next.bind), this.#the().clock);
    const ports = await this.#listener.prepare(this.#endpointsOf(next, hosts));
    return {
      abandon: () => ports.abandon(),
      commit: () => {
        if (tls !== null) this.#listener.applyTls(tls);
        ports.commit();
        const server = this.#the();
        server.port = this.#listener.portOf('tcp');
        server.tlsPort = this.#listener.portOf('tls');
      },
    };
  }

  /** Stops accepting. Clients that are connected stay. */
  close(): void {
    this.#listener.close();
  }

  #endpointsOf(config: Config, hosts: readonly ListenHost[]): Endpoint[] {
    const tlsPort = config['tls-port'];
    const at = (transport: Endpoint['transport'], port: number): Endpoint[] =>
      hosts.map((host) => ({ ...host, transport, port }));
    const chosen = this.#options.anyPort && tlsPort === 0 && config.unixsocket === '';
    return [
      ...(config.port !== 0 || chosen ? at('tcp', config.port || this.#the().port) : []),
      ...(tlsPort !== 0 ? at('tls', tlsPort) : []),
    ];
  }

  /** Makes changed limits take effect for all connections. */
  readLimits(): void {
    const { config } = this.#the();
    this.#limits.bulkMax = config['proto-max-bulk-len'];
    this.#limits.heldMax = config['client-query-buffer-limit'];
    this.#limits.outputMax = smallestHardLimit(config);
  }

  #accept({ socket, transport }: Accepted): void {
    const server = this.#the();
    const { config, stats } = server;
    if (!this.#hasRoom(socket)) return turnAway(socket, FULL);
    const local = transport === 'unix' || isLoopback(socket.remoteAddress ?? '');
    if (config['protected-mode'] && config.requirepass === '' && !local) {
      stats.add('rejectedConnections');
      turnAway(socket, DENIED);
      return;
    }
    if (config['tcp-keepalive'] > 0 && transport !== 'unix') socket.setKeepAlive(true, config['tcp-keepalive'] * 1000);
    stats.add('connections');
    const connection = new Connection<Client>({
      socket,
      // The bytes of TLS come through a layer of Node's own.
      adoptable: transport !== 'tls',
      output: server.output,
      request: this.#request,
      ahead: this.#ahead,
      limits: this.#limits,
      delivery: this.#delivery,
    });
    const client = server.newClient(connection, transport);
    setAuthenticated(client, config.requirepass === '');
    if (!this.#options.keepsAlive) connection.socket.unref();
    connection.start();
  }

  /** Whoever is in the middle of a TLS handshake has a place already, as in Redis: half of one is easily made. */
  #hasRoom(socket: Socket): boolean {
    const { clients, config, stats } = this.#the();
    const taken = clients.size + this.#listener.handshakes;
    if (!tookReserved(socket, this.#options.descriptors) && taken < config.maxclients) return true;
    stats.add('rejectedConnections');
    return false;
  }

  /** Lets a client of this very process in, by a stream that need not be a socket: it is trusted. */
  enterInside(stream: Duplex): Client {
    const server = this.#the();
    const connection = new Connection<Client>({
      // A connection asks no more of its socket than any stream can do; addresses are undefined, as on a Unix socket.
      socket: stream as Socket,
      adoptable: false,
      output: server.output,
      request: this.#request,
      ahead: this.#ahead,
      limits: this.#limits,
      delivery: this.#delivery,
    });
    const client = server.newClient(connection, 'inside');
    setAuthenticated(client, true);
    return client;
  }

  /** Something was read: the time of this turn, or of what is left of it. */
  #woken(client: Client): void {
    const server = this.#the();
    // Whatever a connection delivers is announced here first.
    assert(!server.propagation.inUnit, 'commands are delivered inside another');
    const now_ms = server.clock.monotonic_ms();
    client.lastInteraction_ms = now_ms;
    server.commandStats.begin(now_ms);
    if (now_ms - this.#dated_ms >= DATE_AGE_MAX_MS) {
      this.#dated_ms = now_ms;
      server.keyspace.now_ms = server.clock.now_ms();
    }
    if (server.cluster !== null) server.cluster.noteTime(now_ms);
    server.wake();
  }

  #protocolError(client: Client, text: string): void {
    const server = this.#the();
    server.stats.add('acceptedProtocolErrors');
    server.log.verbose(`Protocol error (${text}) from client: ${clientLine(server, client)}`);
    client.writer.error(`ERR Protocol error: ${text}`);
  }

  #closed(client: Client): void {
    const server = this.#the();
    keepTraffic(server, client);
    discardTransaction(client);
    unsubscribeAll(server, client);
    server.blocking.forget(client);
    server.links.clientClosed(client);
    server.clients.delete(client.id);
  }
}

function fetchAhead({ db }: Client, ahead: KeysAhead): boolean {
  const { buf, off, len, count } = ahead;
  if (count <= 1) {
    return db.fetchMembersAhead(buf, off[0]!, len[0]!, ahead.memberOff, ahead.memberLen, ahead.memberCount);
  }
  return db.fetchAhead(buf, off, len, 0, count, 1);
}
