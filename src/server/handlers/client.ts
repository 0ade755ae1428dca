/*
 * CLIENT: what clients there are, and what each may say about itself.
 */

import type { Call } from '../command/call.ts';
import { container } from '../command/container.ts';
import { misusedSubcommand, quoted, ReplyError, SYNTAX } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { type Client, rearmClient } from '../state/client.ts';
import { clientLine } from './client-line.ts';
import { checkClientName, isPrintable } from './client-name.ts';

const OWN = { flags: ['noscript', 'loading', 'stale'], acl: ['connection'], keys: [], group: 'connection' } as const;
const ADMIN = {
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['admin', 'dangerous', 'connection'],
  keys: [],
  group: 'connection',
} as const;

export const specs: readonly Spec[] = [
  container({
    name: 'client',
    since: '2.4.0',
    group: 'connection',
    acl: [],
    helpAcl: ['connection'],
    summary: 'A container for client connection commands.',
    subcommands: [
      {
        ...OWN,
        name: 'id',
        arity: 2,
        since: '5.0.0',
        summary: 'Return the ID of the current connection.',
        complexity: 'O(1)',
        run: (call) => call.reply.integer(call.client.id),
      },
      {
        ...OWN,
        name: 'info',
        arity: 2,
        since: '6.2.0',
        summary: 'Return information about the current client connection.',
        complexity: 'O(1)',
        run: (call) => call.reply.verbatim(`${clientLine(call.server, call.client)}\n`),
      },
      {
        ...ADMIN,
        name: 'list',
        arity: -2,
        since: '2.4.0',
        usage: '[TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]',
        summary: 'Return information about client connections.',
        complexity: 'O(N) where N is the number of client connections',
        run: list,
      },
      {
        ...OWN,
        name: 'getname',
        arity: 2,
        since: '2.6.9',
        summary: 'Return the name of the current connection.',
        complexity: 'O(1)',
        run: getname,
      },
      {
        ...OWN,
        name: 'setname',
        arity: 3,
        since: '2.6.9',
        usage: '<name>',
        summary: 'Assign the name <name> to the current connection.',
        complexity: 'O(1)',
        run: setname,
      },
      {
        ...OWN,
        name: 'setinfo',
        arity: 4,
        since: '7.2.0',
        usage: '(LIB-NAME|LIB-VER) <value>',
        summary: 'Set the name or the version of the client library of the current connection.',
        complexity: 'O(1)',
        run: setinfo,
      },
      {
        ...ADMIN,
        name: 'kill',
        arity: -3,
        since: '2.4.0',
        usage: '(<ip:port> | <option> <value> [<option> <value> ...])',
        summary: 'Kill connections, by address or by ID, TYPE, USER, ADDR, LADDR; SKIPME (yes|no).',
        complexity: 'O(N) where N is the number of client connections',
        run: kill,
      },
      {
        ...ADMIN,
        name: 'no-evict',
        arity: 3,
        since: '7.0.0',
        usage: '(ON|OFF)',
        summary: 'Protect current client connection from eviction.',
        complexity: 'O(1)',
        run: noEvict,
      },
      {
        ...OWN,
        name: 'no-touch',
        arity: 3,
        since: '7.2.0',
        usage: '(ON|OFF)',
        summary: 'Whether what this connection reads counts as used: keys keep their LRU and LFU, but for TOUCH.',
        complexity: 'O(1)',
        run: noTouch,
      },
      {
        ...OWN,
        name: 'maint_notifications',
        arity: -3,
        since: '7.2.0',
        usage: '(ON|OFF) [MOVING-ENDPOINT-TYPE <type>]',
        summary: 'Whether this connection wants to be told of planned maintenance. There is none that is announced.',
        complexity: 'O(1)',
        run: maintenanceNotices,
      },
      {
        ...ADMIN,
        name: 'pause',
        arity: -3,
        since: '3.0.0',
        usage: '<timeout> [WRITE|ALL]',
        summary: 'Suspend all, or just write, clients for <timeout> milliseconds.',
        complexity: 'O(1)',
        run: pause,
      },
      {
        ...ADMIN,
        name: 'unpause',
        arity: 2,
        since: '6.2.0',
        summary: 'Stop the current client pause, resuming traffic.',
        complexity: 'O(N) where N is the number of paused clients',
        run: unpause,
      },
      {
        ...OWN,
        name: 'reply',
        arity: 3,
        since: '3.2.0',
        usage: '(ON|OFF|SKIP)',
        summary: 'Control the replies sent to the current connection.',
        complexity: 'O(1)',
        run: reply,
      },
    ],
  }),
];

