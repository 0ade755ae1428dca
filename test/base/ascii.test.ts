import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  digitsOf,
  equalsFolded,
  formatDouble,
  latin1,
  parseInt64,
  parseInteger,
  writeInteger,
} from '../../src/base/ascii.ts';
import { hasRedisServer, type RealRedis, startRealRedis } from './real-redis.ts';

/** The text in the middle of other digits, which must not be read. */
function within(text: string): [Buffer, number, number] {
  return [Buffer.from(`99${text}99`, 'latin1'), 2, text.length];
}

const NOT_INTEGERS = ['', '-', '+1', ' 1', '1 ', '01', '-0', '-01', '00', '1.0', '1e3', '0x1', 'a', '1a', '--1'];
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('parseInteger', () => {
  test('reads every safe integer', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => parseInteger(...within(`${n}`)) === n));
    fc.assert(fc.property(fc.integer(), (n) => parseInteger(...within(`${n}`)) === n));
    for (const n of [0, 1, -1, 9, 10, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      expect(parseInteger(...within(`${n}`))).toBe(n);
    }
  });

  test('answers NaN to what is not a canonical decimal', () => {
    for (const text of NOT_INTEGERS) expect(parseInteger(...within(text)), text).toBeNaN();
  });

  test('answers NaN beyond 2^53 - 1', () => {
    const outside = ['9007199254740992', '-9007199254740992', '9999999999999999', '10000000000000000', '1'.repeat(40)];
    for (const text of outside) expect(parseInteger(...within(text)), text).toBeNaN();
  });

  test('takes exactly those texts that print as themselves', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-+0-9 .]{0,6}$/), (text) => {
        const canonical = text !== '' && `${Number(text)}` === text && Number.isInteger(Number(text));
        expect(parseInteger(...within(text))).toBe(canonical ? Number(text) : Number.NaN);
      }),
    );
  });
});

describe('parseInt64', () => {
  test('reads every signed 64-bit integer', () => {
    fc.assert(fc.property(int64, (n) => parseInt64(...within(`${n}`)) === n));
    for (const n of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 10n ** 15n, 10n ** 16n]) {
      expect(parseInt64(...within(`${n}`))).toBe(n);
    }
  });

  test('answers null to everything else', () => {
    const outside = ['9223372036854775808', '-9223372036854775809', '09223372036854775807', '-000000000000000000001'];
    for (const text of [...NOT_INTEGERS, ...outside, '1'.repeat(20), '12345678901234567x']) {
      expect(parseInt64(...within(text)), text).toBeNull();
    }
  });
});

describe('writeInteger', () => {
  test('writes what parseInteger reads, and nothing beside it', () => {
    const check = (n: number): void => {
      const out = Buffer.alloc(40, 0x2e);
      const end = writeInteger(n, out, 5);
      expect(out.toString('latin1')).toBe(`.....${n}`.padEnd(40, '.'));
      expect(end).toBe(5 + `${n}`.length);
      expect(digitsOf(n)).toBe(`${Math.abs(n)}`.length);
    };
    fc.assert(fc.property(fc.maxSafeInteger(), check));
    fc.assert(fc.property(fc.integer(), check));
    fc.assert(fc.property(fc.integer({ min: -1100, max: 1100 }), check));
    for (let power = 1; power < 1e16; power *= 10) for (const n of [power - 1, power, -power]) check(n + 0);
    for (const n of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32, -(2 ** 31), Number.MAX_SAFE_INTEGER]) check(n);
  });
});

describe('words', () => {
  test('equalsFolded ignores the case of ASCII letters only', () => {
    const same = (text: string, lower: string): boolean => equalsFolded(...within(text), lower);
    expect(same('GeT', 'get')).toBe(true);
    expect(same('get', 'get')).toBe(true);
    expect(same('gets', 'get')).toBe(false);
    expect(same('ge', 'get')).toBe(false);
    expect(same('@et', '`et')).toBe(false);
    expect(same('[', '{')).toBe(false);
    expect(same('\xc4', '\xe4')).toBe(false);
  });

  test('latin1 keeps every byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const buf = Buffer.from(bytes);
        return Buffer.from(latin1(buf, 0, buf.length), 'latin1').equals(buf);
      }),
    );
  });
});

describe('formatDouble', () => {
  test('prints as "%.17g" does', () => {
    const rows: [number, string][] = [
      [0, '0'],
      [-0, '-0'],
      [3, '3'],
      [-1.5, '-1.5'],
      [0.1, '0.10000000000000001'],
      [0.1 + 1.5, '1.6000000000000001'],
      [1e-4, '0.0001'],
      [1e-5, '1.0000000000000001e-05'],
      [1e16, '10000000000000000'],
      [1e17, '1e+17'],
      [1.5e300, '1.5000000000000001e+300'],
      [5e-324, '4.9406564584124654e-324'],
      [2 ** 50 + 0.25, '1125899906842624.2'],
      [2 ** 50 + 0.75, '1125899906842624.8'],
      [2 ** 53 + 2, '9007199254740994'],
      [Number.POSITIVE_INFINITY, 'inf'],
      [Number.NEGATIVE_INFINITY, '-inf'],
      [Number.NaN, 'nan'],
    ];
    for (const [n, text] of rows) expect(formatDouble(n)).toBe(text);
  });

  test('loses nothing', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => Object.is(Number(formatDouble(n)), n)),
    );
  });
});

describe.skipIf(!hasRedisServer)('formatDouble beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis();
  });
  afterAll(() => redis.stop());

  test('prints scores as ZINCRBY does', async () => {
    const numbers = fc
      .sample(
        fc.oneof(
          fc.double({ noNaN: true }),
          fc.float({ noNaN: true }),
          fc.integer().map((n) => n / 1000),
        ),
        {
          numRuns: 3000,
          seed: 7,
        },
      )
      .concat([0.1 + 1.5, 1 / 3, 1e17, 1e-5, 123456789.125, 2 ** 50 + 0.25, 2 ** 60, 1e21, 2 ** 80 + 2 ** 30])
      // A sorted set stores -0 as the integer 0.
      .filter((n) => !Object.is(n, -0));
    const replies = await redis.all(
      numbers.map((n, i) => ['ZINCRBY', `z${i}`, `${n}`.replace('Infinity', 'inf'), 'm']),
    );
    expect(numbers.map(formatDouble)).toEqual(replies);
  });
});
