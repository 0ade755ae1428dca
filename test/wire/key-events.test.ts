import { conversations, type LongStep, type Step } from '../support/wire.ts';

/** Every event is told by the key, and then by the event. */
const events = (...told: readonly (readonly [event: string, key: string, db?: number])[]): LongStep => ({
  on: 's',
  replies: told.length * 2,
  is: [framed('*', told), framed('>', told)],
});

function framed(type: string, told: readonly (readonly [event: string, key: string, db?: number])[]): string {
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const message = (channel: string, payload: string): string =>
    `${type}4\r\n${['pmessage', '__key*', channel, payload].map(bulk).join('')}`;
  return told
    .map(
      ([event, key, db = 0]) =>
        message(`__keyspace@${db}__:${key}`, event) + message(`__keyevent@${db}__:${event}`, key),
    )
    .join('');
}

const listening = (classes: string): Step[] => [
  ['CONFIG', 'SET', 'notify-keyspace-events', classes],
  { send: ['PSUBSCRIBE', '__key*'], on: 's' },
];

conversations('events of keys', {}, (talk) => {
  talk('strings: set, expire, append, setrange, incrby, incrbyfloat, del', [
    ...listening('KEA'),
    ['SET', 'k', 'v'],
    events(['set', 'k']),
    ['SET', 'k', '1', 'EX', '100'],
    events(['set', 'k'], ['expire', 'k']),
    ['SETEX', 'k', '100', '1'],
    events(['set', 'k'], ['expire', 'k']),
    ['SET', 'k', '1', 'NX'],
    ['SETNX', 'k', '1'],
    ['GETSET', 'k', '2'],
    events(['set', 'k']),
    ['INCR', 'k'],
    ['DECRBY', 'k', '3'],
    ['INCRBY', 'k', '9223372036854775800'],
    events(['incrby', 'k'], ['incrby', 'k'], ['incrby', 'k']),
    ['INCRBYFLOAT', 'k', '1.5'],
    ['APPEND', 'k', 'x'],
    ['SETRANGE', 'k', '1', 'y'],
    ['SETRANGE', 'k', '1', ''],
    events(['incrbyfloat', 'k'], ['append', 'k'], ['setrange', 'k']),
    ['MSET', 'a', '1', 'b', '2', 'a', '3'],
    events(['set', 'a'], ['set', 'b'], ['set', 'a']),
    ['MSETNX', 'a', '1', 'c', '2'],
    ['GETEX', 'k', 'EX', '100'],
    ['GETEX', 'k', 'PERSIST'],
    ['GETEX', 'k', 'PERSIST'],
    ['GETEX', 'k'],
    events(['expire', 'k'], ['persist', 'k']),
    ['GETEX', 'k', 'PXAT', '1'],
    ['GETDEL', 'a'],
    ['DEL', 'b', 'none', 'b'],
    ['UNLINK', 'none'],
    events(['del', 'k'], ['del', 'a'], ['del', 'b']),
  ]);

  talk('lists and sets: what was pushed, popped, added, removed, and del when the last element goes', [
    ...listening('KEA'),
    ['LPUSH', 'l', '1', '2'],
    ['RPUSHX', 'l', '3'],
    ['LPUSHX', 'none', '3'],
    events(['lpush', 'l'], ['rpush', 'l']),
    ['LPOP', 'l'],
    ['RPOP', 'l', '0'],
    ['RPOP', 'l', '5'],
    ['RPOP', 'l', '5'],
    events(['lpop', 'l'], ['rpop', 'l'], ['del', 'l']),
    ['SADD', 's', 'a', 'b'],
    ['SADD', 's', 'a'],
    ['SREM', 's', 'none'],
    ['SREM', 's', 'a'],
    ['SREM', 's', 'b', 'c'],
    events(['sadd', 's'], ['srem', 's'], ['srem', 's'], ['del', 's']),
    ['RPUSH', 'big', ...Array.from({ length: 300 }, (_, i) => `element ${i}`)],
    ['LPOP', 'big', '299'],
    ['LPOP', 'big'],
    events(['rpush', 'big'], ['lpop', 'big'], ['lpop', 'big'], ['del', 'big']),
  ]);

  talk('hashes: hset, hincrby, hincrbyfloat, hdel, and del when the last field goes', [
    ...listening('KEA'),
    ['HSET', 'h', 'a', '1', 'b', '2'],
    ['HSET', 'h', 'a', '1'],
    ['HMSET', 'h', 'c', '3'],
    ['HSETNX', 'h', 'c', '4'],
    ['HSETNX', 'h', 'd', '4'],
    events(['hset', 'h'], ['hset', 'h'], ['hset', 'h'], ['hset', 'h']),
    ['HINCRBY', 'h', 'a', '5'],
    ['HINCRBY', 'h', 'a', '9223372036854775000'],
    ['HINCRBY', 'h', 'a', '9223372036854775000'],
    ['HINCRBYFLOAT', 'h', 'a', '1.5'],
    events(['hincrby', 'h'], ['hincrby', 'h'], ['hincrbyfloat', 'h']),
    ['HDEL', 'h', 'none'],
    ['HDEL', 'h', 'a', 'none'],
    ['HDEL', 'h', 'b', 'c', 'd', 'e'],
    events(['hdel', 'h'], ['hdel', 'h'], ['del', 'h']),
  ]);

  talk('keys: rename, copy, move, expire, persist, restore; none for FLUSHALL and SWAPDB', [
    ...listening('KEA'),
    ['SET', 'a', '1'],
    ['RENAME', 'a', 'b'],
    ['RENAME', 'b', 'b'],
    ['RENAMENX', 'b', 'c'],
    events(['set', 'a'], ['rename_from', 'a'], ['rename_to', 'b'], ['rename_from', 'b'], ['rename_to', 'c']),
    ['COPY', 'c', 'd'],
    ['COPY', 'c', 'd'],
    ['COPY', 'c', 'd', 'DB', '3'],
    events(['copy_to', 'd'], ['copy_to', 'd', 3]),
    ['MOVE', 'c', '2'],
    ['MOVE', 'none', '2'],
    events(['move_from', 'c'], ['move_to', 'c', 2]),
    ['EXPIRE', 'd', '100'],
    ['EXPIRE', 'd', '50', 'GT'],
    ['PERSIST', 'd'],
    ['PERSIST', 'd'],
    ['PEXPIREAT', 'd', '1'],
    events(['expire', 'd'], ['persist', 'd'], ['del', 'd']),
    ['RESTORE', 'r', '0', '\0\x01x\t\0\x15\xbc\x16~\xeb\xa8\xa5\xf5', 'REPLACE'],
    ['SWAPDB', '0', '3'],
    ['SWAPDB', '0', '3'],
    ['FLUSHDB'],
    ['FLUSHALL'],
    ['SET', 'last', ''],
    { on: 's', replies: 2 },
  ]);

  talk('a new key, and one that was looked for in vain, are told of only when they are asked for', [
    ...listening('KEAnm'),
    ['SET', 'k', 'v'],
    ['SET', 'k', 'v'],
    events(['new', 'k'], ['set', 'k'], ['set', 'k']),
    ['GET', 'none'],
    ['MGET', 'k', 'none', 'other'],
    events(['keymiss', 'none'], ['keymiss', 'none'], ['keymiss', 'other']),
    ['EXISTS', 'none'],
    ['TTL', 'none'],
    ['TYPE', 'none'],
    ['TOUCH', 'none'],
    ['LLEN', 'none'],
    ['SISMEMBER', 'none', 'x'],
    ['STRLEN', 'none'],
    ['DUMP', 'none'],
    events(...Array.from({ length: 8 }, () => ['keymiss', 'none'] as const)),
    ['OBJECT', 'ENCODING', 'none'],
    ['DEL', 'none'],
    ['LPOP', 'none'],
    ['EXPIRE', 'none', '1'],
    ['RENAME', 'k', 'l'],
    events(['new', 'l'], ['rename_from', 'k'], ['rename_to', 'l']),
    ['COPY', 'l', 'm'],
    ['COPY', 'l', 'm', 'REPLACE'],
    events(['new', 'm'], ['copy_to', 'm'], ['new', 'm'], ['copy_to', 'm']),
    ['LPUSH', 'list', 'x'],
    ['SADD', 'set', 'x'],
    ['INCR', 'n'],
    events(['new', 'list'], ['lpush', 'list'], ['new', 'set'], ['sadd', 'set'], ['new', 'n'], ['incrby', 'n']),
  ]);

  talk('a key whose time is over expires when it is looked at, and is then missed', [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ...listening('KEAm'),
    ['PSETEX', 'k', '1', 'v'],
    events(['set', 'k'], ['expire', 'k']),
    ['DEBUG', 'SLEEP', '0.01'],
    ['GET', 'k'],
    events(['expired', 'k'], ['keymiss', 'k']),
    ['PSETEX', 'k', '1', 'v'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['DEL', 'k'],
    events(['set', 'k'], ['expire', 'k'], ['expired', 'k']),
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
    ['PSETEX', 'k', '5', 'v'],
    events(['set', 'k'], ['expire', 'k'], ['expired', 'k']),
  ]);

  talk('the directive says which classes are told, and where', [
    ...listening('Kg'),
    ['SET', 'k', 'v', 'EX', '100'],
    ['LPUSH', 'l', 'x'],
    { on: 's', is: ['*', '>'], as: (reply) => (reply.includes('\r\nexpire\r\n') ? reply.slice(0, 1) : reply) },
    ['CONFIG', 'SET', 'notify-keyspace-events', 'El'],
    ['SET', 'k', 'v'],
    ['LPUSH', 'l', 'x'],
    { on: 's', is: ['*', '>'], as: (reply) => (reply.includes('keyevent@0__:lpush') ? reply.slice(0, 1) : reply) },
    ['CONFIG', 'SET', 'notify-keyspace-events', 'Ag'],
    ['SET', 'k', 'v'],
    ['CONFIG', 'GET', 'notify-keyspace-events'],
    ['CONFIG', 'SET', 'notify-keyspace-events', ''],
    ['SET', 'k', 'v'],
    { send: ['PUNSUBSCRIBE'], on: 's' },
    ['CONFIG', 'SET', 'notify-keyspace-events', 'q'],
  ]);

  talk('events of a transaction come in its order', [
    ...listening('KEA'),
    ['MULTI'],
    ['SET', 'k', 'v'],
    ['DEL', 'k'],
    ['LPUSH', 'k', 'x'],
    ['EXEC'],
    events(['set', 'k'], ['del', 'k'], ['lpush', 'k']),
  ]);
});
