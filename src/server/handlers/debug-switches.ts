/* DEBUG words that make files, payloads, the stream of replication or links of the bus other than they would be. */

import { parseMemory } from '../../config/directive.ts';
import type { Call } from '../command/call.ts';
import { CLUSTER_DISABLED, quoted, ReplyError } from '../command/errors.ts';
import { handOver } from '../command/hand-over.ts';
import { requestOf } from '../protocol/request.ts';
import { NEVER_PLAIN } from '../rdb/output.ts';

/** As for SLEEP: nothing ends it but its own end. */
const FLUSH_SLEEP_US_MAX = 3_600_000_000;
const NO_SLEEP = new ReplyError(`ERR value is out of range, must be between 0 and ${FLUSH_SLEEP_US_MAX}`);

export function aofFlushSleep(call: Call): void {
  const sleep_us = call.integer(2);
  if (sleep_us < 0 || sleep_us > FLUSH_SLEEP_US_MAX) throw NO_SLEEP;
  call.server.switches.flushSleep_ms = sleep_us / 1000;
  call.reply.ok();
}

export function skipChecksums(call: Call): void {
  call.server.switches.skipsChecksums = call.integer(2) !== 0;
  call.reply.ok();
}

const THRESHOLD_BYTES_MAX = 2 ** 32;
const NO_THRESHOLD = new ReplyError('ERR argument must be a memory value bigger than 1 and smaller than 4gb');

/** 0 is the default: no element is that long. */
export function packedThreshold(call: Call): void {
  const bytes = parseMemory(call.text(2));
  if (bytes === null || bytes >= THRESHOLD_BYTES_MAX) throw NO_THRESHOLD;
  call.server.switches.plainFrom = bytes === 0 ? NEVER_PLAIN : bytes;
  call.reply.ok();
}

export function changeReplicationId({ server, reply }: Call): void {
  server.log.notice('Changing replication IDs after receiving change-repl-id');
  server.links.changeId();
  reply.ok();
}

/** Replicas get the words as a command, whatever they are; the data here stays as it is. */
export function replicate(call: Call): void {
  const { server, reply, depth } = call;
  const words: Buffer[] = [];
  for (let i = 2; i < call.argc; i++) words.push(call.bytes(i));
  // Behind what this turn has done; a transaction is told of as a whole, and later.
  if (depth === 0) handOver(server);
  const { buf } = requestOf(words);
  server.links.feed(buf, buf.length);
  server.wake();
  reply.ok();
}

const NO_KILL = new ReplyError("ERR the one thing to do with links is 'KILL <to|from|all> <node-id>'");

export function clusterLink(call: Call): void {
  const { cluster } = call.server;
  if (!call.is(2, 'KILL')) throw NO_KILL;
  if (cluster === null) throw CLUSTER_DISABLED;
  const node = cluster.state.nodes.get(call.text(4));
  if (node === undefined) throw new ReplyError(`ERR Unknown node ${quoted(call.text(4))}`);
  const all = call.is(3, 'ALL');
  if (!all && !call.is(3, 'TO') && !call.is(3, 'FROM')) {
    throw new ReplyError(`ERR Unknown direction ${quoted(call.text(3))}`);
  }
  const { link, inbound } = node;
  if ((all || call.is(3, 'TO')) && link !== 0) cluster.killLink({ outgoing: true, number: link });
  if ((all || call.is(3, 'FROM')) && inbound !== 0) cluster.killLink({ outgoing: false, number: inbound });
  call.reply.ok();
}
