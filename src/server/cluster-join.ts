/*
 * Cluster nodes that join by themselves. Redis refuses `replicaof` together with `cluster-enabled yes`; here, as an
 * extension, it names a node of the cluster that a new node is to meet, and then to follow as its replica. A node that has
 * joined once knows from nodes.conf what it is, and the directive means nothing any more.
 *
 * The directive names a port for clients. There the node is asked who it is and where its bus is.
 */

import { sourceOf } from '../config/addresses.ts';
import type { Config } from '../config/directives.ts';
import { inHandshake, isReplica } from './gossip/state.ts';
import type { Outcome } from './net/peers.ts';
import { requestOf } from './protocol/request.ts';
import { clientTlsOptions } from './security/tls-options.ts';
import type { Server } from './state/server.ts';

const ATTEMPT_INTERVAL_MS = 100;
/** Asking, like meeting, leads to nothing while the other node is not up yet. */
const ASK_INTERVAL_MS = 1000;
const ASK_TIMEOUT_MS = 5000;

/** Begins to join; goes on until it has worked. */
export function joinCluster(server: Server): void {
  const { cluster, config, log } = server;
  const target = config.replicaof;
  if (cluster === null || target === null) return;
  const { myself } = cluster.state;
  if (isReplica(myself) || myself.slots.count() > 0) {
    log.notice(`replicaof ${target.host} ${target.port} is ignored: nodes.conf says what this node is`);
    return;
  }
  log.notice(`Joining the cluster of ${target.host}:${target.port} as a replica of this node (an extension of rkv)`);
  const attempt = joiner(server, target);
  let joined = attempt();
  server.every(ATTEMPT_INTERVAL_MS, () => {
    if (!joined) joined = attempt();
  });
}

interface Target {
  host: string;
  port: number;
}

/** One attempt after the other; each answers whether this node is a replica now. */
function joiner(server: Server, target: Target): () => boolean {
  const { clock, log } = server;
  const cluster = server.cluster!;
  const { state } = cluster;
  let id = '';
  let asked_ms = Number.NEGATIVE_INFINITY;
  let isAsking = false;
  let problem = '';
  const tell = (why: string): void => {
    if (why !== problem) log.warning(`Cannot join the cluster of ${target.host}:${target.port} yet: ${why}`);
    problem = why;
  };
  const ask = (): void => {
    if (isAsking || clock.monotonic_ms() - asked_ms < ASK_INTERVAL_MS) return;
    asked_ms = clock.monotonic_ms();
    isAsking = true;
    askWhoItIs(server, target, (answer) => {
      isAsking = false;
      if ('problem' in answer) return tell(answer.problem);
      id = answer.id;
      if (!state.nodes.has(id)) cluster.run({ type: 'meet', ...answer.address });
    });
  };
  return () => {
    if (isReplica(state.myself)) return true;
    const node = state.nodes.get(id);
    if (node === undefined || inHandshake(node)) {
      ask();
      return false;
    }
    const primary = node.primary ?? node;
    const result = cluster.run({ type: 'replicate', node: primary.id });
    if ('error' in result) {
      tell(result.error);
      return false;
    }
    log.notice(`Joined: this node replicates ${primary.id}`);
    return true;
  };
}

type Answer = { id: string; address: { ip: string; port: number; busPort: number } } | { problem: string };

function askWhoItIs({ config, peers }: Server, { host, port }: Target, answered: (answer: Answer) => void): void {
  const requests = [requestOf(['CLUSTER', 'NODES']).buf];
  if (config.masterauth !== '') requests.unshift(requestOf(credentialsOf(config)).buf);
  peers.exchange({
    host,
    port,
    tls: config['tls-cluster'] || config['tls-replication'] ? clientTlsOptions(config) : null,
    source: sourceOf(config['bind-source-addr'], host),
    timeout_ms: ASK_TIMEOUT_MS,
    request: () => ({ bytes: requests, replies: requests.length }),
    done: (outcome) => {
      answered(read(outcome));
      // It knows our password for the primary; nothing else is to be said on it.
      outcome.peer.socket.destroy();
    },
  });
}

function credentialsOf({ masteruser, masterauth }: Config): Buffer[] {
  const words = masteruser === '' ? ['AUTH', masterauth] : ['AUTH', masteruser, masterauth];
  return words.map((word) => Buffer.from(word, 'latin1'));
}

function read({ replies, failure, peer }: Outcome): Answer {
  const refusal = replies.find((reply) => reply.type === 'error');
  if (refusal !== undefined) return { problem: refusal.text };
  if (failure !== null) return { problem: `no answer (${failure})` };
  const nodes = replies.at(-1);
  const text = nodes?.type === 'bulk' ? nodes.bytes.toString('latin1') : '';
  const own = /^([a-z0-9]{40}) \S*:(\d+)@(\d+)\S* \S*\bmyself\b/m.exec(text);
  const ip = peer.socket.remoteAddress?.replace(/^::ffff:/, '');
  if (own === null || ip === undefined) return { problem: 'it did not identify itself (CLUSTER NODES)' };
  const [, id, port, busPort] = own as unknown as [string, string, string, string];
  return { id, address: { ip, port: Number(port), busPort: Number(busPort) } };
}
