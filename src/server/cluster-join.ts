/*
 * Cluster nodes that join by themselves. Redis refuses `replicaof` together with `cluster-enabled yes`; here, as an
 * extension, it names a node of the cluster that a new node is to meet, and then to follow as its replica. A node that has
 * joined once knows from nodes.conf what it is, and the directive means nothing any more.
 */

import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { BUS_PORT_OFFSET } from './cluster-host.ts';
import { type ClusterNode, inHandshake, isReplica } from './gossip/state.ts';
import type { Server } from './state/server.ts';

const ATTEMPT_INTERVAL_MS = 100;
/** Meeting is lost without a word when the other node is not up yet. */
const MEET_INTERVAL_MS = 1000;

/** Begins to join; goes on until it has worked. */
export function joinCluster(server: Server): void {
  const { cluster, config, log } = server;
  const target = config.replicaof;
  if (cluster === null || target === null) return;
  const { myself } = cluster.state;
  if (isReplica(myself) || myself.slots.count() > 0) {
    log.notice(`replicaof ${target.host} ${target.port} is passed over: nodes.conf says what this node is`);
    return;
  }
  log.notice(`Joining the cluster of ${target.host}:${target.port} as a replica of this node (an extension of rkv)`);
  const attempt = joiner(server, target);
  let joined = attempt();
  server.every(ATTEMPT_INTERVAL_MS, () => {
    if (!joined) joined = attempt();
  });
}

/** One attempt after the other; each answers whether this node is a replica now. */
function joiner({ cluster, log, clock }: Server, { host, port }: { host: string; port: number }): () => boolean {
  const { state } = cluster!;
  let ip = isIP(host) === 0 ? '' : host;
  let met_ms = Number.NEGATIVE_INFINITY;
  let refusal = '';
  const resolve = (): void => {
    // The bus knows nodes by address; a name that is not known yet will be asked for again.
    lookup(host, (error, address) => {
      if (error === null) ip = address;
      else log.warning(`Cannot resolve ${host}: ${error.message}`);
    });
  };
  const meet = (): void => {
    if (clock.monotonic_ms() - met_ms < MEET_INTERVAL_MS) return;
    met_ms = clock.monotonic_ms();
    if (ip === '') resolve();
    else cluster!.run({ type: 'meet', ip, port, busPort: port + BUS_PORT_OFFSET });
  };
  return () => {
    if (isReplica(state.myself)) return true;
    const node = find(state.list, ip, port);
    if (node === null) {
      meet();
      return false;
    }
    const primary = node.primary ?? node;
    const result = cluster!.run({ type: 'replicate', node: primary.id });
    if ('status' in result) {
      log.notice(`Joined: this node replicates ${primary.id}`);
      return true;
    }
    if (result.error !== refusal) log.warning(`Cannot replicate ${primary.id} yet: ${result.error}`);
    refusal = result.error;
    return false;
  };
}

function find(nodes: readonly ClusterNode[], ip: string, port: number): ClusterNode | null {
  return nodes.find((node) => !inHandshake(node) && node.ip === ip && node.port === port) ?? null;
}
