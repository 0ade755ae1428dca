import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/cluster/node/address.ts';

test.each([
  ['127.0.0.1:7000', { host: '127.0.0.1', port: 7000 }],
  ['localhost:7000', { host: 'localhost', port: 7000 }],
  ['127.0.0.1:7000@17000', { host: '127.0.0.1', port: 7000 }],
  ['[::1]:7000', { host: '::1', port: 7000 }],
  ['7000', { host: '127.0.0.1', port: 7000 }],
  [':7000', { host: '127.0.0.1', port: 7000 }],
])('%s is an address', (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});

test.each(['', 'host', 'host:', 'host:0', 'host:65536', '::1:7000', 'a b:1', 'host:7000x'])('%j is none', (text) => {
  expect(() => parseAddress(text)).toThrow(`'${text}' is not an address`);
});

test('IPv6 is written in brackets', () => {
  expect(formatAddress({ host: '::1', port: 7000 })).toBe('[::1]:7000');
  expect(formatAddress({ host: 'h', port: 1 })).toBe('h:1');
});
