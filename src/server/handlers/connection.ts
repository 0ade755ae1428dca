/*
 * What a client says about its own connection: PING, ECHO, AUTH, HELLO, SELECT, QUIT, RESET. CLIENT is in client.ts.
 */

import { profileOf } from '../../config/profiles.ts';
import type { Call } from '../command/call.ts';
import { DB_INDEX_OUT_OF_RANGE, quoted, ReplyError, WRONG_PASSWORD } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { unsubscribeAll } from '../command/subscriptions.ts';
import { discardTransaction } from '../command/transaction.ts';
import { isPassword } from '../security/password.ts';
import { type Client, setAuthenticated } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { checkClientName } from './client-name.ts';

export const specs: readonly Spec[] = [
  {
    name: 'ping',
    traits: ['tells_health', 'while_subscribed'],
    arity: -1,
    flags: ['fast'],
    acl: ['connection'],
    keys: [],
    since: '1.0.0',
    group: 'connection',
    summary: "Returns the server's liveliness response.",
    complexity: 'O(1)',
    run: ping,
  },
  {
    name: 'echo',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    acl: ['connection'],
    keys: [],
    since: '1.0.0',
    group: 'connection',
    summary: 'Returns the given string.',
    complexity: 'O(1)',
    run: (call) => call.reply.bulk(call.buf, call.off(1), call.len(1)),
  },
  {
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    since: '1.0.0',
    group: 'connection',
    summary: 'Authenticates the connection.',
    complexity: 'O(N) where N is the number of passwords defined for the user',
    run: auth,
  },
  {
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    since: '6.0.0',
    group: 'connection',
    summary: 'Handshakes with the Redis server.',
    complexity: 'O(1)',
    run: hello,
  },
  {
    name: 'select',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    acl: ['connection'],
    keys: [],
    since: '1.0.0',
    group: 'connection',
    summary: 'Changes the selected database.',
    complexity: 'O(1)',
    run: select,
  },
  {
    name: 'quit',
    traits: ['unqueued', 'while_subscribed'],
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    since: '1.0.0',
    group: 'connection',
    summary: 'Closes the connection.',
    complexity: 'O(1)',
    run: quit,
  },
  {
    name: 'reset',
    traits: ['unqueued', 'while_subscribed'],
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    since: '6.2.0',
    group: 'connection',
    summary: 'Resets the connection.',
    complexity: 'O(1)',
    run: reset,
  },
];

const PING_ARITY = new ReplyError("ERR wrong number of arguments for 'ping' command");

function ping(call: Call): void {
  if (call.argc > 2) throw PING_ARITY;
  if (call.client.subscriber !== null && call.client.resp === 2) return pingAsMessage(call);
  if (call.argc === 1) return call.reply.simple('PONG');
  call.reply.bulk(call.buf, call.off(1), call.len(1));
}

/** Where nothing but messages is expected, the reply looks like one. */
function pingAsMessage({ buf, argc, reply, request }: Call): void {
  reply.array(2);
  reply.bulkText('pong');
  if (argc === 1) reply.bulkText('');
  else reply.bulk(buf, request.off[1]!, request.len[1]!);
}

const NO_PASSWORD_SET = new ReplyError(
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
);

function auth(call: Call): void {
  if (call.argc > 3) throw new ReplyError('ERR syntax error');
  const { server, client } = call;
  if (call.argc === 2 && server.config.requirepass === '') throw NO_PASSWORD_SET;
  const user = call.argc === 3 ? call.text(1) : 'default';
  authenticate(server, client, user, call.bytes(call.argc - 1));
  call.reply.ok();
}

/** Makes `client` that user, or throws. */
function authenticate(server: Server, client: Client, user: string, password: Buffer): void {
  const required = server.config.requirepass;
  // A user without a password accepts any (spec: resp.md, section 4).
  const welcome = user === 'default' && (required === '' || isPassword(password, required));
  if (!welcome) {
    server.stats.add('refusedLogins');
    throw WRONG_PASSWORD;
  }
  setAuthenticated(client, true);
  client.user = user;
}

const PROTOCOL_NOT_INTEGER = new ReplyError('ERR Protocol version is not an integer or out of range');
const UNSUPPORTED_PROTOCOL = new ReplyError('NOPROTO unsupported protocol version');
const HELLO_NO_AUTH = new ReplyError(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option ' +
    'can be used to authenticate the client and select the RESP protocol version at the same time',
);

function hello(call: Call): void {
  const { server, client } = call;
  let resp = client.resp;
  if (call.argc > 1) {
    const version = call.integer(1, PROTOCOL_NOT_INTEGER);
    if (version !== 2 && version !== 3) throw UNSUPPORTED_PROTOCOL;
    resp = version;
  }
  const { user, password, name } = helloOptions(call);
  if (password !== null) authenticate(server, client, user, password);
  if (!client.authenticated) throw HELLO_NO_AUTH;
  if (name !== null) client.name = name;
  client.resp = resp;
  call.reply.resp = resp;
  replyHello(call);
}

interface HelloOptions {
  user: string;
  password: Buffer | null;
  name: string | null;
}

/** All that can be refused without being tried is refused here, before anything is done. */
function helloOptions(call: Call): HelloOptions {
  const options: HelloOptions = { user: '', password: null, name: null };
  for (let i = 2; i < call.argc; ) {
    if (call.is(i, 'AUTH') && i + 2 < call.argc) {
      options.user = call.text(i + 1);
      options.password = call.bytes(i + 2);
      i += 3;
    } else if (call.is(i, 'SETNAME') && i + 1 < call.argc) {
      options.name = checkClientName(call.text(i + 1));
      i += 2;
    } else {
      throw new ReplyError(`ERR Syntax error in HELLO option '${quoted(call.text(i))}'`);
    }
  }
  return options;
}

function replyHello({ server, client, reply }: Call): void {
  const { product, productVersion } = profileOf(server.config);
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText(product);
  reply.bulkText('version');
  reply.bulkText(server.config['hello-version'] || productVersion);
  reply.bulkText('proto');
  reply.integer(client.resp);
  reply.bulkText('id');
  reply.integer(client.id);
  reply.bulkText('mode');
  reply.bulkText(server.cluster === null ? 'standalone' : 'cluster');
  reply.bulkText('role');
  reply.bulkText(server.replication.role === 'primary' ? 'master' : 'replica');
  reply.bulkText('modules');
  reply.array(0);
}

const SELECT_IN_CLUSTER = new ReplyError('ERR SELECT is not allowed in cluster mode');

function select(call: Call): void {
  const { server, client } = call;
  const index = call.int32(1);
  if (server.cluster !== null && index !== 0) throw SELECT_IN_CLUSTER;
  const db = server.keyspace.databases[index];
  if (db === undefined) throw DB_INDEX_OUT_OF_RANGE;
  client.db = db;
  call.reply.ok();
}

function quit(call: Call): void {
  call.reply.ok();
  call.server.closeClient(call.client, 'after-reply');
}

function reset(call: Call): void {
  const { server, client } = call;
  discardTransaction(client);
  unsubscribeAll(server, client);
  client.resp = 2;
  // After OFF it is heard again; SKIP was about this one.
  if (client.replyMode !== 'skipping') call.answerTo(client.writer);
  client.db = server.keyspace.databases[0]!;
  client.name = '';
  client.asking = false;
  client.readonly = false;
  client.noEvict = false;
  client.noTouch = false;
  client.replyMode = 'on';
  setAuthenticated(client, server.config.requirepass === '');
  client.user = 'default';
  call.reply.simple('RESET');
}
