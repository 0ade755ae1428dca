/*
 * What replication may do to this server: the other side of replication/host.ts.
 */

import type { Socket } from 'node:net';
import { lookUp } from './command/dispatch.ts';
import { ReplyError } from './command/errors.ts';
import { run } from './command/run.ts';
import { answerBlocked } from './command/serve.ts';
import { discardTransaction } from './command/transaction.ts';
import type { Request } from './protocol/request.ts';
import type { Refusal, ReplicationHost } from './replication/host.ts';
import { type Client, setAuthenticated } from './state/client.ts';
import type { Server } from './state/server.ts';

const ROLE_CHANGED = 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';

export interface ReplicationHostOptions {
  the: () => Server;
  /** True in a library: open sockets and timers do not keep the process alive. */
  unref?: boolean;
  fatal: (reason: string) => never;
}

export function replicationHost({ the, unref, fatal }: ReplicationHostOptions): ReplicationHost {
  const primary = new PrimaryClient(the, fatal);
  return {
    keepsAlive: unref !== true,
    get clock() {
      return the().clock;
    },
    get log() {
      return the().log;
    },
    get config() {
      return the().config;
    },
    get keyspace() {
      return the().keyspace;
    },
    get switches() {
      return the().switches;
    },
    get replication() {
      return the().replication;
    },
    count: (what) => the().stats.add(what),
    setLoading(loading) {
      the().loading = loading;
      the().rearm();
    },
    rearm: () => the().rearm(),
    selectedDb: () => the().propagation.selected,
    forgetSelected: () => the().propagation.forgetSelected(),
    spool: (request) => the().persistence.spool(request),
    get primaryDb() {
      return primary.client.db.index;
    },
    set primaryDb(index) {
      const { databases } = the().keyspace;
      primary.client.db = databases[index] ?? databases[0]!;
    },
    beginApplying: () => primary.begin(),
    apply: (request) => primary.apply(request),
    endApplying: () => the().commandStats.end(),
    abandonTransaction: () => primary.abandonTransaction(),
    beginArrival: () => the().persistence.beginArrival(),
    replaceData(replace, arrival) {
      const { persistence, propagation, keyspace } = the();
      // Effects of this turn on the data that goes.
      propagation.clear();
      replace();
      keyspace.own.clear();
      persistence.dataReplaced(arrival);
    },
    primaryConnected: (socket) => primary.connected(socket),
    releaseWaiting: () => releaseWaiting(the()),
    streamHeld: () => the().pause.isRunning('failover', the().clock.monotonic_ms()),
    announcedPort() {
      const { config, port, tlsPort } = the();
      return config['replica-announce-port'] || (config['tls-replication'] && tlsPort !== 0 ? tlsPort : port);
    },
    wake: () => the().wake(),
    rememberPrimary(address) {
      const { config, cluster } = the();
      // In a cluster the directive is an address to join by; nodes.conf remembers whom we follow.
      if (cluster === null) config.replicaof = address;
    },
  };
}

/** Our primary as a client: nobody's permission is asked, nothing is routed elsewhere, and nothing is answered. */
class PrimaryClient {
  readonly #the: () => Server;
  readonly #fatal: (reason: string) => never;
  #client: Client | null = null;

  constructor(the: () => Server, fatal: (reason: string) => never) {
    this.#the = the;
    this.#fatal = fatal;
  }

  get client(): Client {
    this.#client ??= newPrimaryClient(this.#the());
    return this.#client;
  }

  /** While its link is there, it is a client among the others. */
  connected(socket: Socket | null): void {
    const server = this.#the();
    const before = this.#client;
    if (before !== null) server.clients.delete(before.id);
    if (socket === null) return;
    this.#client = newPrimaryClient(server);
    this.#client.link = socket;
    server.clients.set(this.#client.id, this.#client);
    // The stream goes on where it was, which no SELECT may say again.
    if (before !== null) this.#client.db = before.db;
  }

  begin(): void {
    const { clock, commandStats } = this.#the();
    const now_ms = clock.monotonic_ms();
    this.client.lastInteraction_ms = now_ms;
    commandStats.begin(now_ms);
  }

  apply(request: Request): 'done' | 'open' | Refusal {
    const server = this.#the();
    const { client } = this;
    const { call } = server;
    call.set(server, client, request, client.writer);
    server.stats.countCommand();
    const command = lookUp(call);
    if (command instanceof ReplyError) {
      if (WITHOUT_DATA.has(call.text(0).toLowerCase())) return 'done';
      return this.#refused(call.text(0), command);
    }
    client.lastCommand = command;
    if (client.transaction !== null && !command.is('ends_transaction')) {
      client.transaction.queue.push(command, request);
    } else {
      call.command = command;
      const refusal = run(call);
      server.nowhere.discard();
      if (refusal !== null) return this.#refused(refusal.command, refusal.error);
    }
    return client.transaction === null ? 'done' : 'open';
  }

  /** A command that the primary could carry out fails here: the two differ, and somebody has to know. */
  #refused(command: string, { line }: ReplyError): Refusal {
    const { log, config } = this.#the();
    const text = `This replica is sending an error to its master: '-${line}' after processing the command '${command}'`;
    log.warning(`== CRITICAL == ${text}`);
    if (config['propagation-error-behavior'] !== 'ignore') this.#fatal(text);
    return { command, error: line, unknown: line.startsWith('ERR unknown ') };
  }

  abandonTransaction(): void {
    if (this.#client !== null) discardTransaction(this.#client);
  }
}

/** Not known yet, and no loss: nobody can subscribe to a sharded channel here, and it changes no data. */
const WITHOUT_DATA: ReadonlySet<string> = new Set(['spublish']);

function newPrimaryClient(server: Server): Client {
  const client = server.newClient(null, 'none');
  setAuthenticated(client, true);
  client.kind = 'primary';
  server.clients.delete(client.id);
  return client;
}

/** What they wait for happens on the primary from now on. Those that a pause holds back are not waiting for anything. */
function releaseWaiting(server: Server): void {
  for (const { client, wait } of server.blocking.waiting()) {
    if (wait.why === 'paused') continue;
    answerBlocked(server, client, {
      wait,
      answer(reply) {
        reply.error(ROLE_CHANGED);
        server.closeClient(client, 'after-reply');
      },
    });
  }
}
