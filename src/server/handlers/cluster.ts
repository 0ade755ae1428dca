/*
 * CLUSTER, the questions: what this node believes about the cluster, and which keys it has. Commands that change
 * something are in cluster-admin.ts. Replies: spec cluster-behaviour.md, section 16.
 */

import { slotOf } from '../../base/slot.ts';
import type { ClusterBus } from '../bus/bus.ts';
import type { Call } from '../command/call.ts';
import { container } from '../command/container.ts';
import { CLUSTER_DISABLED, quoted, ReplyError } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { clientPort, endpointOf, ipOf } from '../gossip/redirect.ts';
import {
  clusterInfo,
  linkViews,
  nodeLine,
  nodesText,
  ownedRanges,
  type ShardMember,
  shards,
} from '../gossip/report.ts';
import { type ClusterNode, isPrimary, type State, shardIdOf } from '../gossip/state.ts';
import { adminSpecs } from './cluster-admin.ts';

const ADMIN_QUESTION = { flags: ['admin', 'stale'], acl: ['admin', 'dangerous'], keys: [], group: 'cluster' } as const;
const QUESTION = { flags: ['stale'], acl: [], keys: [], group: 'cluster' } as const;

const questions: readonly Spec[] = [
  {
    ...QUESTION,
    name: 'info',
    arity: 2,
    since: '3.0.0',
    summary: 'Return information about the cluster.',
    complexity: 'O(1)',
    run: (call) => call.reply.verbatim(clusterInfo(stateOf(call))),
  },
  {
    ...QUESTION,
    name: 'nodes',
    arity: 2,
    since: '3.0.0',
    summary: 'Return cluster configuration seen by node. Output format:',
    complexity: 'O(N) where N is the total number of Cluster nodes',
    run: (call) => call.reply.verbatim(nodesText(stateOf(call), call.client)),
  },
  {
    ...QUESTION,
    flags: ['stale', 'loading'],
    name: 'slots',
    arity: 2,
    since: '3.0.0',
    summary: 'Return information about slots range mappings.',
    complexity: 'O(N) where N is the total number of Cluster nodes',
    run: slots,
  },
  {
    ...QUESTION,
    flags: ['stale', 'loading'],
    name: 'shards',
    arity: 2,
    since: '7.0.0',
    summary: 'Return information about slot range mappings and the nodes associated with them.',
    complexity: 'O(N) where N is the total number of cluster nodes',
    run: replyShards,
  },
  {
    ...QUESTION,
    name: 'links',
    arity: 2,
    since: '7.0.0',
    summary: 'Return information about all network links between this node and its peers.',
    complexity: 'O(N) where N is the total number of Cluster nodes',
    run: links,
  },
  {
    ...QUESTION,
    name: 'myid',
    arity: 2,
    since: '3.0.0',
    summary: 'Return the node id.',
    complexity: 'O(1)',
    run: (call) => call.reply.bulkText(stateOf(call).myself.id),
  },
  {
    ...QUESTION,
    name: 'myshardid',
    arity: 2,
    since: '7.2.0',
    summary: "Return the node's shard id.",
    complexity: 'O(1)',
    run: (call) => call.reply.bulkText(shardIdOf(stateOf(call).myself)),
  },
  {
    ...QUESTION,
    name: 'keyslot',
    arity: 3,
    since: '3.0.0',
    usage: '<key>',
    summary: 'Return the hash slot for <key>.',
    complexity: 'O(N) where N is the number of bytes in the key',
    run: keyslot,
  },
  {
    ...QUESTION,
    name: 'countkeysinslot',
    arity: 3,
    since: '3.0.0',
    usage: '<slot>',
    summary: 'Return the number of keys in <slot>.',
    complexity: 'O(1)',
    run: countkeysinslot,
  },
  {
    ...QUESTION,
    name: 'getkeysinslot',
    arity: 4,
    since: '3.0.0',
    usage: '<slot> <count>',
    summary: 'Return key names stored by current node in a slot.',
    complexity: 'O(N) where N is the number of requested keys',
    run: getkeysinslot,
  },
  {
    ...ADMIN_QUESTION,
    name: 'replicas',
    arity: 3,
    since: '5.0.0',
    usage: '<node-id>',
    summary: 'Return <node-id> replicas.',
    complexity: 'O(N) where N is the number of replicas',
    run: replicas,
  },
  {
    ...ADMIN_QUESTION,
    name: 'slaves',
    arity: 3,
    since: '3.0.0',
    usage: '<node-id>',
    summary: 'Return <node-id> replicas; an old name of REPLICAS.',
    complexity: 'O(N) where N is the number of replicas',
    run: replicas,
  },
  {
    ...ADMIN_QUESTION,
    name: 'count-failure-reports',
    arity: 3,
    since: '3.0.0',
    usage: '<node-id>',
    summary: 'Return number of failure reports for <node-id>.',
    complexity: 'O(N) where N is the number of failure reports',
    run: failureReports,
  },
];

