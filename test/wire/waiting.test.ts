/*
 * Clients that wait, and what happens to them meanwhile. Before a second connection says something, it waits for a PING:
 * what the first one sent has been read by then.
 */

import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { conversations, kind } from '../support/wire.ts';

const NOBODY = ['127.0.0.1', '1'];
const UNBLOCKED = '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n';

/** Accepts, and never says a word. */
let silent: Server;
let silentPort = '';
beforeAll(async () => {
  silent = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  silentPort = String(address !== null && typeof address === 'object' ? address.port : 0);
});
afterAll(() => silent.close());

conversations('a client that waits', {}, (talk) => {
  talk('for replicas is told that its server became one, and what it sent behind is not run', [
    { raw: 'WAIT 1 0\r\nSET k v\r\n', on: 'waiter', replies: 0 },
    ['PING'],
    ['REPLICAOF', ...NOBODY],
    { on: 'waiter', replies: 'all', is: `${UNBLOCKED}<closed>` },
    { send: ['REPLICAOF', 'NO', 'ONE'], is: '+OK\r\n' },
    { send: ['EXISTS', 'k'], is: ':0\r\n' },
  ]);

  talk('and speaks RESP2 leaves the shape of replies to a transaction in RESP3 alone', [
    { raw: 'HELLO 2\r\n', on: 'waiter', as: kind },
    { raw: 'WAIT 1 0\r\n', on: 'waiter', replies: 0 },
    { send: ['HELLO', '3'], as: kind },
    ['MULTI'],
    ['REPLICAOF', ...NOBODY],
    ['CONFIG', 'GET', 'appendfsync'],
    ['REPLICAOF', 'NO', 'ONE'],
    { send: ['EXEC'], is: '*3\r\n+OK\r\n%1\r\n$11\r\nappendfsync\r\n$8\r\neverysec\r\n+OK\r\n' },
    { on: 'waiter', replies: 'all', is: `${UNBLOCKED}<closed>` },
  ]);

  talk('is answered before what it sent behind', [
    { raw: 'WAIT 1 30\r\nSET k v\r\nGET k\r\n', replies: 3, is: ':0\r\n+OK\r\n$1\r\nv\r\n' },
  ]);

  talk('and is killed runs nothing of what it sent behind', [
    { raw: 'WAIT 1 0\r\nSET k v\r\n', on: 'waiter', replies: 0 },
    ['PING'],
    { send: ['CLIENT', 'KILL', 'TYPE', 'normal'], is: ':1\r\n' },
    { on: 'waiter', replies: 'all', is: '<closed>' },
    { send: ['EXISTS', 'k'], is: ':0\r\n' },
  ]);

  talk('and is not to be answered is not', [
    { raw: 'CLIENT REPLY SKIP\r\nWAIT 1 30\r\nPING\r\n', is: '+PONG\r\n' },
    { raw: 'CLIENT REPLY OFF\r\nWAIT 1 30\r\nPING\r\nCLIENT REPLY ON\r\n', is: '+OK\r\n' },
  ]);

  talk('does not wait inside a transaction', [
    ['MULTI'],
    ['WAIT', '1', '0'],
    ['SET', 'k', 'v'],
    { send: ['EXEC'], is: '*2\r\n:0\r\n+OK\r\n' },
  ]);
});

conversations('a client that is held back', {}, (talk) => {
  talk('goes on in order when the pause ends by itself', [
    ['CLIENT', 'PAUSE', '60', 'WRITE'],
    { raw: 'INCR n\r\nINCR n\r\nGET n\r\n', replies: 3, is: ':1\r\n:2\r\n$1\r\n2\r\n' },
  ]);

  talk('goes on when another one says so, also inside a transaction', [
    ['CLIENT', 'PAUSE', '100000', 'WRITE'],
    { raw: 'SET k v\r\nGET k\r\n', on: 'held', replies: 0 },
    ['PING'],
    ['MULTI'],
    ['CLIENT', 'UNPAUSE'],
    ['GET', 'k'],
    { send: ['EXEC'], is: ['*2\r\n+OK\r\n$-1\r\n', '*2\r\n+OK\r\n_\r\n'] },
    { on: 'held', replies: 2, is: '+OK\r\n$1\r\nv\r\n' },
  ]);

  talk('hears the last word of a connection that it ends itself', [
    ['CLIENT', 'PAUSE', '60', 'ALL'],
    {
      raw: 'CLIENT KILL TYPE normal SKIPME no\r\n',
      on: 'held',
      replies: 'all',
      as: (reply) => reply.replace(/\d+/, '#'),
    },
  ]);

  talk('and leaves has said nothing', [
    ['CLIENT', 'PAUSE', '100000', 'WRITE'],
    { raw: 'SET k v\r\n', on: 'held', replies: 0 },
    ['PING'],
    { send: ['CLIENT', 'KILL', 'TYPE', 'normal'], is: ':1\r\n' },
    { on: 'held', replies: 'all', is: '<closed>' },
    ['CLIENT', 'UNPAUSE'],
    { send: ['EXISTS', 'k'], is: ':0\r\n' },
  ]);
});

conversations('a client that ends or changes itself', {}, (talk) => {
  talk('by RESET is heard again after CLIENT REPLY OFF', [
    { raw: 'CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n', replies: 2, is: '+RESET\r\n+PONG\r\n' },
  ]);

  talk('by CLIENT KILL inside a transaction still runs it, and hears what it said up to there', [
    ['MULTI'],
    ['SET', 'before', '1'],
    ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no'],
    ['SET', 'after', '1'],
    { send: ['EXEC'], replies: 'all' },
    { send: ['MGET', 'before', 'after'], on: 'other' },
  ]);

  talk('by CLIENT KILL hears the answer', [
    {
      raw: 'CLIENT KILL TYPE normal SKIPME no\r\nSET k v\r\n',
      on: 'b',
      replies: 'all',
      as: (reply) => reply.replace(/\d+/, '#'),
    },
  ]);

  talk('by QUIT inside a transaction leaves it undone', [
    { raw: 'MULTI\r\nSET k v\r\nQUIT\r\nEXEC\r\n', on: 'b', replies: 'all' },
    { send: ['EXISTS', 'k'], is: ':0\r\n' },
  ]);
});

conversations('MIGRATE to a server that says nothing', { protocols: [2] }, (talk) => {
  talk('holds back only the client that asked', () => [
    ['SET', 'k', 'v'],
    { raw: `MIGRATE 127.0.0.1 ${silentPort} k 0 50\r\nSET j w\r\n`, replies: 2, as: kind, is: '-' },
    { send: ['MGET', 'k', 'j'], is: '*2\r\n$1\r\nv\r\n$1\r\nw\r\n' },
  ]);
});