const CLIENT_TYPES = ['normal', 'master', 'replica', 'slave', 'pubsub'];

function list(call: Call): void {
  const { server } = call;
  let chosen = [...server.clients.values()];
  if (call.argc > 2 && call.is(2, 'TYPE') && call.argc === 4) {
    const type = typeFrom(call, 3);
    chosen = chosen.filter((client) => typeOf(client) === type);
  } else if (call.argc > 3 && call.is(2, 'ID')) {
    const ids = new Set<number>();
    for (let i = 3; i < call.argc; i++) ids.add(call.integer(i, new ReplyError('ERR Invalid client ID')));
    chosen = chosen.filter(({ id }) => ids.has(id));
  } else if (call.argc !== 2) {
    throw SYNTAX;
  }
  call.reply.verbatim(chosen.map((client) => `${clientLine(server, client)}\n`).join(''));
}

/** In today's word, whichever was given. */
function typeFrom(call: Call, i: number): string {
  const type = call.text(i).toLowerCase();
  if (!CLIENT_TYPES.includes(type)) throw new ReplyError(`ERR Unknown client type '${quoted(call.text(i))}'`);
  return type === 'slave' ? 'replica' : type;
}

function typeOf({ kind, subscriber }: Client): string {
  if (kind === 'normal' && subscriber !== null) return 'pubsub';
  return kind === 'primary' ? 'master' : kind;
}

function getname({ client, reply }: Call): void {
  if (client.name === '') reply.null();
  else reply.bulkText(client.name);
}

function setname(call: Call): void {
  call.client.name = checkClientName(call.text(2));
  call.reply.ok();
}

function setinfo(call: Call): void {
  const { client } = call;
  const value = call.text(3);
  const name = call.is(2, 'LIB-NAME');
  if (!name && !call.is(2, 'LIB-VER')) throw new ReplyError(`ERR Unrecognized option '${quoted(call.text(2))}'`);
  if (!isPrintable(value)) {
    throw new ReplyError(`ERR ${name ? 'lib-name' : 'lib-ver'} cannot contain spaces, newlines or special characters.`);
  }
  if (name) client.libName = value;
  else client.libVersion = value;
  call.reply.ok();
}

const NO_SUCH_CLIENT = new ReplyError('ERR No such client');
const BAD_CLIENT_ID = new ReplyError('ERR client-id should be greater than 0');

function kill(call: Call): void {
  if (call.argc === 3) return killByAddress(call);
  const matches = filterFrom(call);
  let killed = 0;
  for (const client of [...call.server.clients.values()]) {
    if (!matches(client)) continue;
    if (client !== call.client) call.server.closeClient(client, 'now');
    killed++;
  }
  call.reply.integer(killed);
  if (matches(call.client)) call.server.closeClient(call.client, 'after-reply');
}

function killByAddress(call: Call): void {
  const address = call.text(2);
  const victim = [...call.server.clients.values()].find((client) => remoteOf(client) === address);
  if (victim === undefined) throw NO_SUCH_CLIENT;
  call.reply.ok();
  // The killer's own answer still leaves.
  call.server.closeClient(victim, victim === call.client ? 'after-reply' : 'now');
}

