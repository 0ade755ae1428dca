/*
 * What replication may do to this server: the other side of replication/host.ts.
 */

import { lookUp } from './command/dispatch.ts';
import { ReplyError } from './command/errors.ts';
import { run } from './command/run.ts';
import { answerBlocked } from './command/serve.ts';
import { discardTransaction } from './command/transaction.ts';
import type { Request } from './protocol/request.ts';
import type { ReplicationHost } from './replication/host.ts';
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
    apply: (request) => primary.apply(request),
    abandonTransaction: () => primary.abandonTransaction(),
    dataReplaced(functions) {
      const { persistence, log, propagation } = the();
      // Effects of this turn on the data that is gone.
      propagation.clear();
      persistence.dataReplaced(null);
      if (functions.length > 0) {
        log.warning(`${functions.length} function libraries were not loaded: this server cannot run them yet`);
      }
    },
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

  apply(request: Request): boolean {
    const server = this.#the();
    const { client } = this;
    const { call } = server;
    call.set(server, client, request, client.writer);
    server.stats.countCommand();
    const command = lookUp(call);
    if (command instanceof ReplyError) {
      this.#complain(command, call.text(0));
    } else if (client.transaction !== null && !command.is('ends_transaction')) {
      client.transaction.queue.push({ command, request: request.copy() });
    } else {
      call.command = command;
      const refusal = run(call);
      server.nowhere.discard();
      if (refusal !== null) this.#complain(refusal.error, refusal.command);
    }
    return client.transaction !== null;
  }

  /** A command that the primary could carry out fails here: the two differ, and somebody has to know. */
  #complain({ line }: ReplyError, command: string): void {
    const { log, config } = this.#the();
    const text = `This replica is sending an error to its master: '-${line}' after processing the command '${command}'`;
    log.warning(`== CRITICAL == ${text}`);
    if (config['propagation-error-behavior'] !== 'ignore') this.#fatal(text);
  }

  abandonTransaction(): void {
    if (this.#client !== null) discardTransaction(this.#client);
  }
}

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
