import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDecimal, isLongDouble } from '../../src/base/long-double.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from './real-redis.ts';

describe('addDecimal', () => {
  test('adds as one would on paper, where a long double can', () => {
    const rows: [string, string, string][] = [
      ['10.5', '0.1', '10.6'],
      ['5.0e3', '200', '5200'],
      ['10', '-10', '0'],
      ['0.1', '0.2', '0.3'],
      ['3', '-1.5', '1.5'],
      ['1', '1e-18', '1'],
      ['1', '1.e-17', '1.00000000000000001'],
      ['.5', '+.5', '1'],
      ['-1e-20', '0', '0'],
      ['1000000', '0.1', '1000000.10000000000002274'],
      ['17179869184', '1.5', '17179869185.5'],
    ];
    for (const [a, b, sum] of rows) expect(addDecimal(a, b), `${a} + ${b}`).toBe(sum);
  });

  test('refuses what is not a finite number', () => {
    for (const text of ['', ' 1', '1 ', '.', 'abc', '1e', 'e5', '1..2', 'nan', '--1', '1e5000', '1e-5000', '1,5']) {
      expect(addDecimal(text, '1'), text).toBeNull();
      expect(addDecimal('1', text), text).toBeNull();
      expect(isLongDouble(text), text).toBe(false);
    }
    expect(addDecimal('inf', '1')).toBeNull();
    expect(isLongDouble('-inf')).toBe(true);
    expect(addDecimal('1.1e4932', '1.1e4932')).toBeNull();
  });
});

describe.skipIf(!hasRedisServer)('addDecimal beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis();
  });
  afterAll(() => redis.stop());

  test('gives what INCRBYFLOAT gives', async () => {
    const decimal = fc.oneof(
      fc.integer({ min: -1e9, max: 1e9 }).map((n) => `${n / 1000}`),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map((n) => `${n}`),
      fc.stringMatching(/^-?[0-9]{1,12}\.[0-9]{1,20}$/),
      fc.stringMatching(/^[+-]?[0-9]{0,3}\.?[0-9]{0,3}(e[+-]?[0-9]{1,2})?$/),
      fc.maxSafeInteger().map((n) => `${n}`),
    );
    const edges: [string, string][] = [
      ['1e400', '1'],
      ['1.1e4932', '1.1e4932'],
      ['3.3e-4932', '0'],
      ['18446744073709551615', '1'],
      ['18446744073709551616', '1'],
      ['36893488147419103233', '0.00000000000000001'],
      ['0.5', '-0.50000000000000000001'],
      ['1e-17', '0'],
      ['5e-18', '0'],
      ['15e-18', '0'],
      ['inf', '1'],
      ['nan', '1'],
    ];
    const sums = fc.sample(fc.tuple(decimal, decimal), { numRuns: 3000, seed: 11 }).concat(edges);
    const replies = await redis.all(
      sums.flatMap(([a, b], i) => [
        ['SET', `k${i}`, a],
        ['INCRBYFLOAT', `k${i}`, b],
      ]),
    );
    sums.forEach(([a, b], i) => {
      const reply = replies[i * 2 + 1];
      expect(addDecimal(a, b), `${a} + ${b}`).toBe(reply instanceof Error ? null : reply);
      const readable = !(reply instanceof Error) || !reply.message.includes('not a valid float');
      expect(isLongDouble(a) && isLongDouble(b), `${a} + ${b}`).toBe(readable);
    });
  });
});
