/* DEBUG: what tests need to look inside, or to make things happen now. Subcommands of Redis that are not here are refused. */

import type { Call } from '../command/call.ts';
import { CLUSTER_DISABLED, misusedSubcommand, NO_SUCH_KEY, ReplyError } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { MESSAGE_NAMES, MESSAGE_TYPES } from '../gossip/message.ts';
import { standStill } from '../persistence/key-pace.ts';
import { isLocal } from '../state/client.ts';
import { dumpValue } from '../types/dump.ts';
import { digestOfAll, digestOfValue } from '../types/keyspace-digest.ts';
import { encodingNameOf } from '../types/table.ts';
import { loadAof, reload } from './debug-load.ts';
import { populate } from './debug-populate.ts';
import { protocol } from './debug-protocol.ts';
import {
  aofFlushSleep,
  changeReplicationId,
  clusterLink,
  packedThreshold,
  replicate,
  skipChecksums,
} from './debug-switches.ts';
import { encodingRules } from './object.ts';

export const specs: readonly Spec[] = [
  {
    name: 'debug',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    acl: ['admin', 'dangerous'],
    keys: [],
    since: '1.0.0',
    group: 'server',
    summary: 'A container for debugging commands.',
    complexity: 'Depends on subcommand.',
    run: debug,
  },
];

interface DebugCommand {
  usage: string;
  help: string;
  /** Arguments including DEBUG and the word; negative: at least. */
  arity: number;
  /** At most so many; `arity` exactly, or any number, without it. */
  most?: number;
  run(call: Call): void;
}

const COMMANDS: Readonly<Record<string, DebugCommand>> = {
  SLEEP: { usage: '<seconds>', help: 'Stop the server for <seconds>. Decimals allowed.', arity: 3, run: sleep },
  OBJECT: { usage: '<key>', help: 'Show low level info about `key` and associated value.', arity: 3, run: object },
  DIGEST: { usage: '', help: 'Output a hex signature representing the current DB content.', arity: 2, run: digest },
  'DIGEST-VALUE': {
    usage: '<key> [<key> ...]',
    help: 'Output a hex signature of the values of all the specified keys.',
    arity: -2,
    run: digestValue,
  },
  'SET-ACTIVE-EXPIRE': {
    usage: '<0|1>',
    help: 'Setting it to 0 disables expiring keys (and hash entries) in background.',
    arity: 3,
    run: setActiveExpire,
  },
  RELOAD: {
    usage: '[option ...]',
    help: 'Save the RDB on disk (unless NOSAVE) and reload it back to memory, in place of what is there or, with NOFLUSH, beside it; with MERGE keys of the RDB win.',
    arity: -2,
    run: reload,
  },
  LOADAOF: { usage: '', help: 'Flush the AOF buffers on disk and reload the AOF in memory.', arity: -2, run: loadAof },
  POPULATE: {
    usage: '<count> [<prefix>] [<size>]',
    help: 'Create <count> string keys named <prefix>:<num> ("key" without one), unless they exist. Neither the AOF nor replicas are told.',
    arity: -3,
    most: 5,
    run: populate,
  },
  PROTOCOL: {
    usage: '<type>',
    help: 'Reply with a test value of the specified type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, false.',
    arity: 3,
    run: protocol,
  },
  'QUICKLIST-PACKED-THRESHOLD': {
    usage: '<size>',
    help: 'Elements of lists from <size> on become nodes of their own in RDB files and DUMP payloads. 0, the default: none do.',
    arity: 3,
    run: packedThreshold,
  },
  'SET-SKIP-CHECKSUM-VALIDATION': {
    usage: '<0|1>',
    help: 'Enables or disables checksum checks for RDB files and the payload of RESTORE.',
    arity: 3,
    run: skipChecksums,
  },
  'AOF-FLUSH-SLEEP': {
    usage: '<microsec>',
    help: 'Stop the server for so long before each write to the AOF.',
    arity: 3,
    run: aofFlushSleep,
  },
  'CHANGE-REPL-ID': {
    usage: '',
    help: 'Change the replication IDs of the instance. Dangerous: replicas that reconnect need a full copy.',
    arity: 2,
    run: changeReplicationId,
  },
  REPLICATE: {
    usage: '<string> [<string> ...]',
    help: 'Send the words to replicas as a command, which lets their data diverge.',
    arity: -3,
    run: replicate,
  },
  CLUSTERLINK: {
    usage: 'KILL <to|from|all> <node-id>',
    help: 'Close the links to, from, or to and from a node.',
    arity: 5,
    run: clusterLink,
  },
  'PAUSE-CRON': { usage: '<0|1>', help: 'Stop periodic cron job processing.', arity: 3, run: pauseCron },
  'DROP-CLUSTER-PACKET-FILTER': {
    usage: '<packet-type>',
    help: 'Drop all packets that match the filtered type. Set to -1 allow all packets.',
    arity: 3,
    run: dropPackets,
  },
  REPLYBUFFER: {
    usage: '<PEAK-RESET-TIME|RESIZING> <value>',
    help: 'Refused: clients have no reply buffers of their own here.',
    arity: 4,
    run: replyBuffer,
  },
  LOG: { usage: '<message>', help: 'Write <message> to the server log.', arity: 3, run: log },
  ERROR: { usage: '<string>', help: 'Return a Redis protocol error with <string> as message.', arity: 3, run: error },
  JMAP: { usage: '', help: 'Tell how the memory of this process is used.', arity: 2, run: memory },
};

