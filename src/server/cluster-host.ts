/*
 * What the cluster bus may do to this server: the other side of bus/bus.ts.
 */

import { networkInterfaces } from 'node:os';
import { BUS_PORT_OFFSET } from '../base/bus-port.ts';
import type { Clock } from '../base/clock.ts';
import type { Descriptors } from '../base/descriptors.ts';
import type { Logger } from '../base/log.ts';
import { entropySeed, Prng } from '../base/prng.ts';
import { listenHosts, listensOn, sourceOf } from '../config/addresses.ts';
import type { Config, Name } from '../config/directives.ts';
import { profileOf } from '../config/profiles.ts';
import type { BusHost } from './bus/bus.ts';
import type { Adopt } from './bus/link.ts';
import { nodesConfPath } from './claim-files.ts';
import type { ClusterConfig } from './gossip/state.ts';
import { adopt } from './net/input.ts';
import { fileExists, readSmallFile, syncLater, writeFileAtomically } from './persistence/disk.ts';
import { OverwrittenText } from './persistence/overwritten-text.ts';
import { busTlsOptions, clientTlsOptions } from './security/tls-options.ts';
import type { Server } from './state/server.ts';

/** A line is some hundred bytes, and a cluster has at most a thousand nodes or so. */
const NODES_CONF_BYTES_MAX = 64 * 1024 * 1024;

export interface ClusterHostOptions {
  /** The server, once it is put together. */
  the: () => Server;
  config: Config;
  clock: Clock;
  log: Logger;
  descriptors: Descriptors;
  /** True in a library: open sockets and timers do not keep the process alive. */
  unref?: boolean;
  fatal: (reason: string) => never;
}

export function clusterHost({ the, config, clock, log, descriptors, unref, fatal }: ClusterHostOptions): BusHost {
  const file = nodesConfPath(config);
  const nodesConf = new OverwrittenText(file);
  // Opened once: a client port that moves later leaves the bus where the others know it.
  const port = config['cluster-port'] || (config['tls-cluster'] ? config['tls-port'] : config.port) + BUS_PORT_OFFSET;
  return {
    clock,
    log,
    file,
    keepsAlive: unref !== true,
    prng: new Prng(entropySeed()),
    config: () => clusterConfigOf(config, port),
    port,
    descriptors,
    hosts: () => listenHosts(config.bind),
    isOwnAddress: (ip) => listensOn(listenHosts(config.bind), ip) && isOfThisMachine(ip),
    source: (host) => sourceOf(config['bind-source-addr'], host),
    adopt: adoptAccepted,
    linkBufferLimit: () => config['cluster-link-sendbuf-limit'],
    tls: () => (config['tls-cluster'] ? { server: busTlsOptions(config), client: clientTlsOptions(config) } : null),
    read() {
      return fileExists(file) ? readSmallFile(file, NODES_CONF_BYTES_MAX).toString('latin1') : null;
    },
    write(text, { fsync }) {
      if (!fsync) return nodesConf.write(text);
      nodesConf.rest();
      writeFileAtomically(file, Buffer.from(text, 'latin1'));
    },
    rest: () => nodesConf.rest(),
    sync(done) {
      syncLater(file, (failure) => done(failure?.message ?? null));
    },
    countKeysInSlot: (slot) => the().keyspace.countKeysInSlot(slot),
    cronPaused: () => the().cronPaused,
    keyCount: () => the().keyspace.databases.reduce((count, db) => count + db.size, 0),
    noteReplication(facts) {
      const { replication, links, propagation } = the();
      // What this turn has written so far is ours already, and on its way.
      const offset = replication.offset + (links.wantsStream ? propagation.length : 0);
      facts.unfit = links.whyUnfit();
      // Nothing of its primary's data: the others rank it last, and give its address to no client.
      facts.offset = links.hasData ? offset : 0;
      facts.silence_ms = links.silence_ms;
    },
    becomePrimary: () => the().links.becomePrimary(),
    replicate({ ip, port, plainPort, newShard }) {
      const plain = plainPort !== 0 && !config['tls-replication'];
      the().links.replicate(ip, plain ? plainPort : port, { newShard });
    },
    flushData: () => flushData(the()),
    deleteKeysInSlots: (slots) => deleteKeysInSlots(the(), slots),
    slotsLost() {
      // Sharded channels, whose subscribers would have to be told, are not served yet.
    },
    stateChanged() {
      // Nothing is kept of it: every command with keys asks the machine (command/cluster-gate.ts).
    },
    pauseWrites(for_ms) {
      the().beginPause('failover', 'write', clock.monotonic_ms() + for_ms);
    },
    resumeWrites: () => the().endPause('failover'),
    deliver({ sharded, channel, payload }) {
      // To sharded channels nobody can subscribe yet.
      if (!sharded) the().pubsub.publish(channel.latin1Slice(), payload);
    },
    wake: () => the().wake(),
    fatal,
  };
}

