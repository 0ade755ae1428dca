/* What the comparison of random commands takes for the same, and what it does not. */

import { expect, test } from 'vitest';
import { isSameReply } from '../support/differential.ts';
import { unknownUnsent } from '../support/documented-commands.ts';

test('errors are compared byte by byte, whatever the command is compared by', () => {
  for (const compared of ['exactly', 'unordered', 'roughly', 'shape', 'nullable', 'scan'] as const) {
    expect(isSameReply(compared, '-ERR a\r\n', '-ERR b\r\n')).toBe(false);
    expect(isSameReply(compared, '-ERR a\r\n', '-ERR a\r\n')).toBe(true);
    expect(isSameReply(compared, ':1\r\n', '-ERR a\r\n')).toBe(false);
  }
});

test('an order is overlooked where there is none, an element never', () => {
  const [ab, ba, a] = ['*2\r\n$1\r\na\r\n$1\r\nb\r\n', '*2\r\n$1\r\nb\r\n$1\r\na\r\n', '*1\r\n$1\r\na\r\n'];
  expect(isSameReply('unordered', ab, ba)).toBe(true);
  expect(isSameReply('exactly', ab, ba)).toBe(false);
  expect(isSameReply('unordered', ab, a)).toBe(false);
  const page = (cursor: string, keys: string): string => `*2\r\n$1\r\n${cursor}\r\n${keys}`;
  expect(isSameReply('scan', page('0', ab), page('7', ba))).toBe(true);
  expect(isSameReply('scan', page('0', ab), page('0', a))).toBe(false);
});

test('times may lie two seconds apart, and beyond 2^53 milliseconds anything', () => {
  expect(isSameReply('roughly', ':5000\r\n', ':7000\r\n')).toBe(true);
  expect(isSameReply('roughly', ':5000\r\n', ':7001\r\n')).toBe(false);
  expect(isSameReply('roughly', '+a\r\n', '$1\r\na\r\n')).toBe(false);
  expect(isSameReply('roughly', ':-1\r\n', ':-2\r\n')).toBe(false);
  expect(isSameReply('roughly', ':9007199254740991\r\n', ':9223372036854775807\r\n')).toBe(true);
});

test('a shape is a type, and only where it is said may nothing stand for something', () => {
  expect(isSameReply('shape', '$1\r\na\r\n', '$1\r\nb\r\n')).toBe(true);
  expect(isSameReply('shape', '$1\r\na\r\n', '$-1\r\n')).toBe(false);
  expect(isSameReply('nullable', '$1\r\na\r\n', '_\r\n')).toBe(true);
});

test('every command that is left out of the comparison exists', () => {
  expect(unknownUnsent()).toEqual([]);
});