const NOT_ALLOWED = new ReplyError(
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
    'connection, otherwise you need to set this option in the configuration file, and then restart the server.',
);

function debug(call: Call): void {
  const allowed = call.server.config['enable-debug-command'];
  if (allowed === 'no' || (allowed === 'local' && !isLocal(call.client))) throw NOT_ALLOWED;
  if (call.is(1, 'HELP')) return help(call);
  const command = COMMANDS[call.text(1).toUpperCase()];
  if (command === undefined || !takes(command, call.argc)) {
    throw misusedSubcommand(call.text(1), 'debug');
  }
  command.run(call);
}

function takes({ arity, most = Number.POSITIVE_INFINITY }: DebugCommand, argc: number): boolean {
  return arity >= 0 ? argc === arity : argc >= -arity && argc <= most;
}

function help({ reply }: Call): void {
  const lines = ['DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:'];
  for (const [name, { usage, help: text }] of Object.entries(COMMANDS))
    lines.push(`${name} ${usage}`.trim(), `    ${text}`);
  lines.push('HELP', '    Prints this help.');
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}

/** Stands still, as in Redis: tests use it to make a server look dead. */
function sleep(call: Call): void {
  const seconds = call.double(2);
  if (!(seconds >= 0 && seconds < 3600)) throw new ReplyError('ERR value is out of range');
  standStill(seconds * 1000);
  call.reply.ok();
}

/** What stands around a value in a dump, and is not counted as the value. */
const TYPE_AND_FOOTER_BYTES = 11;

function object(call: Call): void {
  const { db, reply, server } = call;
  const ref = db.store.find(call.buf, call.off(2), call.len(2));
  if (ref === 0) throw NO_SUCH_KEY;
  const serialized = dumpValue(db, ref, server.persistence.form).length;
  const idle_s = db.idle_s(ref);
  reply.simple(
    `Value at:0x${ref.toString(16)} refcount:1 encoding:${encodingNameOf(db, ref, encodingRules(server))} ` +
      `serializedlength:${serialized - TYPE_AND_FOOTER_BYTES} lru:${Math.floor(server.keyspace.now_ms / 1000) - idle_s} lru_seconds_idle:${idle_s}`,
  );
}

function digest({ server, reply }: Call): void {
  reply.simple(digestOfAll(server.keyspace));
}

/** Also of a key that is dead, as long as nobody has removed it. */
function digestValue(call: Call): void {
  const { db, reply } = call;
  reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++)
    reply.simple(digestOfValue(db, db.store.find(call.buf, call.off(i), call.len(i))));
}

function setActiveExpire(call: Call): void {
  call.server.keyspace.activeExpire = call.integer(2) !== 0;
  call.reply.ok();
}

function log(call: Call): void {
  call.server.log.warning(`DEBUG LOG: ${call.text(2)}`);
  call.reply.ok();
}

function pauseCron(call: Call): void {
  const paused = call.integer(2) !== 0;
  call.server.cronPaused = paused;
  call.server.keyspace.standsStill = paused;
  call.reply.ok();
}

const PACKET_TYPES = MESSAGE_NAMES.map((name, type) => `${type} (${name})`).join(', ');
const NO_SUCH_PACKET = new ReplyError(`ERR no such packet type. Give -1 to drop none, or one of ${PACKET_TYPES}`);

function dropPackets(call: Call): void {
  const { cluster } = call.server;
  const type = call.integer(2);
  if (cluster === null) throw CLUSTER_DISABLED;
  if (type < -1 || type >= MESSAGE_TYPES) throw NO_SUCH_PACKET;
  cluster.droppedType = type;
  call.reply.ok();
}

const NO_REPLY_BUFFER = new ReplyError(
  'ERR DEBUG REPLYBUFFER has nothing to act on: replies of all clients leave through one buffer, so no client has one ' +
    'that could be resized or whose peak could be reset',
);

function replyBuffer(): void {
  throw NO_REPLY_BUFFER;
}

function error(call: Call): void {
  throw new ReplyError(call.text(2));
}

function memory({ reply }: Call): void {
  reply.verbatim(JSON.stringify(process.memoryUsage(), null, 2));
}
