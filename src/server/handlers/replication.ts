/*
 * Replication: REPLICAOF and its older name, ROLE, WAIT, and what replicas say to their primary (REPLCONF, PSYNC, SYNC).
 */

import { parseInteger } from '../../base/ascii.ts';
import { type Call, mayBlock } from '../command/call.ts';
import { NOT_INTEGER, quoted, ReplyError, SYNTAX, unsupported } from '../command/errors.ts';
import { answerBlocked } from '../command/serve.ts';
import type { Spec } from '../command/spec.ts';
import type { Blocked } from '../state/client.ts';
import { clientLine } from './client-line.ts';
import { peerOf } from './replica-peer.ts';

const ADMIN = { acl: ['admin', 'dangerous'], keys: [], group: 'server' } as const;

export const specs: readonly Spec[] = [
  {
    ...ADMIN,
    name: 'replicaof',
    arity: 3,
    flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
    since: '5.0.0',
    summary: 'Makes the server a replica of another one, or a primary.',
    complexity: 'O(1)',
    run: replicaof,
  },
  {
    ...ADMIN,
    name: 'slaveof',
    arity: 3,
    flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
    since: '1.0.0',
    summary: 'Makes the server a replica of another one, or a primary. The older name of REPLICAOF.',
    complexity: 'O(1)',
    run: replicaof,
  },
  {
    ...ADMIN,
    name: 'role',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    since: '2.8.12',
    summary: 'Returns the replication role, and who is at the other end.',
    complexity: 'O(1)',
    run: role,
  },
  {
    ...ADMIN,
    name: 'replconf',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    since: '3.0.0',
    summary: 'What replicas and primaries say to each other about the link.',
    complexity: 'O(1)',
    run: replconf,
  },
  {
    ...ADMIN,
    name: 'psync',
    arity: -3,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    since: '2.8.0',
    summary: 'Asks for the replication stream, from an offset on if possible.',
    complexity: 'O(N) with N the number of keys, if the whole data set has to be sent',
    run: psync,
  },
  {
    ...ADMIN,
    name: 'sync',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    since: '1.0.0',
    summary: 'Asks for the whole data set and the replication stream.',
    complexity: 'O(N) with N the number of keys',
    run: (call) => becomeReplicaLink(call, null),
  },
  {
    name: 'wait',
    arity: 3,
    flags: [],
    acl: ['connection'],
    keys: [],
    since: '3.0.0',
    group: 'generic',
    summary: 'Waits until the writes of this client have reached so many replicas.',
    complexity: 'O(1)',
    run: wait,
  },
];

const INVALID_PORT = new ReplyError('ERR Invalid master port');
const NOT_IN_CLUSTER = new ReplyError('ERR REPLICAOF not allowed in cluster mode.');
const NOT_FOR_REPLICAS = new ReplyError('ERR Command is not valid when client is a replica.');
const NOT_CONNECTED = new ReplyError("NOMASTERLINK Can't SYNC while not connected with my master");
const FAILOVER_AT_PRIMARY = new ReplyError("ERR PSYNC FAILOVER can't be sent to a master.");
const WAIT_ON_REPLICA = new ReplyError(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
);
const TIMEOUT_NOT_INTEGER = new ReplyError('ERR timeout is not an integer or out of range');
const TIMEOUT_NEGATIVE = new ReplyError('ERR timeout is negative');
const IP_MAX = 46;

function replicaof(call: Call): void {
  const { server, client, reply } = call;
  if (server.cluster !== null) throw NOT_IN_CLUSTER;
  if (call.is(1, 'NO') && call.is(2, 'ONE')) {
    if (server.replication.role === 'replica')
      server.log.notice(`MASTER MODE enabled (user request from '${clientLine(server, client)}')`);
    server.links.becomePrimary();
    return reply.ok();
  }
  if (client.kind === 'replica') throw NOT_FOR_REPLICAS;
  const host = call.text(1);
  const port = call.integer(2, INVALID_PORT);
  if (port < 0 || port > 65535) throw INVALID_PORT;
  if (server.links.isReplicaOf(host, port)) return reply.simple('OK Already connected to specified master');
  server.log.notice(`REPLICAOF ${host}:${port} enabled (user request from '${clientLine(server, client)}')`);
  server.links.replicate(host, port, { newShard: false });
  reply.ok();
}

