import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startServer } from '../../src/index.ts';
import { splitInline } from '../../src/server/protocol/inline.ts';
import { RawClient, requestBytes } from '../support/resp.ts';
import { conversations, kind, scanned } from '../support/wire.ts';

/* Commands with a mistake in them, as random commands found them: which mistake is told, and in which words. */

conversations('nearly valid commands', {}, (talk) => {
  talk('an unknown command comes back as the bytes it was', [
    ['\xff\xe9\xc3\xa9', '\xc3\xbc\xff'],
    ['ping', '\xff', '\xfe'],
    { raw: '\xe9\xff \xc3\xa9\r\n' },
  ]);
  talk('SCAN and LCS tell the first mistake that stands there', [
    ['SCAN', '0', 'COUNT', 'abc', 'nothing'],
    ['SCAN', '0', 'COUNT', '0', 'nothing'],
    ['SCAN', '0', 'nothing', 'COUNT', 'abc'],
    ['LCS', 'a', 'b', 'LEN', 'IDX', 'MINMATCHLEN', 'inf'],
    ['LCS', 'a', 'b', 'MINMATCHLEN', 'inf', 'nothing'],
    ['LCS', 'a', 'b', 'LEN', 'IDX'],
    ['CONFIG', 'SET', 'proto-max-bulk-len', '1mb'],
    ['SET', 'a', 'x'.repeat(600)],
    ['LCS', 'a', 'a'],
    ['CONFIG', 'SET', 'proto-max-bulk-len', '512mb'],
  ]);
  talk('INFO names the system as uname does', [
    { send: ['INFO', 'server'], as: (reply) => /\r\nos:.*/.exec(reply)?.[0] ?? '' },
  ]);
  talk('a client that is owed replies cannot become a replica', [
    { raw: requestBytes(['PING']) + requestBytes(['SYNC']) + requestBytes(['PING']), replies: 3 },
    { raw: requestBytes(['PING']) + requestBytes(['PSYNC', '?', '-1']) + requestBytes(['PING']), replies: 3 },
  ]);
  talk('database numbers have 32 bits', [
    ['MOVE', 'key', '4294967296'],
    ['MOVE', 'key', '9223372036854775808'],
    ['MOVE', 'key', '99'],
    ['SWAPDB', '4294967296', '0'],
    ['SWAPDB', '0', '2147483648'],
    ['SWAPDB', '0', '99'],
    ['SWAPDB', 'x', '99'],
  ]);
  talk('CONFIG GET answers a name as it was written', [
    ['CONFIG', 'GET', 'MaxMemory'],
    ['CONFIG', 'GET', 'MAXMEMORY-POLIC?'],
  ]);
  talk('MIGRATE to a port that cannot be is an error of the connection', [
    ['SET', 'text', 'x'],
    ['MIGRATE', '127.0.0.1', '-2', 'text', '0', '1000'],
    ['MIGRATE', '127.0.0.1', '18446744073709551616', 'text', '0', '1000'],
    ['MIGRATE', '127.0.0.1', 'nowhere', 'nothing', '0', '1000'],
    ['MIGRATE', '127.0.0.1', '1', 'text', 'x', 'y', 'z'],
    ['DEL', 'text'],
  ]);
  talk('a zero byte ends a cursor, and what is quoted in an error', [
    ['SCAN', '0\0x'],
    ['OBJECT', 'x\0y', 'key'],
    ['EXPIRE', 'key', '1', 'x\0y'],
    ['DEBUG', 'x\0y'],
  ]);
  talk('how a short string is kept depends on who wrote it', [
    ...[
      ['APPEND', 'new', '10'],
      ['APPEND', 'new', '0'],
      ['APPEND', 'text', 'short'],
      ['APPEND', 'long', 'x'.repeat(45)],
      ['SETRANGE', 'range', '0', '10'],
      ['INCRBYFLOAT', 'float', '3'],
      ['INCRBYFLOAT', 'float', '0.5'],
      ['INCRBYFLOAT', 'huge', '1e60'],
      ['INCR', 'new'],
      ['SET', 'float', '10'],
      ['INCRBYFLOAT', 'float', '1'],
      ['GETSET', 'range', '7'],
    ].flatMap((write) => [write, ['OBJECT', 'ENCODING', write[1]!]]),
    ['COPY', 'float', 'copy'],
    ['RENAME', 'float', 'renamed'],
    ['OBJECT', 'ENCODING', 'copy'],
    ['OBJECT', 'ENCODING', 'renamed'],
    ['EXPIRE', 'renamed', '1000'],
    ['OBJECT', 'ENCODING', 'renamed'],
    ['PERSIST', 'renamed'],
    ['OBJECT', 'ENCODING', 'renamed'],
    ['INCR', 'renamed'],
    ['OBJECT', 'ENCODING', 'renamed'],
    ['DEBUG', 'RELOAD'],
    ['OBJECT', 'ENCODING', 'copy'],
  ]);
  talk('the pattern * of SCAN and KEYS means every name, also the empty one, which no other pattern has', [
    ['SET', '', 'x'],
    ...['*', '**', '', '?', '*?*'].flatMap((pattern) => [
      { send: ['SCAN', '0', 'COUNT', '1000', 'MATCH', pattern], as: scanned },
      ['KEYS', pattern],
    ]),
  ]);
  talk('a command sees how long the ones before it in its pipeline took', [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    {
      raw: [
        ['SET', 'dying', 'x', 'PX', '5'],
        ['DEBUG', 'SLEEP', '0.03'],
        ['GET', 'dying'],
        ['SET', 'dying', 'x', 'PX', '80'],
        ['MULTI'],
        ['DEBUG', 'SLEEP', '0.1'],
        ['EXISTS', 'dying'],
        ['EXEC'],
        ['EXISTS', 'dying'],
      ]
        .map(requestBytes)
        .join(''),
      replies: 9,
    },
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
  ]);
  talk('DEBUG sees a dead key until somebody removes it, and every other look removes it', [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ...['TTL', 'TYPE', 'DUMP', 'OBJECT ENCODING'].flatMap((look) => [
      ['SET', 'dead', 'x', 'PX', '1'],
      ['DEBUG', 'SLEEP', '0.01'],
      ['DEBUG', 'DIGEST-VALUE', 'dead'],
      ['DEBUG', 'DIGEST'],
      [...look.split(' '), 'dead'],
      ['DBSIZE'],
      ['DEBUG', 'DIGEST-VALUE', 'dead'],
    ]),
    ['RPUSH', 'list', 'x'],
    ['SET', 'dead', 'x', 'PX', '1'],
    ['DEBUG', 'SLEEP', '0.01'],
    ['LCS', 'list', 'dead'],
    ['DBSIZE'],
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'],
  ]);
  talk('looking at a key is a hit or a miss, also where it is no use of the key', [
    ['CONFIG', 'RESETSTAT'],
    ['SET', 'key', 'x'],
    ...['TTL', 'TYPE', 'DUMP', 'OBJECT ENCODING']
      .flatMap((look) => [
        [...look.split(' '), 'key'],
        [...look.split(' '), 'nothing'],
      ])
      .map((send) => ({ send, as: kind })),
    ['MIGRATE', '127.0.0.1', '1', 'nothing', '0', '1000'],
    { send: ['INFO', 'stats'], as: (reply) => /keyspace_hits:\d+\r\nkeyspace_misses:\d+/.exec(reply)?.[0] ?? '' },
  ]);
});

