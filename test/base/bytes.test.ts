import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ShortRead } from '../../src/base/byte-reader.ts';
import { ByteWriter } from '../../src/base/byte-writer.ts';

interface Field {
  write(writer: ByteWriter): void;
  read(reader: ByteReader): void;
}

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.nat(255).map((n) => ({ write: (w) => w.u8(n), read: (r) => expect(r.u8()).toBe(n) }) as Field),
  fc.nat(65535).map((n) => ({ write: (w) => w.u16be(n), read: (r) => expect(r.u16be()).toBe(n) }) as Field),
  fc.nat(65535).map((n) => ({ write: (w) => w.u16le(n), read: (r) => expect(r.u16le()).toBe(n) }) as Field),
  fc.nat(2 ** 32 - 1).map((n) => ({ write: (w) => w.u32be(n), read: (r) => expect(r.u32be()).toBe(n) }) as Field),
  fc.nat(2 ** 32 - 1).map((n) => ({ write: (w) => w.u32le(n), read: (r) => expect(r.u32le()).toBe(n) }) as Field),
  fc.integer().map((n) => ({ write: (w) => w.u32le(n), read: (r) => expect(r.i32le()).toBe(n) }) as Field),
  u64.map((n) => ({ write: (w) => w.u64be(n), read: (r) => expect(r.u64be()).toBe(n) }) as Field),
  u64.map((n) => ({ write: (w) => w.u64le(n), read: (r) => expect(r.u64le()).toBe(n) }) as Field),
  i64.map((n) => ({ write: (w) => w.i64le(n), read: (r) => expect(r.i64le()).toBe(n) }) as Field),
  fc
    .maxSafeInteger()
    .map((n) => ({ write: (w) => w.i64le(n), read: (r) => expect(r.i64le()).toBe(BigInt(n)) }) as Field),
  fc.double().map((n) => ({ write: (w) => w.f64le(n), read: (r) => expect(r.f64le()).toBe(n) }) as Field),
  fc.string({ unit: 'grapheme' }).map((s) => {
    const length = Buffer.byteLength(s);
    return { write: (w) => w.text(s), read: (r) => expect(r.text(length)).toBe(s) } as Field;
  }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => {
    const buf = Buffer.from(bytes);
    return { write: (w) => w.bytes(buf), read: (r) => expect(r.bytes(buf.length).equals(buf)).toBe(true) } as Field;
  }),
  fc.uint8Array().map((bytes) => {
    const text = Buffer.from(bytes).toString('latin1');
    return { write: (w) => w.latin1(text), read: (r) => expect(r.latin1(text.length)).toBe(text) } as Field;
  }),
  fc
    .nat(400)
    .map(
      (n) => ({ write: (w) => w.zeros(n), read: (r) => expect(r.bytes(n).every((b) => b === 0)).toBe(true) }) as Field,
    ),
);

describe('ByteWriter and ByteReader', () => {
  test('what is written is what is read', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        const writer = new ByteWriter(16);
        for (const one of fields) one.write(writer);
        const reader = new ByteReader(writer.view());
        for (const one of fields) one.read(reader);
        expect(reader.remaining).toBe(0);
        expect(reader.position).toBe(writer.position);
      }),
    );
  });

  test('the byte orders are the ones of their names', () => {
    const writer = new ByteWriter();
    writer.u16be(0x0102).u16le(0x0102).u32be(0x01020304).u32le(0x01020304).u64be(1).u64le(1n).u64le(-1);
    expect(writer.view().toString('hex')).toBe(
      '01020201010203040403020100000000000000010100000000000000ffffffffffffffff',
    );
  });

  test('take gives the bytes away, reset keeps the room', () => {
    const writer = new ByteWriter();
    const taken = writer.text('first').take();
    expect(writer.position).toBe(0);
    writer.text('second');
    expect(taken.toString()).toBe('first');
    writer.reset();
    writer.bytes(Buffer.from('abcdef'), 2, 3);
    expect(writer.view().toString()).toBe('cde');
  });

  test('reading behind the end throws ShortRead with the offset, and moves nothing', () => {
    const reader = new ByteReader(Buffer.from('0123456789'), 2, 7);
    expect(reader.text(3)).toBe('234');
    for (const read of [() => reader.u32le(), () => reader.bytes(3), () => reader.skip(-1), () => reader.u64be()]) {
      expect(read).toThrow(ShortRead);
      expect(read).toThrow('at offset 5, and only 2 are left');
    }
    expect(() => reader.bytes(Number.NaN)).toThrow(ShortRead);
    reader.skip(1);
    expect([reader.i8(), reader.remaining]).toEqual([0x36, 0]);
    expect(() => reader.u8()).toThrow(expect.objectContaining({ offset: 7 }));
  });
});
