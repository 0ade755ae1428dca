import { conversations } from '../support/wire.ts';

/*
 * A replica that may be written to. Its primary alone decides when a dead key goes; but what is written takes the name of
 * one that is dead, and must not find anything of it.
 */

const WRITES: readonly (readonly string[])[] = [
  ['SET', 'k', 'new'],
  ['SET', 'k', 'new', 'NX'],
  ['SET', 'k', 'new', 'XX'],
  ['SET', 'k', 'new', 'KEEPTTL'],
  ['SETNX', 'k', 'new'],
  ['GETSET', 'k', 'new'],
  ['APPEND', 'k', 'new'],
  ['SETRANGE', 'k', '1', 'new'],
  ['INCR', 'k'],
  ['INCRBYFLOAT', 'k', '1.5'],
  ['MSET', 'k', 'new', 'other', 'new'],
  ['MSETNX', 'k', 'new', 'other', 'new'],
  ['RPUSH', 'k', 'new'],
  ['RPUSHX', 'k', 'new'],
  ['SADD', 'k', 'new'],
  ['EXPIRE', 'k', '100'],
  ['PERSIST', 'k'],
  ['RENAME', 'other', 'k'],
  ['RENAMENX', 'other', 'k'],
  ['COPY', 'other', 'k'],
  ['COPY', 'other', 'k', 'REPLACE'],
  ['DEL', 'k'],
  ['UNLINK', 'k'],
  ['GETDEL', 'k'],
  ['LPOP', 'k'],
  ['SREM', 'k', 'old'],
];

/** Nobody listens there: the primary of this replica never comes. */
const NOBODY = '1';

conversations('a writable replica', { config: { 'replica-read-only': 'no' } }, (talk) => {
  for (const write of WRITES) {
    talk(`${write.join(' ')} finds nothing of a key whose time is over`, [
      ['REPLICAOF', '127.0.0.1', NOBODY],
      ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
      ['FLUSHALL'],
      ['SET', 'other', 'v'],
      ...[
        ['SET', 'k', 'old'],
        ['SADD', 'k', 'old'],
        ['RPUSH', 'k', 'old'],
      ].flatMap((old) => [
        ['DEL', 'k'],
        old,
        ['PEXPIRE', 'k', '1'],
        ['DEBUG', 'SLEEP', '0.002'],
        write,
        ['DBSIZE'],
        ['TYPE', 'k'],
        ['TTL', 'k'],
        ['DUMP', 'k'],
        ['MSET', 'other', 'v'],
      ]),
    ]);
  }

  talk('a name is kept once, however often it dies', [
    ['REPLICAOF', '127.0.0.1', NOBODY],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['FLUSHALL'],
    ...Array.from({ length: 5 }, () => [
      ['SET', 'foo', 'v', 'PX', '1'],
      ['DEBUG', 'SLEEP', '0.002'],
    ]).flat(),
    ['DBSIZE'],
    ['SET', 'foo', 'last'],
    ['GET', 'foo'],
    ['DBSIZE'],
    ['SADD', 'set', 'a'],
    ['PEXPIRE', 'set', '1'],
    ['DEBUG', 'SLEEP', '0.002'],
    ['SADD', 'set', 'b'],
    ['SMEMBERS', 'set'],
  ]);

  talk('reads leave a dead key to its primary', [
    ['REPLICAOF', '127.0.0.1', NOBODY],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['FLUSHALL'],
    ['SET', 'k', 'v', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.002'],
    ['GET', 'k'],
    ['EXISTS', 'k'],
    ['STRLEN', 'k'],
    ['SCAN', '0', 'COUNT', '1000'],
    ['DBSIZE'],
  ]);
});