test('vertical tabs and form feeds belong to a word of an inline command, and a zero byte ends the line', () => {
  expect(splitInline('set a\vb\fc d')).toEqual(['set', 'a\vb\fc', 'd']);
  expect(splitInline('get \v\fa')).toEqual(['get', 'a']);
  expect(splitInline('get a\0b c')).toEqual(['get', 'a']);
});

test('a timeout of MIGRATE or WAIT that no timer can wait for is the longest one that can be waited for', async () => {
  const warnings: string[] = [];
  const note = (warning: Error): unknown => warnings.push(warning.name);
  process.on('warning', note);
  const target = createServer((socket) => {
    socket.on('data', (bytes) => {
      const commands = bytes.toString('latin1').match(/^(SELECT|RESTORE)\r$/gm) ?? [];
      socket.write('+OK\r\n'.repeat(commands.length));
    });
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const server = await startServer({});
  const client = await RawClient.connect(server.port);
  const port = String((target.address() as AddressInfo).port);
  await client.call('SET', 'key', 'x');
  expect(await client.call('MIGRATE', '127.0.0.1', port, 'key', '0', '4294967297')).toBe('+OK\r\n');
  const watching = await RawClient.connect(server.port);
  client.send(requestBytes(['WAIT', '1', '4294967297']));
  await vi.waitUntil(async () => (await watching.call('CLIENT', 'LIST')).includes('cmd=wait'), { interval: 5 });
  await watching.call('PING');
  watching.close();
  process.off('warning', note);
  expect(warnings).toEqual([]);
  client.close();
  await server.close();
  target.close();
});
