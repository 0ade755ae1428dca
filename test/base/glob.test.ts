import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GlobPattern } from '../../src/base/glob.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from './real-redis.ts';

function matches(pattern: string, text: string, nocase = false): boolean {
  const padded = Buffer.from(`#${text}#`, 'latin1');
  return new GlobPattern(Buffer.from(pattern, 'latin1'), nocase).matches(padded, 1, text.length);
}

describe('GlobPattern', () => {
  test('knows star, question mark, classes and the backslash', () => {
    const yes = [
      'h?llo',
      'h*llo',
      '*',
      '**',
      'h[ae]llo',
      'h[a-f]llo',
      'h[f-a]llo',
      'h[^a]llo',
      'h\\ello',
      '*l*',
      'hell[o',
    ];
    for (const pattern of yes) expect(matches(pattern, 'hello'), pattern).toBe(true);
    const no = ['h?', 'hello?', 'h[^e]llo', 'h[]llo', 'h\\*llo', 'HELLO', '', 'hello\\'];
    for (const pattern of no) expect(matches(pattern, 'hello'), pattern).toBe(false);
    expect(matches('\\*', '*')).toBe(true);
    expect(matches('[\\]]', ']')).toBe(true);
  });

  test('ignores the case when asked to', () => {
    expect(matches('MAX[M-N]*', 'maxmemory', true)).toBe(true);
    expect(matches('max\\M*', 'maxmemory', true)).toBe(true);
    expect(matches('MAX*', 'maxmemory')).toBe(false);
  });

  test('orders the bytes of a range as signed characters, as Redis does: those from 0x80 on lie before all others', () => {
    for (const [pattern, text] of ['[\xff-b] *', '[b-\xff] a', '[\x80-A] \x00', '[\x80-\xff] \xc3'].map((pair) =>
      pair.split(' '),
    )) {
      expect(matches(pattern!, text!), pattern).toBe(true);
    }
    expect(matches('[a-\xff]', 'c')).toBe(false);
    expect(matches('[\x80-\xff]', 'a')).toBe(false);
  });

  test('takes a time bounded by pattern times text', () => {
    const started_ms = performance.now();
    expect(matches('a*'.repeat(2000), 'a'.repeat(20_000))).toBe(true);
    expect(matches(`${'*a'.repeat(500)}x`, 'a'.repeat(20_000))).toBe(false);
    expect(performance.now() - started_ms).toBeLessThan(5000);
  });
});

describe.skipIf(!hasRedisServer)('GlobPattern beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis();
  });
  afterAll(() => redis.stop());

  test('finds the keys that KEYS finds', async () => {
    const text = fc.stringMatching(/^[abAB^\\[\]*?-]{0,5}$/);
    const keys = [
      ...new Set(fc.sample(text, { numRuns: 120, seed: 5 }).concat('', 'a', 'b', 'ab', 'A', '-', '[', ']', '\\')),
    ];
    await redis.all(keys.map((key) => ['SET', key, '']));
    const element = fc.constantFrom(
      '*',
      '?',
      '[',
      ']',
      '^',
      '-',
      '\\',
      'a',
      'b',
      'A',
      '[a-b]',
      '[^a]',
      '[\\]',
      '[b-',
      '[^',
    );
    const patterns = fc
      .sample(
        fc.array(element, { maxLength: 6 }).map((parts) => parts.join('')),
        { numRuns: 1500, seed: 6 },
      )
      .concat('**', '[', '[^', '[a', '[a-', '[a-b', '\\', 'a\\', '[\\', '*[', '*\\', '', '[]', '[^]', '[-]', '[a-]')
      // KEYS itself looks at a lone star before it matches anything.
      .filter((pattern) => pattern !== '*');
    const replies = await redis.all(patterns.map((pattern) => ['KEYS', pattern]));
    patterns.forEach((pattern, i) => {
      const expected = [...(replies[i] as string[])].sort();
      const found = keys.filter((key) => matches(pattern, key)).sort();
      expect(found, `pattern ${JSON.stringify(pattern)}`).toEqual(expected);
    });
  });

  test('ignores case as CONFIG GET does', async () => {
    const names = Object.keys((await configOf(redis, '*')) as object);
    for (const pattern of ['MAX*', '[M-N]ax*', '[L-m]*', '[Z-a]*', 'M\\A*', '[^A-m]*', 'HASH-??X-*', '[\\M]ax*', '[\\m]AX*', '[^\\M]ax*', '*[Z-_]*', '*[Z-a]*', '*[^Z-b]*', '?[a-A]*']) {
      const expected = Object.keys(await configOf(redis, pattern)).sort();
      const found = names.filter((name) => matches(pattern, name, true)).sort();
      expect(found, pattern).toEqual(expected);
    }
  });
});

async function configOf(redis: RealRedis, pattern: string): Promise<Record<string, string>> {
  const flat = (await redis.call('CONFIG', 'GET', pattern)) as string[];
  const pairs: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) pairs[flat[i]!] = flat[i + 1]!;
  return pairs;
}
