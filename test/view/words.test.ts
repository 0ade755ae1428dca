import { describe, expect, test } from 'vitest';
import { formatPorts } from '../../src/view/changed.ts';
import { bytes, count, cutMiddle, duration, plural } from '../../src/view/format.ts';
import { isSecret, promptText } from '../../src/view/repl.ts';
import { describeTerminal } from '../../src/view/terminal.ts';

test.each([
  [0, '0 ms'],
  [740.4, '740 ms'],
  [999.6, '1.0 s'],
  [1249, '1.2 s'],
  [9949, '9.9 s'],
  [9951, '10 s'],
  [59_400, '59 s'],
  [60_000, '1 m'],
  [130_000, '2 m 10 s'],
  [3 * 3_600_000 + 300_000, '3 h 5 m'],
  [52 * 3_600_000, '2 d 4 h'],
])('%d ms are said as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, '0 B'],
  [812, '812 B'],
  [1000, '1.0 kB'],
  [12_400_000, '12.4 MB'],
  [123_456_789, '123 MB'],
  [4.2e12, '4.2 TB'],
])('%d bytes are said as %s', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test('numbers have thousands separators and their nouns a number', () => {
  expect(count(9_998)).toBe('9,998');
  expect(count(1_234_567)).toBe('1,234,567');
  expect(plural(1, 'primary', 'primaries')).toBe('1 primary');
  expect(plural(3, 'primary', 'primaries')).toBe('3 primaries');
});

test('long values lose their middle', () => {
  expect(cutMiddle('127.0.0.1:7000', 20)).toBe('127.0.0.1:7000');
  expect(cutMiddle('3fa2b7c9d0e1', 7)).toBe('3fa…0e1');
  expect(cutMiddle('3fa2b7c9d0e1', 1)).toBe('…');
});

test('ports that follow each other are a range', () => {
  expect(formatPorts([7005, 7000, 7001, 7002])).toBe('7000-7002, 7005');
});

describe('a terminal', () => {
  const tty = { isTTY: true, columns: 120 };
  const pipe = {};

  test.each([
    ['a terminal has colour and moves its cursor', tty, {}, { color: true, live: true, cut: true, columns: 120 }],
    ['a pipe has neither, and 80 columns', pipe, {}, { color: false, live: false, cut: false, columns: 80 }],
    ['NO_COLOR takes the colour', tty, { NO_COLOR: '1' }, { color: false, live: true }],
    ['FORCE_COLOR brings it into a pipe', pipe, { FORCE_COLOR: '1' }, { color: true, live: false }],
    ['TERM=dumb moves nothing', tty, { TERM: 'dumb' }, { color: false, live: false }],
    ['CI is no live terminal', tty, { CI: 'true' }, { color: true, live: false }],
    ['CI=false is one', tty, { CI: 'false' }, { live: true }],
    ['COLUMNS counts in a pipe', pipe, { COLUMNS: '140' }, { columns: 140 }],
    ['the C locale is ASCII', tty, { LC_ALL: 'C' }, { unicode: false }],
    ['LC_ALL goes before LANG', tty, { LC_ALL: 'C', LANG: 'en_US.UTF-8' }, { unicode: false }],
    ['UTF-8 is said in many ways', tty, { LANG: 'de_DE.utf8' }, { unicode: true }],
  ])('%s', (_, stream, env, expected) => {
    expect(describeTerminal(stream, env)).toMatchObject(expected);
  });
});

test('the prompt says where one is, in which database, and that a transaction is open', () => {
  const at = { connected: true, place: '127.0.0.1:7000', db: 0, inTransaction: false };
  expect(promptText(at)).toBe('127.0.0.1:7000> ');
  expect(promptText({ ...at, db: 3 })).toBe('127.0.0.1:7000[3]> ');
  expect(promptText({ ...at, inTransaction: true })).toBe('127.0.0.1:7000(TX)> ');
  expect(promptText({ ...at, connected: false })).toBe('not connected> ');
});

test('lines with a password stay out of the history', () => {
  for (const line of ['AUTH secret', ' hello 3 auth u p', 'CONFIG SET requirepass x', 'acl setuser u >p']) {
    expect(isSecret(line)).toBe(true);
  }
  for (const line of ['GET auth', 'SET hello x', 'CONFIG GET requirepass']) expect(isSecret(line)).toBe(false);
});
