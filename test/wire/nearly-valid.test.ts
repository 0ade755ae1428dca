import { expect, test } from 'vitest';
import { splitInline } from '../../src/server/protocol/inline.ts';
import { conversations } from '../support/wire.ts';

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
    ['DEL', 'text'],
  ]);
});

test('vertical tabs and form feeds belong to a word of an inline command, and a zero byte ends the line', () => {
  expect(splitInline('set a\vb\fc d')).toEqual(['set', 'a\vb\fc', 'd']);
  expect(splitInline('get \v\fa')).toEqual(['get', 'a']);
  expect(splitInline('get a\0b c')).toEqual(['get', 'a']);
});