const CONNECTION_FLAG = {
  flags: ['fast', 'stale', 'loading'],
  acl: ['connection'],
  keys: [],
  group: 'cluster',
} as const;

export const specs: readonly Spec[] = [
  container({
    name: 'cluster',
    since: '3.0.0',
    group: 'cluster',
    acl: [],
    summary: 'A container for Redis Cluster commands.',
    guard: busOf,
    subcommands: [...questions, ...adminSpecs],
  }),
  {
    ...CONNECTION_FLAG,
    flags: ['fast'],
    name: 'asking',
    traits: ['prepares_next'],
    arity: 1,
    since: '3.0.0',
    summary: 'Signals that a cluster client is following an -ASK redirect.',
    complexity: 'O(1)',
    run: (call) =>
      setFlag(call, (client) => {
        client.asking = true;
      }),
  },
  {
    ...CONNECTION_FLAG,
    name: 'readonly',
    arity: 1,
    since: '3.0.0',
    summary: 'Enables read-only queries for a connection to a Redis Cluster replica node.',
    complexity: 'O(1)',
    run: (call) =>
      setFlag(call, (client) => {
        client.readonly = true;
      }),
  },
  {
    ...CONNECTION_FLAG,
    name: 'readwrite',
    arity: 1,
    since: '3.0.0',
    summary: 'Enables read-write queries for a connection to a Redis Cluster replica node.',
    complexity: 'O(1)',
    run: (call) =>
      setFlag(call, (client) => {
        client.readonly = false;
      }),
  },
];

const INVALID_SLOT = new ReplyError('ERR Invalid slot');
const INVALID_SLOT_OR_COUNT = new ReplyError('ERR Invalid slot or number of keys');
const NOT_A_PRIMARY = new ReplyError('ERR The specified node is not a master');

function setFlag(call: Call, set: (client: Call['client']) => void): void {
  busOf(call);
  set(call.client);
  call.reply.ok();
}

function slots(call: Call): void {
  const state = stateOf(call);
  const ranges = ownedRanges(state, myOffsetOf(call));
  call.reply.array(ranges.length);
  for (const { start, end, nodes } of ranges) {
    call.reply.array(2 + nodes.length);
    call.reply.integer(start);
    call.reply.integer(end);
    for (const node of nodes) replyEndpoint(call, state, node);
  }
}

/** As the others are told: 0 for a replica that has no data yet. */
function myOffsetOf({ server: { links, replication } }: Call): number {
  return links.hasData ? replication.offset : 0;
}

/** [endpoint, port, id, {what else is known of its address}] */
function replyEndpoint({ client, reply }: Call, state: State, node: ClusterNode): void {
  const { preferredEndpoint } = state.config;
  reply.array(4);
  const endpoint = endpointOf(state, node, client.reachedAt);
  if (endpoint === null) reply.null();
  else reply.bulkText(endpoint);
  reply.integer(clientPort(node, client));
  reply.bulkText(node.id);
  const withIp = preferredEndpoint !== 'ip';
  const withHostname = preferredEndpoint !== 'hostname' && node.hostname !== '';
  reply.map(Number(withIp) + Number(withHostname));
  if (withIp) {
    reply.bulkText('ip');
    reply.bulkText(ipOf(state, node, client.reachedAt));
  }
  if (withHostname) {
    reply.bulkText('hostname');
    reply.bulkText(node.hostname);
  }
}

