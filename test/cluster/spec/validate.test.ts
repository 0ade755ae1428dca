import { expect, test } from 'vitest';
import { CliFailure } from '../../../src/cluster/run/failure.ts';
import { DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';
import { findMistakes, validateSpec } from '../../../src/cluster/spec/validate.ts';

test('the default spec has no mistakes', () => {
  expect(findMistakes(DEFAULT_SPEC)).toEqual([]);
});

test.each([
  [{ version: 2 }, 'version: expected 1'],
  [{ name: '../x' }, 'name: expected up to 64 letters'],
  [{ name: '' }, 'name: expected'],
  [{ primaries: 0 }, 'primaries: expected a whole number from 1 to 1000, not 0'],
  [{ primaries: 2.5 }, 'primaries: expected a whole number'],
  [{ primaries: '3' }, 'not "3"'],
  [{ replicas: -1 }, 'replicas: expected'],
  [{ primaries: 400, replicas: 2 }, '1200 nodes are too many'],
  [{ port: 55_536 }, 'port: 55536 is too high: the bus listens 10,000 above the port, and ports end at 65535'],
  [{ port: 0 }, 'port: expected a port from 1 to 55535, not 0'],
  [{ port: 55_534 }, 'the bus of the last node would need port 65539, and ports end at 65535; choose 55530 or lower'],
  [{ host: '0.0.0.0' }, '0.0.0.0 cannot be announced to other nodes'],
  [{ host: 'a b' }, 'expected an address or a host name'],
  [{ tls: 'yes' }, 'expected true or false'],
  [{ password: '' }, 'expected a text, not an empty one'],
  [{ password: 'two\nlines' }, 'must not contain line breaks'],
  [{ config: [] }, 'expected directives'],
  [{ config: { maxmemory: {} } }, 'maxmemory needs a value'],
  [
    { config: { maxmemory: 'lots' } },
    "maxmemory: expected a memory size (bytes, or with a unit: 1k 1kb 1m 1mb 1g 1gb), not 'lots'",
  ],
  [{ config: { appendfsync: 'foo' } }, "appendfsync: expected everysec, always or no, not 'foo'"],
  [{ config: { appendonly: 'foo' } }, "appendonly: expected yes or no, not 'foo'"],
  [{ config: { maxclients: '0' } }, "maxclients: expected an integer between 1 and 4294967295, not '0'"],
  [{ config: { save: 'x' } }, 'save: Invalid save parameters (save points: pairs of seconds and changes, or "")'],
  [{ config: { 'no-such-thing': '1' } }, "unknown directive 'no-such-thing'"],
  [{ config: { port: '7' } }, 'port is set by rkv: use `port`'],
  [{ config: { Dir: '/' } }, 'Dir is set by rkv'],
  [{ config: { maxmemory: '1\nport 1' } }, 'must not contain line breaks'],
  [{ config: { maxmemory: '"1' } }, 'unbalanced quotes'],
  [{ engines: { a: 'redis' } }, 'expected a map from ports to engines'],
  [{ nodes: 6 }, "unknown field 'nodes'; known fields: version, name"],
])('%j is refused', (change, text) => {
  const mistakes = findMistakes({ ...DEFAULT_SPEC, ...change });
  expect(mistakes.map((mistake) => mistake.text).join()).toContain(text);
});

test('directives that only another engine knows are left to that engine', () => {
  expect(findMistakes({ ...DEFAULT_SPEC, engine: 'valkey', config: { 'io-threads-of-tomorrow': '4' } })).toEqual([]);
});

test('all mistakes are told at once', () => {
  const spec = { ...DEFAULT_SPEC, primaries: 0, replicas: -1, config: { maxmemory: 'lots' } };
  try {
    validateSpec(spec);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(CliFailure);
    const { exit, code, why, evidence } = error as CliFailure;
    expect({ exit, code }).toEqual({ exit: 2, code: 'BAD_SPEC' });
    expect([why, ...evidence]).toHaveLength(3);
  }
});

test.each(['constructor', '__proto__', 'toString'])(
  '%s, which every object has, is no directive and no field',
  (name) => {
    const config = Object.fromEntries([[name, '1']]);
    const [mistake] = findMistakes({ config });
    expect(mistake?.text).toMatch(/^config: (unknown directive|'__proto__' is not the name)/);
    expect(findMistakes(Object.fromEntries([[name, '1']]))[0]?.text).toContain(`unknown field '${name}'`);
  },
);

test('a password that YAML reads as a number needs quotes', () => {
  expect(findMistakes({ password: 12_345 })[0]?.text).toBe('password: expected a text; put quotes around it');
});
