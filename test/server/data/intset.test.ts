import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import * as intset from '../../../src/server/data/intset.ts';

function integer(n: bigint): intset.Integer64 {
  const value = new intset.Integer64();
  const text = Buffer.from(`${n}`);
  expect(intset.parse(text, 0, text.length, value)).toBe(true);
  return value;
}

function empty(): Buffer {
  const bytes = Buffer.alloc(intset.HEADER_BYTES);
  intset.writeEmpty(bytes, 0);
  return bytes;
}

function add(bytes: Buffer, n: bigint): Buffer {
  const value = integer(n);
  const index = intset.find(bytes, 0, value);
  if (index >= 0) return bytes;
  const out = Buffer.alloc(intset.bytesWith(bytes, 0, value));
  expect(intset.insert(out, 0, bytes, 0, -1 - index, value)).toBe(out.length);
  return out;
}

function members(bytes: Buffer): bigint[] {
  const value = new intset.Integer64();
  const out = Buffer.alloc(24);
  return Array.from({ length: intset.count(bytes, 0) }, (_, i) => {
    intset.read(bytes, 0, i, value);
    return BigInt(out.toString('latin1', 0, intset.format(value, out, 0)));
  });
}

describe('intset', () => {
  it('has the bytes that Redis writes', () => {
    const bytes = [-32768n, -5n, 1n, 2n, 3n, 32767n].reduce(add, empty());
    expect(bytes.toString('hex')).toBe('02000000060000000080fbff010002000300ff7f');
  });

  it('takes canonical 64-bit integers only', () => {
    const value = new intset.Integer64();
    for (const text of ['', '-', '-0', '01', '+1', '1.0', 'a', ' 1', '9223372036854775808', '-9223372036854775809']) {
      expect(intset.parse(Buffer.from(text), 0, text.length, value), text).toBe(false);
    }
  });

  it('stays equal to a sorted set of numbers while it widens', () => {
    const prng = new Prng(3);
    const limits = [100n, 32768n, 40000n, 2n ** 31n, 2n ** 40n, 2n ** 53n, 2n ** 63n];
    for (const limit of limits) {
      let bytes = empty();
      const model = new Set<bigint>();
      for (let step = 0; step < 400; step++) {
        // Past a while only the first limits, so that removing has something to find.
        const wide = step < 200 ? limit : limits[0]!;
        const offset = BigInt.asUintN(64, (BigInt(prng.next()) << 32n) | BigInt(prng.next())) % (wide * 2n);
        const n = prng.chance(0.05) ? wide - 1n : prng.chance(0.05) ? -wide : offset - wide;
        const index = intset.find(bytes, 0, integer(n));
        expect(index >= 0).toBe(model.has(n));
        if (index >= 0 && prng.chance(0.6)) {
          const out = Buffer.alloc(bytes.length);
          bytes = Buffer.from(out.subarray(0, intset.remove(out, 0, bytes, 0, index)));
          model.delete(n);
        } else {
          bytes = add(bytes, n);
          model.add(n);
        }
        expect(intset.validate(bytes, 0, bytes.length)).toBe(true);
      }
      expect(members(bytes)).toEqual([...model].sort((a, b) => (a < b ? -1 : 1)));
      for (const n of limits) expect(intset.find(bytes, 0, integer(n - 1n)) >= 0).toBe(model.has(n - 1n));
    }
  });

  it('refuses foreign bytes of a wrong width, length or order', () => {
    const good = [1n, 2n, 3n].reduce(add, empty());
    expect(intset.validate(good, 0, good.length)).toBe(true);
    expect(intset.validate(good, 0, good.length - 1)).toBe(false);
    for (const [at, byte] of [
      [0, 3],
      [0, 4],
      [4, 2],
      [8, 2],
      [8, 9],
      [10, 3],
    ] as const) {
      const bad = Buffer.from(good);
      bad[at] = byte;
      expect(intset.validate(bad, 0, bad.length), `byte ${at}`).toBe(false);
    }
  });
});
