/* DEBUG: what tests need to look inside, or to make things happen now. Subcommands of Redis that are not here are refused. */

import type { Call } from '../command/call.ts';
import { NO_SUCH_KEY, quoted, ReplyError } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { encodingName } from '../data/encoding.ts';
import { digestOfAll, digestOfValue } from '../keyspace/digest.ts';
import { DiskFailure } from '../persistence/disk.ts';
import { dumpValue } from '../persistence/dump.ts';
import { RdbFailure } from '../persistence/rdb-format.ts';
import { isLocal } from '../state/client.ts';
import { debugReload } from './debug-reload.ts';

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
    help: 'Save the RDB on disk (unless NOSAVE) and reload it back to memory.',
    arity: -2,
    run: reload,
  },
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
  const fits =
    command !== undefined && (command.arity >= 0 ? call.argc === command.arity : call.argc >= -command.arity);
  if (!fits) {
    throw new ReplyError(
      `ERR unknown subcommand or wrong number of arguments for '${quoted(call.text(1))}'. Try DEBUG HELP.`,
    );
  }
  command.run(call);
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
  const cell = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(cell, 0, 0, seconds * 1000);
  call.reply.ok();
}

/** What stands around a value in a dump, and is not counted as the value. */
const TYPE_AND_FOOTER_BYTES = 11;

function object(call: Call): void {
  const { db, reply, server } = call;
  const ref = db.store.find(call.buf, call.off(2), call.len(2));
  if (ref === 0) throw NO_SUCH_KEY;
  const serialized = dumpValue(db, ref, server.config.rdbcompression).length;
  const idle_s = db.idle_s(ref);
  reply.simple(
    `Value at:0x${ref.toString(16)} refcount:1 encoding:${encodingName(db.encodingOf(ref))} ` +
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

const RELOAD_OPTIONS = new ReplyError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');

function reload(call: Call): void {
  let save = true;
  let flush = true;
  for (let i = 2; i < call.argc; i++) {
    if (call.is(i, 'NOSAVE')) save = false;
    else if (call.is(i, 'NOFLUSH')) flush = false;
    else throw RELOAD_OPTIONS;
  }
  try {
    if (save) call.server.persistence.save();
    debugReload(call.server, { flush });
  } catch (failure) {
    if (!(failure instanceof DiskFailure || failure instanceof RdbFailure)) throw failure;
    throw new ReplyError(`ERR Error trying to load the RDB dump: ${failure.message}`);
  }
  call.reply.ok();
  // Whoever follows or replays us has the same data as before.
  call.propagateNothing();
  call.changes = 0;
}

function error(call: Call): void {
  throw new ReplyError(call.text(2));
}

function memory({ reply }: Call): void {
  reply.verbatim(JSON.stringify(process.memoryUsage(), null, 2));
}
