import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Registry } from '../../../src/server/command/registry.ts';
import type { Spec } from '../../../src/server/command/spec.ts';

/** Names that share their length, their beginning or their end. */
const NAMES = [
  'get',
  'set',
  'del',
  'getex',
  'setex',
  'setnx',
  'lpush',
  'rpush',
  'expire',
  'expireat',
  'pexpire',
  'ttl',
];

const registry = new Registry(NAMES.map(specOf));

function specOf(name: string): Spec {
  return {
    name,
    arity: -1,
    flags: [],
    acl: [],
    keys: [],
    since: '1.0.0',
    group: 'generic',
    summary: '',
    complexity: '',
    run() {},
  };
}

function find(name: string): string | undefined {
  const bytes = Buffer.from(`$$${name}$$`, 'latin1');
  return registry.find(bytes, 2, bytes.length - 4)?.fullName;
}

/** A name written in any mixture of cases. */
const written = fc.tuple(fc.constantFrom(...NAMES), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }));

describe('the registry', () => {
  test('finds every command in any mixture of cases, whatever it was asked before', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 20 }), (asked) => {
        for (const [name, upper] of asked) {
          const text = [...name].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join('');
          expect(find(text)).toBe(name);
        }
      }),
    );
  });

  test('does not take a name for the one before it that has another byte anywhere', () => {
    for (const name of NAMES) {
      for (let at = 0; at < name.length; at++) {
        for (const other of ['\0', '!', '@', '`', '{', '\xe7', 'z']) {
          expect(find(name)).toBe(name);
          const wrong = name.slice(0, at) + other + name.slice(at + 1);
          expect(find(wrong), wrong).toBe(NAMES.find((known) => known === wrong));
        }
      }
    }
  });

  test('does not take a name for a longer or shorter one that begins alike', () => {
    for (const wrong of ['expir', 'expirea', 'expireatt', 'ge', 'gets', 'lpushx', '']) {
      find('expireat');
      expect(find(wrong), wrong).toBeUndefined();
    }
  });
});
