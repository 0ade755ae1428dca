import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GlobPattern } from '../../src/base/glob.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from './real-redis.ts';

function matches(pattern: string, text: string, nocase = false): boolean {
  const padded = Buffer.from(`#${text}#`, 'latin1');
  return new GlobPattern(Buffer.from(pattern, 'latin1'), nocase).matches(padded, 1, text.length);
}

/** Position by position: which prefixes of the text the elements so far can stand for. */
function matchesSlowly(elements: readonly string[], text: string): boolean {
  const standsFor = (element: string, byte: string): boolean => {
    if (element === '?' || element === '[ab]') return true;
    return element === '[^a]' ? byte !== 'a' : element === byte;
  };
  let ends = new Set([0]);
  for (const element of elements) {
    const next = new Set<number>();
    for (const end of ends) {
      if (element === '*') for (let to = end; to <= text.length; to++) next.add(to);
      else if (end < text.length && standsFor(element, text[end] as string)) next.add(end + 1);
    }
    ends = next;
  }
  return ends.has(text.length);
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

  test('reads a long pattern once, however many bytes it is tried at', () => {
    const text = Buffer.alloc(20_000, 'a');
    const ofClass = new GlobPattern(Buffer.from(`*[${'x'.repeat(56_000)}]b`));
    const ofAny = new GlobPattern(Buffer.from(`*${'?'.repeat(5000)}b*`));
    const started_ms = performance.now();
    for (let i = 0; i < 10; i++) {
      expect(ofClass.matches(text, 0, text.length)).toBe(false);
      expect(ofAny.matches(text, 0, text.length)).toBe(false);
    }
    expect(performance.now() - started_ms).toBeLessThan(3000);
  });

  test('matches a long text after a short one has had it read only a part of the pattern', () => {
    const pattern = new GlobPattern(Buffer.from(`a?[b-d]*${'x[yz]'.repeat(40)}*?e`));
    const long = Buffer.from(`a-c...${'xyxz'.repeat(20)}-e`);
    expect(pattern.matches(long, 0, 2)).toBe(false);
    expect(pattern.matches(long, 0, 30)).toBe(false);
    expect(pattern.matches(long, 0, long.length)).toBe(true);
    expect(pattern.matches(long, 0, long.length - 1)).toBe(false);
  });

  test('finds what a search of every place finds, in texts where most places nearly match', () => {
    const letter = fc.constantFrom('a', 'a', 'a', 'b');
    const element = fc.constantFrom('a', 'a', 'a', '?', 'b', '[ab]', '[^a]', '*');
    const pattern = fc.array(element, { minLength: 3, maxLength: 14 });
    fc.assert(
      fc.property(pattern, fc.array(letter, { minLength: 1, maxLength: 30 }), (elements, letters) => {
        const text = letters.join('');
        expect(matches(elements.join(''), text)).toBe(matchesSlowly(elements, text));
      }),
      { numRuns: 3000 },
    );
  });

  test('a segment that fails only at its end costs no more than a short one, in KEYS of an adversary', () => {
    const text = Buffer.alloc(10_000, 'a');
    const cost_ms = (source: string): number => {
      const pattern = new GlobPattern(Buffer.from(source));
      let least_ms = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 10; i++) {
        const started_ms = performance.now();
        expect(pattern.matches(text, 0, text.length)).toBe(false);
        least_ms = Math.min(least_ms, performance.now() - started_ms);
      }
      return least_ms;
    };
    const short_ms = cost_ms(`*${'a?'.repeat(10)}b*`);
    expect(cost_ms(`*${'a?'.repeat(2500)}b*`)).toBeLessThan(short_ms * 10);
    expect(cost_ms(`*${'a?'.repeat(1250)}b${'a?'.repeat(1250)}*`)).toBeLessThan(short_ms * 10);
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

  test('finds the keys of any bytes that KEYS finds', async () => {
    const bytes = fc.constantFrom(0x00, 0x41, 0x5b, 0x61, 0x62, 0x7f, 0x80, 0xc3, 0xff);
    const special = fc.constantFrom(...Buffer.from('**??[[]^-\\'));
    const keys = fc.sample(fc.array(bytes, { minLength: 1, maxLength: 7 }), { numRuns: 150, seed: 7 });
    const pattern = fc.array(fc.oneof(bytes, special), { minLength: 2, maxLength: 9 });
    const patterns = fc.sample(pattern, { numRuns: 1500, seed: 8 }).map((one) => Buffer.from(one));
    await redis.call('FLUSHALL');
    const names = [...new Set(keys.map((key) => Buffer.from(key).toString('latin1')))];
    await redis.all(names.map((key) => ['SET', Buffer.from(key, 'latin1'), '']));
    const replies = await redis.all(
      patterns.map((pattern) => ['EVAL', "return #redis.call('KEYS', ARGV[1])", '0', pattern]),
    );
    patterns.forEach((pattern, i) => {
      const text = pattern.toString('latin1');
      const count = names.filter((key) => matches(text, key)).length;
      expect(count, `pattern ${JSON.stringify(text)}`).toBe(replies[i]);
    });
  });

  test('ignores case as CONFIG GET does', async () => {
    const names = Object.keys((await configOf(redis, '*')) as object);
    for (const pattern of [
      'MAX*',
      '[M-N]ax*',
      '[L-m]*',
      '[Z-a]*',
      'M\\A*',
      '[^A-m]*',
      'HASH-??X-*',
      '[\\M]ax*',
      '[\\m]AX*',
      '[^\\M]ax*',
      '*[Z-_]*',
      '*[Z-a]*',
      '*[^Z-b]*',
      '?[a-A]*',
    ]) {
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
