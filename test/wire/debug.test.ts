import { conversations, type Step } from '../support/wire.ts';

const TYPES = ['string', 'integer', 'double', 'bignum', 'null', 'array', 'set', 'map', 'verbatim', 'true', 'false'];

conversations('DEBUG', { config: { appendonly: 'yes' } }, (talk) => {
  talk('PROTOCOL answers with each type of reply', ({ resp }) => [
    ...TYPES.map((type): Step => ['DEBUG', 'PROTOCOL', type]),
    ['DEBUG', 'PROTOCOL', 'BigNum'],
    { send: ['DEBUG', 'PROTOCOL', 'attrib'], replies: resp - 1 },
    { send: ['DEBUG', 'PROTOCOL', 'push'], replies: resp - 1 },
    ['DEBUG', 'PROTOCOL', 'nosuch'],
    ['DEBUG', 'PROTOCOL', 'constructor'],
    ['DEBUG', 'PROTOCOL'],
    ['PING'],
  ]);

  talk('POPULATE makes keys, and leaves those that exist', [
    ['SET', 'key:1', 'mine'],
    ['DEBUG', 'POPULATE', '3'],
    ['MGET', 'key:0', 'key:1', 'key:2', 'key:3'],
    ['DEBUG', 'POPULATE', '12', 'p'],
    ['GET', 'p:11'],
    ['DEBUG', 'POPULATE', '2', 'long', '20'],
    ['GET', 'long:1'],
    ['DEBUG', 'POPULATE', '11', 'short', '3'],
    ['GET', 'short:10'],
    ['DBSIZE'],
    ['DEBUG', 'POPULATE', '-1'],
    ['DEBUG', 'POPULATE', 'x'],
    ['DEBUG', 'POPULATE', '1', 'k', '-1'],
    ['DEBUG', 'POPULATE', '1', 'k', '1', 'x'],
    ['DEBUG', 'POPULATE', '0'],
    ['DBSIZE'],
  ]);

  talk('POPULATE touches watched keys, and tells the log nothing', [
    ['FLUSHALL'],
    ['WATCH', 'w:0'],
    { send: ['DEBUG', 'POPULATE', '1', 'w'], on: 'another' },
    ['MULTI'],
    ['GET', 'w:0'],
    ['EXEC'],
    ['DEBUG', 'LOADAOF'],
    ['GET', 'w:0'],
  ]);

  talk('LOADAOF brings back what the log holds', [
    ['FLUSHALL'],
    ['SET', 'a', '1'],
    ['RPUSH', 'list', 'x', 'y', 'z'],
    ['LPOP', 'list'],
    ['SADD', 'set', '1', '2', 'three'],
    { raw: 'MULTI\r\nINCR a\r\nINCR a\r\nEXEC\r\nDEBUG LOADAOF\r\nGET a\r\n', replies: 6 },
    ['SELECT', '3'],
    ['SET', 'there', 'v'],
    ['PEXPIREAT', 'there', '4102444800000'],
    ['DEBUG', 'LOADAOF'],
    ['DEBUG', 'LOADAOF', 'x'],
    ['GET', 'there'],
    ['PEXPIRETIME', 'there'],
    ['SELECT', '0'],
    ['GET', 'a'],
    ['LRANGE', 'list', '0', '-1'],
    ['SCARD', 'set'],
    ['DEBUG', 'DIGEST'],
    ['SET', 'a', 'later'],
    ['DEBUG', 'LOADAOF'],
    ['GET', 'a'],
    ['DEBUG', 'DIGEST'],
  ]);

  talk('RELOAD with NOFLUSH and MERGE brings back keys beside those that are there', [
    ['FLUSHALL'],
    ['MSET', 'a', 'saved', 'b', 'saved'],
    ['SAVE'],
    ['SET', 'a', 'later'],
    ['SET', 'c', 'new'],
    ['DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH', 'MERGE'],
    ['MGET', 'a', 'b', 'c'],
    ['DEBUG', 'RELOAD', 'MERGE'],
    ['MGET', 'a', 'b', 'c'],
  ]);

  talk('LOADAOF loads the log also where it is not in use any more', [
    ['FLUSHALL'],
    ['SET', 'a', 'logged'],
    ['DEBUG', 'LOADAOF'],
    ['CONFIG', 'SET', 'appendonly', 'no'],
    ['SET', 'a', 'later'],
    ['DEBUG', 'LOADAOF'],
    ['GET', 'a'],
  ]);

  talk('QUICKLIST-PACKED-THRESHOLD makes long elements nodes of their own', [
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'rdbcompression', 'no'],
    ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '10b'],
    ['RPUSH', 'list', 'short', '7', 'exactly 10', 'longer than that', '8', 'last'],
    { send: ['DUMP', 'list'] },
    ['RPUSH', 'alone', 'nothing else is here'],
    { send: ['DUMP', 'alone'] },
    ['RPUSH', 'small', 'nothing', 'is', 'long'],
    { send: ['DUMP', 'small'] },
    ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '1b'],
    ['RPUSH', 'numbers', '1', '300', '-70000', '12345678901'],
    { send: ['DUMP', 'numbers'] },
    ['DEBUG', 'RELOAD'],
    ['LRANGE', 'list', '0', '-1'],
    ['LRANGE', 'numbers', '0', '-1'],
    ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '0'],
    ['RPUSH', 'usual', 'exactly 10', 'longer than that'],
    { send: ['DUMP', 'usual'] },
    ...['4gb', '5gb', 'x', '-1', '1k', '0'].map((size): Step => ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', size]),
    ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD'],
    ['CONFIG', 'SET', 'rdbcompression', 'yes'],
  ]);

  // What SET foo bar and RPUSH l 1 dump as, with another last byte.
  const DAMAGED = '\x00\x03bar\x0a\x00rcTIA\xdd\xce\xb6';
  talk('SET-SKIP-CHECKSUM-VALIDATION takes payloads whose checksum is wrong, and no others that are', [
    ['RESTORE', 'r', '0', DAMAGED],
    ['DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1'],
    ['RESTORE', 'r', '0', DAMAGED],
    ['GET', 'r'],
    ['RESTORE', 'cut', '0', DAMAGED.slice(0, 9)],
    ['RESTORE', 'later', '0', DAMAGED.replace('\x0a', '\x7f')],
    ['DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '0'],
    ['RESTORE', 's', '0', DAMAGED],
    ['DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION'],
  ]);

  talk('has switches for tests', [
    ['DEBUG', 'AOF-FLUSH-SLEEP', '1'],
    ['DEBUG', 'AOF-FLUSH-SLEEP', '0'],
    ['DEBUG', 'AOF-FLUSH-SLEEP'],
    ['DEBUG', 'CHANGE-REPL-ID'],
    ['DEBUG', 'CHANGE-REPL-ID', 'x'],
    ['DEBUG', 'REPLICATE'],
    ['DEBUG', 'REPLICATE', 'fake', 'command'],
    ['DEBUG', 'LOG', 'a line'],
    ['DEBUG', 'PAUSE-CRON', '1'],
    ['DEBUG', 'PAUSE-CRON', '0'],
    ['DEBUG', 'PAUSE-CRON'],
    ['DEBUG', 'DROP-CLUSTER-PACKET-FILTER'],
    ['DEBUG', 'DROP-CLUSTER-PACKET-FILTER', 'x'],
    ['DEBUG', 'REPLYBUFFER'],
  ]);
});