function replyShards(call: Call): void {
  const state = stateOf(call);
  const { reply } = call;
  const all = shards(state, myOffsetOf(call));
  reply.array(all.length);
  for (const shard of all) {
    reply.map(2);
    reply.bulkText('slots');
    reply.array(shard.slots.length * 2);
    for (const { start, end } of shard.slots) {
      reply.integer(start);
      reply.integer(end);
    }
    reply.bulkText('nodes');
    reply.array(shard.members.length);
    for (const member of shard.members) replyMember(call, state, member);
  }
}

function replyMember({ client, reply }: Call, state: State, { node, role, offset, health }: ShardMember): void {
  const plainPort = node.plainPort !== 0 ? node.plainPort : state.config.plainPort === 0 ? node.port : 0;
  const tlsPort = state.config.plainPort !== 0 || node.plainPort !== 0 ? node.port : 0;
  const fields: [string, string | number | null][] = [['id', node.id]];
  if (plainPort !== 0) fields.push(['port', plainPort]);
  if (tlsPort !== 0) fields.push(['tls-port', tlsPort]);
  const { reachedAt } = client;
  fields.push(['ip', ipOf(state, node, reachedAt)], ['endpoint', endpointOf(state, node, reachedAt)]);
  if (node.hostname !== '') fields.push(['hostname', node.hostname]);
  fields.push(['role', role], ['replication-offset', offset], ['health', health]);
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name);
    if (value === null) reply.null();
    else if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
}

function links(call: Call): void {
  const bus = busOf(call);
  const { reply } = call;
  const views = linkViews(bus.state);
  reply.array(views.length);
  for (const { direction, node, created_ms, link } of views) {
    const pending = bus.pendingOf({ outgoing: direction === 'to', number: link });
    reply.map(6);
    reply.bulkText('direction');
    reply.bulkText(direction);
    reply.bulkText('node');
    reply.bulkText(node);
    reply.bulkText('create-time');
    reply.integer(created_ms);
    reply.bulkText('events');
    reply.bulkText(pending > 0 ? 'rw' : 'r');
    reply.bulkText('send-buffer-allocated');
    reply.integer(pending);
    reply.bulkText('send-buffer-used');
    reply.integer(pending);
  }
}

function keyslot(call: Call): void {
  busOf(call);
  call.reply.integer(slotOf(call.buf, call.off(2), call.len(2)));
}

function countkeysinslot(call: Call): void {
  busOf(call);
  const slot = call.integer(2);
  if (slot < 0 || slot > 16383) throw INVALID_SLOT;
  call.reply.integer(call.server.keyspace.countKeysInSlot(slot));
}

function getkeysinslot(call: Call): void {
  busOf(call);
  const slot = call.integer(2);
  const count = call.integer(3);
  if (slot < 0 || slot > 16383 || count < 0) throw INVALID_SLOT_OR_COUNT;
  const keys = call.server.keyspace.keysInSlot(slot, count);
  call.reply.array(keys.length);
  for (const key of keys) call.reply.bulkBuffer(key);
}

function replicas(call: Call): void {
  const state = stateOf(call);
  const node = nodeOf(call, state, 2);
  if (!isPrimary(node)) throw NOT_A_PRIMARY;
  call.reply.array(node.replicas.length);
  for (const replica of node.replicas) call.reply.bulkText(nodeLine(state, replica, clientPort(replica, call.client)));
}

function failureReports(call: Call): void {
  const state = stateOf(call);
  const node = nodeOf(call, state, 2);
  call.reply.integer(busOf(call).failureReports(node));
}

/** The bus of this node, or the refusal of a server that is in no cluster. */
function busOf(call: Call): ClusterBus {
  if (call.server.cluster === null) throw CLUSTER_DISABLED;
  return call.server.cluster;
}

function stateOf(call: Call): State {
  return busOf(call).state;
}

function nodeOf(call: Call, state: State, i: number): ClusterNode {
  const node = state.nodes.get(call.text(i).toLowerCase());
  if (node === undefined) throw new ReplyError(`ERR Unknown node ${quoted(call.text(i))}`);
  return node;
}
