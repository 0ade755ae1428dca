import { conversations } from '../support/wire.ts';

const ABORTED = ['*-1\r\n', '_\r\n'] as const;

conversations('transactions', { cluster: true }, (talk) => {
  talk('EXEC runs what was queued, and answers each', [
    { send: ['MULTI'], is: '+OK\r\n' },
    { send: ['SET', 'k', '1'], is: '+QUEUED\r\n' },
    ['INCR', 'k'],
    ['LPUSH', 'k', 'x'],
    ['GET', 'k'],
    {
      send: ['EXEC'],
      is: '*4\r\n+OK\r\n:2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n$1\r\n2\r\n',
    },
    ['GET', 'k'],
    ['EXEC'],
    ['DISCARD'],
    ['MULTI'],
    { send: ['EXEC'], is: '*0\r\n' },
  ]);

  talk('DISCARD forgets what was queued', [
    ['MULTI'],
    ['SET', 'k', '1'],
    { send: ['DISCARD'], is: '+OK\r\n' },
    ['EXISTS', 'k'],
    ['EXEC'],
  ]);

  talk('a command that cannot be queued makes EXEC refuse', [
    ['MULTI'],
    ['SET', 'k', '1'],
    ['NOSUCH', 'a'],
    ['SET', 'k'],
    ['CONFIG', 'NOSUCH'],
    ['CLIENT', 'GETNAME', 'x'],
    { send: ['EXEC'], is: '-EXECABORT Transaction discarded because of previous errors.\r\n' },
    ['EXISTS', 'k'],
    ['MULTI'],
    ['NOSUCH'],
    ['DISCARD'],
    ['MULTI'],
    ['SET', 'k', '2'],
    ['EXEC'],
  ]);

  talk('nothing is queued behind what makes EXEC refuse, nor has keys that EXEC is judged by', [
    ['MULTI'],
    ['SET', 'k', '1'],
    ['NOSUCH'],
    { send: ['SET', 'in another slot', '1'], is: '+QUEUED\r\n' },
    { send: ['EXEC'], is: '-EXECABORT Transaction discarded because of previous errors.\r\n' },
    ['WATCH', 'k'],
    ['SET', 'k', '2'],
    ['MULTI'],
    { send: ['SET', 'k', '3'], is: '+QUEUED\r\n' },
    { send: ['SET', 'in another slot', '1'], is: '+QUEUED\r\n' },
    { send: ['EXEC'], is: ABORTED },
    ['GET', 'k'],
  ]);

  talk('MULTI does not nest, and WATCH comes before it', [
    ['MULTI'],
    ['MULTI'],
    ['SET', 'k', '1'],
    ['WATCH', 'k'],
    ['EXEC'],
    ['GET', 'k'],
    ['MULTI', 'x'],
    ['EXEC', 'x'],
    ['DISCARD', 'x'],
    ['UNWATCH', 'x'],
    ['WATCH'],
  ]);

  talk('commands that cannot be part of a transaction are refused in it', [
    ['MULTI'],
    ['SAVE'],
    ['SHUTDOWN', 'NOSUCH'],
    ['EXEC'],
    ['MULTI'],
    ['PING'],
    ['ECHO', 'x'],
    ['CLIENT', 'GETNAME'],
    ['SELECT', '0'],
    ['UNWATCH'],
    ['FLUSHDB'],
    ['DBSIZE'],
    ['EXEC'],
  ]);

  talk('EXEC does nothing when a watched key was touched', [
    ['SET', 'k', '1'],
    { send: ['WATCH', 'k'], is: '+OK\r\n' },
    { on: 'b', send: ['SET', 'k', '2'] },
    ['MULTI'],
    ['SET', 'k', '3'],
    { send: ['EXEC'], is: ABORTED },
    ['GET', 'k'],
    ['MULTI'],
    ['SET', 'k', '3'],
    ['EXEC'],
  ]);

  for (const touch of [
    ['APPEND', 'k', 'x'],
    ['DEL', 'k'],
    ['EXPIRE', 'k', '100'],
    ['PERSIST', 'k'],
    ['RENAME', 'k', '{k}2'],
    ['RENAME', '{k}other', 'k'],
    ['COPY', '{k}other', 'k', 'REPLACE'],
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['SETRANGE', 'k', '0', 'x'],
    ['GETEX', 'k', 'EX', '10'],
    ['GETDEL', 'k'],
    ['SET', 'k', '1'],
    ['SETNX', 'k', 'x'],
    ['GET', 'k'],
    ['SETRANGE', 'k', '0', ''],
    ['APPEND', 'k', ''],
    ['EXPIRE', 'k', '-1'],
    ['TOUCH', 'k'],
    ['UNLINK', 'none'],
  ]) {
    talk(`${touch.join(' ')} by another client is a touch, or is none`, [
      ['SET', 'k', '1'],
      ['SET', '{k}other', '1'],
      ['WATCH', 'k'],
      { on: 'b', send: touch },
      ['MULTI'],
      ['PING'],
      ['EXEC'],
    ]);
  }

  talk('a client that touches a key it watches has touched it', [
    ['WATCH', 'k'],
    ['SET', 'k', '1'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'k'],
    ['MULTI'],
    ['SET', 'k', '2'],
    ['EXEC'],
  ]);

  talk('keys that are not there can be watched', [
    ['WATCH', '{k}1', '{k}2', '{k}1'],
    { on: 'b', send: ['SET', '{k}2', '1'] },
    { on: 'b', send: ['DEL', '{k}2'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', '{k}1'],
    { on: 'b', send: ['DEL', '{k}1'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
  ]);

  talk('UNWATCH, DISCARD and EXEC forget every watch', [
    ['WATCH', 'k'],
    { on: 'b', send: ['SET', 'k', '1'] },
    { send: ['UNWATCH'], is: '+OK\r\n' },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'k'],
    { on: 'b', send: ['SET', 'k', '1'] },
    ['MULTI'],
    ['DISCARD'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'k'],
    { on: 'b', send: ['SET', 'k', '1'] },
    ['MULTI'],
    ['EXEC'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
  ]);

  talk('a watched key whose time runs out was touched', [
    ['SET', 'k', '1', 'PX', '200'],
    ['WATCH', 'k'],
    ['DEBUG', 'SLEEP', '0.25'],
    ['MULTI'],
    ['PING'],
    { send: ['EXEC'], is: ABORTED },
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['SET', 'k', '1', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['WATCH', 'k'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['SET', 'k', '1', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['WATCH', 'k'],
    { on: 'b', send: ['SET', 'k', 'again'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
  ]);

  talk('several clients have transactions of their own', [
    ['MULTI'],
    { on: 'b', send: ['MULTI'] },
    ['INCR', 'k'],
    { on: 'b', send: ['INCR', 'k'] },
    ['EXEC'],
    { on: 'b', send: ['EXEC'] },
    ['GET', 'k'],
  ]);

  talk('a refused EXEC also ends the watch', [
    ['WATCH', 'k'],
    ['MULTI'],
    ['NOSUCH'],
    ['EXEC'],
    { on: 'b', send: ['SET', 'k', '1'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
  ]);

  talk('keys of one transaction are in one slot of a cluster', [
    ['MULTI'],
    ['SET', 'a', '1'],
    ['SET', 'b', '2'],
    ['EXEC'],
    ['GET', 'a'],
  ]);
});

conversations('transactions over databases', {}, (talk) => {
  talk('a watched key that is dead and stays so has not changed when databases change places', [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['SELECT', '5'],
    ['SET', 'x', '1', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['SELECT', '6'],
    ['WATCH', 'x'],
    ['SWAPDB', '5', '6'],
    ['MULTI'],
    ['PING'],
    { send: ['EXEC'], is: '*1\r\n+PONG\r\n' },
    ['SET', 'x', '1', 'PX', '1'],
    ['DEBUG', 'POPULATE', '1', 'y'],
    ['SELECT', '5'],
    ['SET', 'x', '1', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['WATCH', 'x', 'y:0'],
    ['SWAPDB', '5', '7'],
    ['SWAPDB', '5', '7'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'x'],
    ['SWAPDB', '5', '6'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'y:0'],
    ['SWAPDB', '5', '6'],
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
    ['SELECT', '0'],
  ]);

  talk('EXEC is refused on a stale replica for what its commands may not do there', [
    ['CONFIG', 'SET', 'replica-serve-stale-data', 'no'],
    ['SET', 'k', '1'],
    ['MULTI'],
    ['GET', 'k'],
    { on: 'b', send: ['REPLICAOF', '127.0.0.1', '1'] },
    ['EXEC'],
    ['MULTI'],
    ['EXEC'],
    { on: 'b', send: ['REPLICAOF', 'NO', 'ONE'] },
    ['CONFIG', 'SET', 'replica-serve-stale-data', 'yes'],
  ]);

  talk('SELECT inside moves the client, also behind EXEC', [
    ['MULTI'],
    ['SELECT', '1'],
    ['SET', 'k', 'one'],
    ['EXEC'],
    ['GET', 'k'],
    ['SELECT', '0'],
    ['GET', 'k'],
  ]);

  talk('a watch is of a key in one database', [
    ['WATCH', 'k'],
    { on: 'b', send: ['SELECT', '1'] },
    { on: 'b', send: ['SET', 'k', '1'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'k'],
    { on: 'b', send: ['SWAPDB', '0', '1'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['WATCH', 'none'],
    { on: 'b', send: ['SWAPDB', '2', '3'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
    ['SET', 'k', '1'],
    ['WATCH', 'k'],
    { on: 'b', send: ['SELECT', '0'] },
    { on: 'b', send: ['MOVE', 'k', '5'] },
    ['MULTI'],
    ['PING'],
    ['EXEC'],
  ]);

  talk('a save or a rewrite that is asked for in a transaction begins behind it', [
    ['MULTI'],
    ['BGREWRITEAOF'],
    ['BGSAVE'],
    ['EXEC'],
  ]);
});