function filterFrom(call: Call): (client: Client) => boolean {
  if (call.argc % 2 !== 0) throw SYNTAX;
  const tests: ((client: Client) => boolean)[] = [];
  let skipMe = true;
  for (let i = 2; i < call.argc; i += 2) {
    const value = call.text(i + 1);
    if (call.is(i, 'ID')) {
      const id = call.integer(i + 1, BAD_CLIENT_ID);
      if (id < 1) throw BAD_CLIENT_ID;
      tests.push((client) => client.id === id);
    } else if (call.is(i, 'TYPE')) {
      const type = typeFrom(call, i + 1);
      tests.push((client) => typeOf(client) === type);
    } else if (call.is(i, 'ADDR')) {
      tests.push((client) => remoteOf(client) === value);
    } else if (call.is(i, 'LADDR')) {
      tests.push((client) => localOf(client) === value);
    } else if (call.is(i, 'USER')) {
      if (value !== 'default') throw new ReplyError(`ERR No such user '${value}'`);
      tests.push((client) => client.user === value);
    } else if (call.is(i, 'SKIPME')) {
      if (!call.is(i + 1, 'YES') && !call.is(i + 1, 'NO')) throw SYNTAX;
      skipMe = call.is(i + 1, 'YES');
    } else {
      throw SYNTAX;
    }
  }
  return (client) => !(skipMe && client === call.client) && tests.every((test) => test(client));
}

function remoteOf({ connection, link }: Client): string {
  const ends = connection ?? link;
  return `${ends?.remoteAddress}:${ends?.remotePort}`;
}

function localOf({ connection, link }: Client): string {
  const ends = connection ?? link;
  return `${ends?.localAddress}:${ends?.localPort}`;
}

function noEvict(call: Call): void {
  if (!call.is(2, 'ON') && !call.is(2, 'OFF')) throw SYNTAX;
  call.client.noEvict = call.is(2, 'ON');
  call.reply.ok();
}

function noTouch(call: Call): void {
  if (!call.is(2, 'ON') && !call.is(2, 'OFF')) throw SYNTAX;
  call.client.noTouch = call.is(2, 'ON');
  rearmClient(call.client);
  call.reply.ok();
}

/** As which kind of address a client wants to be told where a node has gone. */
const ENDPOINT_TYPES = ['internal-ip', 'internal-fqdn', 'external-ip', 'external-fqdn', 'none'];

/** Client libraries ask for it first thing, and log an error as their own. */
function maintenanceNotices(call: Call): void {
  if (!call.is(2, 'ON') && !call.is(2, 'OFF')) throw SYNTAX;
  if (call.argc > 3) {
    if (call.argc !== 5 || !call.is(3, 'MOVING-ENDPOINT-TYPE')) throw SYNTAX;
    if (!ENDPOINT_TYPES.includes(call.text(4).toLowerCase())) throw SYNTAX;
  }
  call.reply.ok();
}

const TIMEOUT_NOT_INTEGER = new ReplyError('ERR timeout is not an integer or out of range');
const TIMEOUT_NEGATIVE = new ReplyError('ERR timeout is negative');

function pause(call: Call): void {
  const { server } = call;
  if (call.argc > 4) throw misusedSubcommand(call.text(1), 'client');
  const write = call.argc === 4 && call.is(3, 'WRITE');
  if (call.argc === 4 && !write && !call.is(3, 'ALL'))
    throw new ReplyError('ERR CLIENT PAUSE mode must be WRITE or ALL');
  const timeout_ms = call.integer(2, TIMEOUT_NOT_INTEGER);
  if (timeout_ms < 0) throw TIMEOUT_NEGATIVE;
  server.beginPause('client', write ? 'write' : 'all', server.clock.monotonic_ms() + timeout_ms);
  call.reply.ok();
}

function unpause({ server, reply }: Call): void {
  server.endPause('client');
  reply.ok();
}

function reply(call: Call): void {
  const { server, client } = call;
  if (call.is(2, 'ON')) {
    client.replyMode = 'on';
    rearmClient(client);
    call.answerTo(client.writer);
    call.reply.ok();
    return;
  }
  if (!call.is(2, 'OFF') && !call.is(2, 'SKIP')) throw SYNTAX;
  if (call.is(2, 'OFF')) client.replyMode = 'off';
  else if (client.replyMode !== 'off') client.replyMode = 'skip';
  rearmClient(client);
  call.reply = server.nowhere.writer;
}
