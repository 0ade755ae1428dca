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

  talk('has switches for tests', [
    ['DEBUG', 'LOG', 'a line'],
    ['DEBUG', 'PAUSE-CRON', '1'],
    ['DEBUG', 'PAUSE-CRON', '0'],
    ['DEBUG', 'PAUSE-CRON'],
    ['DEBUG', 'DROP-CLUSTER-PACKET-FILTER'],
    ['DEBUG', 'DROP-CLUSTER-PACKET-FILTER', 'x'],
    ['DEBUG', 'REPLYBUFFER'],
  ]);
});
