/*
 * Puts a server together: the only place where its parts meet. Three cycles that the layers forbid are closed here, each
 * by a function handed in once: a connection delivers commands (Door), the log and a primary run commands (run), commands
 * feed the log and the replicas (Propagation, taken at the end of the turn).
 *
 * Nothing here is global: a process can hold many servers, and a closed one leaves no port, timer or listener behind.
 */

import { getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { descriptorsAtStart } from '../base/descriptors.ts';
import type { Logger } from '../base/log.ts';
import { entropySeed, randomHex } from '../base/prng.ts';
import { ConfigFailure } from '../config/conf-file.ts';
import type { Config } from '../config/directives.ts';
import { Settings } from '../config/settings.ts';
import { Alarm } from './alarm.ts';
import { ClusterBus } from './bus/bus.ts';
import { claimFiles } from './claim-files.ts';
import { type ClusterHostOptions, clusterHost } from './cluster-host.ts';
import { joinCluster } from './cluster-join.ts';
import { Call } from './command/call.ts';
import { Propagation } from './command/propagation.ts';
import { Registry } from './command/registry.ts';
import { runWithoutReply } from './command/run-without-reply.ts';
import { releaseHeld } from './command/serve.ts';
import { whyNotStarted } from './config-refusals.ts';
import { cronTick } from './cron.ts';
import { Door } from './door.ts';
import { isReplica } from './gossip/state.ts';
import { specs } from './handlers/table.ts';
import { Keyspace } from './keyspace/keyspace.ts';
import { lowerMaxClients } from './max-clients.ts';
import { Output } from './net/output.ts';
import { Peers } from './net/peers.ts';
import { CommandStats } from './observe/command-stats.ts';
import { Stats } from './observe/stats.ts';
import { onChange, preparation } from './on-change.ts';
import { Claims } from './persistence/claims.ts';
import { Persistence } from './persistence/persistence.ts';
import { allSwitchesOff } from './persistence/test-switches.ts';
import { CollectingWriter } from './protocol/resp-writer.ts';
import { Hub } from './pubsub/hub.ts';
import { beginPause, endPause, rearm } from './rearm.ts';
import { ReplicationLinks } from './replication/links.ts';
import { newReplication } from './replication/replication.ts';
import { replicationHost } from './replication-host.ts';
import { ServerFailure } from './server-failure.ts';
import { abandonStart, Ending } from './shutdown.ts';
import { Blocking } from './state/blocking.ts';
import { Client } from './state/client.ts';
import { Pause } from './state/pause.ts';
import type { Server } from './state/server.ts';
import { endOfTurn } from './turn.ts';

export interface ComposeOptions {
  config: Config;
  log: Logger;
  /** The file that CONFIG REWRITE rewrites, with its full path; null when there is none. */
  configFile: string | null;
  clock?: Clock;
  /** Bytes of the first chunk of the arena: small for servers that live in a test. */
  chunkBytes?: number;
  /** Port 0 is one that the system chooses. */
  anyPort?: boolean;
  /** True in a library: open sockets and timers do not keep the process alive. */
  unref?: boolean;
  /** The parts are put together, and nothing is open yet: from here on the server can be told to end. */
  assembled?: (server: Server) => void;
  /** All ports are open; loading begins. */
  listening?: () => void;
  /** SHUTDOWN has ended the server. */
  ended: () => void;
  /** Ends the process, or whatever stands for it: a promise about the disk could not be kept. */
  fatal: (reason: string) => never;
}

/** The server was told to end while it loaded its data. Whoever told it sees to its end. */
export class LoadingGivenUp extends Error {
  override name = 'LoadingGivenUp';
}

/** A server that is running, and the handle that ends it. */
export interface Running {
  server: Server;
  door: Door;
}

/** Makes a server from its configuration, loads its data and opens its ports. Throws what prevents that. */
export async function compose(options: ComposeOptions): Promise<Running> {
  const refusal = whyNotStarted(options.config) ?? whyNoWayIn(options);
  if (refusal !== null) throw new ConfigFailure(refusal);
  const start: Start = { givenUp: false };
  const claims = new Claims(options.clock ?? systemClock());
  try {
    await claimFiles(claims, options.config, options.log);
    return await open(assemble({ ...options, claims }, start), options, start);
  } catch (error) {
    // Of a start that was given up, whoever ended it sees to that.
    if (!start.givenUp) claims.releaseAll();
    throw error;
  }
}

/** Opens the ports and loads the data; leaves nothing open when that fails. */
async function open({ server, door }: Running, options: ComposeOptions, start: Start): Promise<Running> {
  // Not process.memoryUsage(), which asks the system for what is resident besides.
  const { used_heap_size, external_memory } = getHeapStatistics();
  server.stats.usedMemoryStartup = used_heap_size + external_memory;
  try {
    options.assembled?.(server);
    beginLoading(server);
    // The ports first: a port in use must not cost the time of loading.
    await door.open();
    await server.cluster?.open();
    options.listening?.();
    await loadData(server, start);
  } catch (error) {
    if (!start.givenUp) await abandonStart(server, door);
    throw error;
  }
  return { server, door };
}

function whyNoWayIn({ config, anyPort }: ComposeOptions): string | null {
  const port = config.bind.length > 0 && (anyPort === true || config.port !== 0 || config['tls-port'] !== 0);
  if (!port && config.unixsocket === '') return 'Configured to not listen anywhere, exiting.';
  if (config['cluster-enabled'] && config.bind.length === 0)
    return 'No bind address is configured, but it is required for the Cluster bus.';
  return null;
}

/** Where a start stands; it waits while it loads. */
interface Start {
  givenUp: boolean;
}

type Assembled = ComposeOptions & { claims: Claims };

function assemble(options: Assembled, start: Start): Running {
  const { config, log } = options;
  const clock = options.clock ?? systemClock();
  const replication = newReplication();
  const propagation = new Propagation();
  const keyspace = newKeyspace(options, clock, () => server);
  const descriptors = descriptorsAtStart();
  lowerMaxClients(config, { descriptors, log });
  const door = new Door(() => server, {
    config,
    descriptors,
    keepsAlive: options.unref !== true,
    anyPort: options.anyPort === true,
  });
  const commands = new Registry(specs);
  const switches = allSwitchesOff();
  const server: Server = {
    config,
    settings: new Settings(
      config,
      onChange(() => server, door),
      preparation(() => server, door),
    ),
    configFile: options.configFile,
    clock,
    log,
    commands,
    keyspace,
    clients: new Map(),
    stats: new Stats(),
    commandStats: new CommandStats(commands.size, clock, config, () => readTime(server)),
    output: new Output(),
    nowhere: new CollectingWriter(),
    call: new Call(),
    propagation,
    pubsub: new Hub(),
    blocking: new Blocking(),
    pause: new Pause(),
    persistence: new Persistence({
      config,
      keyspace,
      clock,
      log,
      claims: options.claims,
      switches,
      usedBytes: () => keyspace.usedBytes(),
      replication: () => server.links.point(),
      functions: () => [],
      forgetSelected: () => propagation.forgetSelected(),
      fatal: options.fatal,
      statusChanged: () => server.rearm(),
    }),
    replication,
    links: new ReplicationLinks(replicationHost({ ...options, the: () => server })),
    cluster: newCluster({ ...options, the: () => server, clock, descriptors }),
    peers: new Peers(clock),
    runId: randomHex(40),
    started_ms: clock.monotonic_ms(),
    armed: 0,
    loading: false,
    cronPaused: false,
    switches,
    nextClientId: 1,
    port: 0,
    tlsPort: 0,
    ended: options.ended,
    ...lifeOf({ ...options, start }, () => server, door),
  };
  return { server, door };
}

function newCluster(options: ClusterHostOptions): ClusterBus | null {
  return options.config['cluster-enabled'] ? new ClusterBus(clusterHost(options)) : null;
}

function newKeyspace({ config, chunkBytes }: ComposeOptions, clock: Clock, the: () => Server): Keyspace {
  const clusterMode = config['cluster-enabled'];
  const keyspace = new Keyspace({
    databases: clusterMode ? 1 : config.databases,
    clusterMode,
    seed: entropySeed(),
    limits: config,
    monotonic_ms: () => clock.monotonic_ms(),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  });
  keyspace.now_ms = clock.now_ms();
  keyspace.useLfu = config['maxmemory-policy'].endsWith('-lfu');
  keyspace.setExpireEffort(config['active-expire-effort']);
  keyspace.hooks = {
    expired: (db, kbuf, koff, klen) => the().propagation.addDelete(db.index, kbuf, koff, klen),
    published(channel, payload) {
      const { loading, pubsub } = the();
      // What is loaded has happened before.
      if (!loading) pubsub.publish(channel, payload);
    },
  };
  keyspace.setEventClasses(config['notify-keyspace-events']);
  return keyspace;
}

/** The wall time that commands see; inside a transaction it stands still, as in Redis. */
function readTime({ propagation, keyspace, clock }: Server): boolean {
  if (propagation.inUnit) return false;
  keyspace.now_ms = clock.now_ms();
  return true;
}

/** The functions of the server that act on the whole of it. */
function lifeOf(
  { unref, clock = systemClock(), start, claims }: Assembled & { start: Start },
  the: () => Server,
  door: Door,
): Pick<
  Server,
  | 'wake'
  | 'rearm'
  | 'beginPause'
  | 'endPause'
  | 'shutdown'
  | 'abortShutdown'
  | 'shutdownLeft_ms'
  | 'newClient'
  | 'closeClient'
  | 'every'
  | 'startCron'
  | 'cronChanged'
> {
  const keepsAlive = unref !== true;
  const alarm = new Alarm(clock, { keepsAlive, ring: () => whenDue(the()) });
  let turnWanted = false;
  let turnBegun_ms = 0;
  const runTurn = (): void => {
    turnWanted = false;
    unlessFailed(() => {
      endOfTurn(the(), turnBegun_ms === 0 ? 0 : clock.monotonic_ms() - turnBegun_ms);
      const { blocking, pause, keyspace } = the();
      alarm.set(Math.min(blocking.nextDeadline_ms(), pause.nextEnd_ms(), keyspace.nextSlice_ms));
    });
  };
  const timers = intervals(clock, keepsAlive);
  const ending = new Ending(the, {
    door,
    committed() {
      start.givenUp = true;
      timers.clear();
      alarm.clear();
    },
    ended: () => claims.releaseAll(),
  });
  let stopCron: (() => void) | null = null;
  const startCron = (): void => {
    stopCron?.();
    stopCron = timers.every(1000 / the().config.hz, () => cronTick(the()));
  };
  return {
    wake() {
      if (turnWanted) return;
      turnWanted = true;
      // How long the turn takes matters only then.
      turnBegun_ms = the().keyspace.isExpiring ? clock.monotonic_ms() : 0;
      setImmediate(runTurn);
    },
    rearm: () => rearm(the()),
    beginPause: (who, kind, until_ms) => beginPause(the(), { who, kind, until_ms }),
    endPause: (who) => endPause(the(), who),
    shutdown: (how) => ending.begin(how),
    abortShutdown: () => ending.abort(),
    shutdownLeft_ms: () => ending.left_ms(),
    newClient: (connection, transport) => newClient(the(), connection, transport),
    closeClient: (client, when) => closeClient(client, when),
    every: (interval_ms, task) => void timers.every(interval_ms, task),
    startCron,
    cronChanged() {
      if (stopCron !== null) startCron();
    },
  };
}

/** What is done again and again, until the server ends; `every` answers what ends it earlier. */
function intervals(
  clock: Clock,
  keepsAlive: boolean,
): { every(interval_ms: number, task: () => void): () => void; clear(): void } {
  const timers = new Set<Timer>();
  const stop = (timer: Timer): void => {
    clock.clear(timer);
    timers.delete(timer);
  };
  return {
    every(interval_ms, task) {
      const timer = clock.setInterval(() => unlessFailed(task), interval_ms);
      if (!keepsAlive && 'unref' in timer) (timer as { unref(): void }).unref();
      timers.add(timer);
      return () => stop(timer);
    },
    clear() {
      for (const timer of timers) stop(timer);
    },
  };
}

/** The wait of a client or a pause is over. */
function whenDue(server: Server): void {
  const { clock, keyspace, pause, blocking } = server;
  keyspace.now_ms = clock.now_ms();
  if (pause.dropEnded(clock.monotonic_ms())) {
    server.rearm();
    releaseHeld(server);
  }
  blocking.expire(clock.monotonic_ms());
  server.wake();
}

function unlessFailed(task: () => void): void {
  try {
    task();
  } catch (error) {
    if (!(error instanceof ServerFailure)) throw error;
  }
}

function newClient(server: Server, connection: Client['connection'], transport: Client['transport']): Client {
  const client = new Client({
    id: server.nextClientId++,
    connection,
    transport,
    writer: connection === null ? server.nowhere.writer : server.output.writer,
    db: server.keyspace.databases[0]!,
    now_ms: server.clock.monotonic_ms(),
  });
  if (connection !== null) connection.owner = client;
  server.clients.set(client.id, client);
  return client;
}

function closeClient(client: Client, when: 'after-reply' | 'now'): void {
  client.link?.destroy();
  if (when === 'now') client.connection?.destroy();
  else client.connection?.closeAfterReply();
}

/** From here on clients that come in are told to wait. */
function beginLoading({ links, cluster, config }: Server): void {
  // In a cluster nodes.conf says whom we follow, and the directive whom we join (cluster-join.ts).
  links.prepare(cluster === null ? config.replicaof : null);
  links.setLoading(true);
}

async function loadData(server: Server, start: Start): Promise<void> {
  const { persistence, links, cluster, replication, clock } = server;
  const startsAsReplica = replication.role === 'replica' || (cluster !== null && isReplica(cluster.state.myself));
  const options = { isReplica: startsAsReplica, run: runWithoutReply(server), loadFunction: null };
  const { aux } = await persistence.load(options, async ({ wait_ms }) => {
    await new Promise<void>((resolve) => {
      if (wait_ms === 0) setImmediate(resolve);
      else clock.setTimeout(resolve, wait_ms);
    });
    if (start.givenUp) throw new LoadingGivenUp();
  });
  links.setLoading(false);
  links.restore(aux, startsAsReplica ? 'replica' : 'primary');
  server.startCron();
  await cluster?.start();
  links.start();
  joinCluster(server);
}