const adoptAccepted: Adopt = (accepted, read) => {
  const adopted = adopt(accepted, read);
  // What is left of it is counted by the port, which ends when all that it accepted have ended.
  if (adopted !== null) accepted.destroy();
  return adopted?.socket ?? null;
};

/** All of 127/8 is, though one address of it is listed. */
function isOfThisMachine(ip: string): boolean {
  if (ip.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === ip) === true);
}

/** The log is told as well, or a restart would bring back what is gone, and mix it with what comes. */
function flushData({ keyspace, propagation }: Server): void {
  keyspace.clear();
  propagation.add(0, ['FLUSHALL']);
}

/** Keys whose slot belongs to somebody else now, who has them. The log and our replicas are told to forget them. */
function deleteKeysInSlots({ keyspace, propagation, log }: Server, slots: readonly number[]): void {
  for (const slot of slots) {
    const count = keyspace.countKeysInSlot(slot);
    if (count === 0) continue;
    log.notice(`Deleting keys in dirty slot ${slot}: ${count} keys`);
    const tell = (kbuf: Buffer, koff: number, klen: number): void => propagation.addDelete(0, kbuf, koff, klen);
    while (keyspace.deleteInSlot(slot, count, tell) > 0);
    keyspace.dirty += count;
  }
}

/**
 * All directives that the cluster reads, and that have to reach the others when they change. The type of what
 * `clusterConfigOf` gets is made of them, so it cannot read another.
 */
export const clusterDirectives = [
  'port',
  'tls-port',
  'tls-cluster',
  'repl-ping-replica-period',
  'cluster-node-timeout',
  'cluster-migration-barrier',
  'cluster-replica-validity-factor',
  'cluster-require-full-coverage',
  'cluster-allow-replica-migration',
  'cluster-replica-no-failover',
  'cluster-allow-reads-when-down',
  'cluster-allow-pubsubshard-when-down',
  'cluster-preferred-endpoint-type',
  'cluster-announce-ip',
  'cluster-announce-hostname',
  'cluster-announce-human-nodename',
  'compat-profile',
  'cluster-announce-port',
  'cluster-announce-tls-port',
  'cluster-announce-bus-port',
] as const satisfies readonly Name[];

function clusterConfigOf(config: Pick<Config, (typeof clusterDirectives)[number]>, busPort: number): ClusterConfig {
  const tls = config['tls-cluster'];
  const tcpPort = config['cluster-announce-port'] || config.port;
  const tlsPort = config['cluster-announce-tls-port'] || config['tls-port'];
  const port = tls ? tlsPort : tcpPort;
  return {
    nodeTimeout_ms: config['cluster-node-timeout'],
    migrationBarrier: config['cluster-migration-barrier'],
    replicaValidityFactor: config['cluster-replica-validity-factor'],
    requireFullCoverage: config['cluster-require-full-coverage'],
    allowReplicaMigration: config['cluster-allow-replica-migration'],
    replicaNoFailover: config['cluster-replica-no-failover'],
    allowReadsWhenDown: config['cluster-allow-reads-when-down'],
    allowPubsubShardWhenDown: config['cluster-allow-pubsubshard-when-down'],
    replicaPingPeriod_s: config['repl-ping-replica-period'],
    preferredEndpoint: config['cluster-preferred-endpoint-type'],
    announceIp: config['cluster-announce-ip'],
    announceHostname: config['cluster-announce-hostname'],
    announceNodename: config['cluster-announce-human-nodename'],
    tellsShards: profileOf(config).since72,
    port,
    plainPort: tls ? tcpPort : 0,
    busPort: config['cluster-announce-bus-port'] || busPort,
  };
}