function role({ server, reply }: Call): void {
  const { links, replication } = server;
  const { primary } = links;
  if (primary !== null) {
    reply.array(5);
    reply.bulkText('slave');
    reply.bulkText(primary.address.host);
    reply.integer(primary.address.port);
    reply.bulkText(primary.roleState);
    return reply.integer(primary.isUp ? replication.offset : -1);
  }
  const replicas = links.replicas().filter(({ state }) => state === 'online');
  reply.array(3);
  reply.bulkText('master');
  reply.integer(replication.offset);
  reply.array(replicas.length);
  for (const { ip, port, offset } of replicas) {
    reply.array(3);
    reply.bulkText(ip);
    reply.bulkText(String(port));
    reply.bulkText(String(offset));
  }
}

function replconf(call: Call): void {
  const { server, client, reply } = call;
  if (call.argc % 2 === 0) throw SYNTAX;
  for (let i = 1; i < call.argc; i += 2) {
    if (call.is(i, 'ACK')) {
      // Never answered: it stands in the middle of the stream. Servers of later versions append other facts.
      const offset = parseInteger(call.buf, call.off(i + 1), call.len(i + 1));
      if (client.kind === 'replica' && offset >= 0) server.links.acknowledged(client.id, offset);
      return;
    }
    if (call.is(i, 'GETACK')) {
      if (client.kind === 'primary') server.links.primary?.acknowledge();
      return;
    }
    takeFact(call, i);
  }
  reply.ok();
}

/** One thing that a replica says of itself. */
function takeFact(call: Call, i: number): void {
  const { links } = call.server;
  const { id } = call.client;
  if (call.is(i, 'LISTENING-PORT')) {
    links.introduce(id, { port: call.integer(i + 1) });
  } else if (call.is(i, 'IP-ADDRESS')) {
    const ip = call.text(i + 1);
    if (ip.length > IP_MAX)
      throw new ReplyError(`ERR REPLCONF ip-address provided by replica instance is too long: ${ip.length} bytes`);
    links.introduce(id, { ip });
  } else if (call.is(i, 'CAPA')) {
    // Others are not needed: an RDB of known length is understood by everybody.
    if (call.is(i + 1, 'PSYNC2')) links.introduce(id, { psync2: true });
  } else if (call.is(i, 'RDB-ONLY')) {
    const wanted = call.integer(i + 1);
    if (wanted !== 0 && wanted !== 1) throw NOT_INTEGER;
    links.introduce(id, { rdbOnly: wanted === 1 });
  } else if (call.is(i, 'RDB-FILTER-ONLY')) {
    throw unsupported('REPLCONF rdb-filter-only');
  } else {
    throw new ReplyError(`ERR Unrecognized REPLCONF option: ${quoted(call.text(i))}`);
  }
}

/** What the replica would have to tell from the data that follows. */
const PENDING_OUTPUT = new ReplyError('ERR SYNC and PSYNC are invalid with pending output');

function psync(call: Call): void {
  const offset = call.integer(2);
  if (call.argc > 3 && call.is(3, 'FAILOVER')) {
    if (call.server.replication.role === 'primary') throw FAILOVER_AT_PRIMARY;
    throw unsupported('PSYNC FAILOVER');
  }
  becomeReplicaLink(call, { id: call.text(1), offset });
}

/** The client becomes a replica; it gets its answer when the turn ends. */
function becomeReplicaLink(call: Call, wanted: { id: string; offset: number } | null): void {
  const { server, client } = call;
  // Asked for twice; the first time counts.
  if (client.kind === 'replica' || client.connection === null) return;
  if (server.replication.role === 'replica' && !server.links.isLinkUp) throw NOT_CONNECTED;
  if (server.output.owes(client.connection)) throw PENDING_OUTPUT;
  client.kind = 'replica';
  server.links.ask(peerOf(server, client), wanted);
}

function wait(call: Call): void {
  const { server, client, reply } = call;
  const { links, blocking, clock } = server;
  if (server.replication.role === 'replica') throw WAIT_ON_REPLICA;
  const replicas = call.integer(1);
  const timeout_ms = call.integer(2, TIMEOUT_NOT_INTEGER);
  if (timeout_ms < 0) throw TIMEOUT_NEGATIVE;
  const offset = client.writeOffset;
  const count = links.countWith(offset);
  if (count >= replicas || !mayBlock(call)) return reply.integer(count);
  const answer = (reached: number): void => {
    answerBlocked(server, client, { wait: blocked, answer: (late) => late.integer(reached) });
  };
  const blocked: Blocked = {
    why: 'wait',
    reply,
    deadline_ms: timeout_ms === 0 ? Number.POSITIVE_INFINITY : clock.monotonic_ms() + timeout_ms,
    expire() {
      links.endWait(client.id);
      answer(links.countWith(offset));
    },
  };
  blocking.block(client, blocked);
  links.wait(client.id, offset, replicas, answer);
}
