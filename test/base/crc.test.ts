import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc16 } from '../../src/base/crc16.ts';
import { Crc64 } from '../../src/base/crc64.ts';

const CHECK = Buffer.from('123456789');

/** The definition, bit by bit. */
function slowCrc64(bytes: Buffer): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}

test('crc16 has the check value of XMODEM', () => {
  expect(crc16(CHECK, 0, 9)).toBe(0x31c3);
  expect(crc16(Buffer.from('x123456789x'), 1, 9)).toBe(0x31c3);
  expect(crc16(CHECK, 3, 0)).toBe(0);
});

test('crc64 has the check value of Jones, in little endian', () => {
  const crc = new Crc64();
  crc.update(CHECK, 0, 9);
  expect(crc.digest().toString('hex')).toBe(Buffer.from('e9c6d914c4b8d9ca', 'hex').reverse().toString('hex'));
});

test('crc64 of bytes in any pieces is what the definition gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
      const buf = Buffer.from(bytes);
      const [first, second] = [Math.min(a, b, buf.length), Math.min(Math.max(a, b), buf.length)];
      const crc = new Crc64();
      crc.update(buf, 0, first);
      crc.update(buf, first, second - first);
      crc.update(buf, second);
      expect(crc.digest().readBigUInt64LE()).toBe(slowCrc64(buf));
      crc.reset();
      expect(crc.digest().readBigUInt64LE()).toBe(0n);
    }),
  );
});
