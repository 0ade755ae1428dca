import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import * as listpack from '../../../src/server/data/listpack.ts';

const EDGES = [0, 1, 127, 128, 4095, 4096, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648, 2 ** 53 - 1];
const TEXTS = [
  '',
  'a',
  '-',
  '-0',
  '007',
  '1.5',
  '+1',
  ' 1',
  '12a',
  'x'.repeat(63),
  'x'.repeat(64),
  'y'.repeat(127),
  'z'.repeat(4095),
  'z'.repeat(4096),
  'w'.repeat(16380),
  'w'.repeat(16381),
  'w'.repeat(70000),
  '\xff\x00\xfe',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  ...EDGES.flatMap((n) => [`${n}`, `${-n - 1}`]),
];

function pack(texts: readonly string[]): Buffer {
  const out = Buffer.alloc(texts.reduce((sum, text) => sum + listpack.lengthBound(text.length), listpack.EMPTY_BYTES));
  let at = listpack.first(0);
  for (const text of texts) at = listpack.writeEntry(out, at, Buffer.from(text, 'latin1'), 0, text.length);
  return out.subarray(0, listpack.finish(out, 0, at, texts.length));
}

function unpack(bytes: Buffer): string[] {
  const entry = new listpack.Entry();
  const texts: string[] = [];
  for (let at = listpack.first(0); !listpack.isEnd(bytes, at); at = listpack.next(bytes, at)) {
    listpack.read(bytes, at, entry);
    texts.push(entry.buf.toString('latin1', entry.off, entry.off + entry.len));
  }
  return texts;
}

function unpackBackwards(bytes: Buffer): string[] {
  const entry = new listpack.Entry();
  const texts: string[] = [];
  for (let at = listpack.end(0, bytes.length); at > listpack.first(0); ) {
    at = listpack.previous(bytes, at);
    listpack.read(bytes, at, entry);
    texts.push(entry.buf.toString('latin1', entry.off, entry.off + entry.len));
  }
  return texts;
}

describe('listpack', () => {
  it('has the bytes that Redis writes', () => {
    expect(pack(['a', 'b', 'c']).toString('hex')).toBe('100000000300816102816202816302ff');
    expect(pack(['1', '-1', '4095', '-4096']).toString('hex')).toBe('1200000004000101dfff02cfff02d00002ff');
    expect(pack(['32767', '-32768', '8388607', '-8388608']).toString('hex')).toBe(
      '1900000004' + '00f1ff7f03f1008003f2ffff7f04f200008004ff',
    );
    expect(pack(['2147483647', '9007199254740993', '-9223372036854775808']).toString('hex')).toBe(
      '2100000003' + '00f3ffffff7f05f4010000000000200009f4000000000000008009ff',
    );
  });

  it('gives back every text, forwards and backwards', () => {
    const bytes = pack(TEXTS);
    expect(unpack(bytes)).toEqual(TEXTS);
    expect(unpackBackwards(bytes)).toEqual(TEXTS.toReversed());
    expect(listpack.count(bytes, 0, bytes.length)).toBe(TEXTS.length);
    expect(listpack.validate(bytes, 0, bytes.length)).toBe(TEXTS.length);
  });

  it('knows before writing how many bytes an entry takes', () => {
    const out = Buffer.alloc(80000);
    for (const text of TEXTS) {
      const value = Buffer.from(text, 'latin1');
      expect(listpack.entryBytes(value, 0, value.length), text.slice(0, 30)).toBe(
        listpack.writeEntry(out, 0, value, 0, value.length),
      );
    }
  });

  it('finds every text, and only itself', () => {
    const bytes = pack(TEXTS);
    const to = listpack.end(0, bytes.length);
    TEXTS.forEach((text, index) => {
      const value = Buffer.from(text, 'latin1');
      const at = listpack.find(bytes, listpack.first(0), to, 1, value, 0, value.length);
      expect(at, text.slice(0, 30)).toBe(listpack.seek(bytes, 0, bytes.length, TEXTS.indexOf(text)));
      expect(listpack.equals(bytes, listpack.seek(bytes, 0, bytes.length, index), value, 0, value.length)).toBe(true);
    });
    for (const text of ['00', '01', '-00', '2147483649', '9007199254740994', '9223372036854775806', 'xx', '1.50']) {
      expect(listpack.find(bytes, listpack.first(0), to, 1, Buffer.from(text), 0, text.length), text).toBe(-1);
    }
  });

  it('finds a field among fields and values', () => {
    const bytes = pack(['a', 'b', 'b', 'c', 'c', 'a']);
    const to = listpack.end(0, bytes.length);
    const find = (text: string) => listpack.find(bytes, listpack.first(0), to, 2, Buffer.from(text), 0, 1);
    expect(find('b')).toBe(listpack.seek(bytes, 0, bytes.length, 2));
    expect(find('c')).toBe(listpack.seek(bytes, 0, bytes.length, 4));
    expect(find('d')).toBe(-1);
  });

  it('stays equal to an array under random changes', () => {
    const prng = new Prng(7);
    let model: string[] = [];
    let bytes = Buffer.from(pack([]));
    for (let step = 0; step < 5000; step++) {
      if (model.length > 40) model = [];
      if (model.length === 0) bytes = Buffer.from(pack([]));
      const text = prng.pick(TEXTS.filter((each) => each.length < 5000));
      const value = Buffer.from(text, 'latin1');
      const index = prng.below(model.length + 1);
      const at = index === model.length ? listpack.end(0, bytes.length) : listpack.seek(bytes, 0, bytes.length, index);
      const out = Buffer.alloc(3 + bytes.length + listpack.lengthBound(value.length));
      let len = 0;
      const kind = prng.below(5);
      if (kind === 0) {
        len = listpack.append(out, 3, bytes, 0, bytes.length, value, 0, value.length);
        model.push(text);
      } else if (kind === 1) {
        len = listpack.prepend(out, 3, bytes, 0, bytes.length, value, 0, value.length);
        model.unshift(text);
      } else if (kind === 2 || index === model.length) {
        len = listpack.insert(out, 3, bytes, 0, bytes.length, at, value, 0, value.length);
        model.splice(index, 0, text);
      } else if (kind === 3) {
        len = listpack.replace(out, 3, bytes, 0, bytes.length, at, value, 0, value.length);
        model[index] = text;
      } else {
        const removed = Math.min(1 + prng.below(3), model.length - index);
        let to = at;
        for (let i = 0; i < removed; i++) to = listpack.next(bytes, to);
        len = listpack.remove(out, 3, bytes, 0, bytes.length, at, to, removed);
        model.splice(index, removed);
      }
      bytes = Buffer.from(out.subarray(3, 3 + len));
      expect(listpack.validate(bytes, 0, bytes.length)).toBe(model.length);
      expect(unpack(bytes)).toEqual(model);
    }
  });

  it('counts by walking when there are more entries than the header can say', () => {
    const texts = Array.from({ length: 70000 }, (_, i) => `${i}`);
    const bytes = pack(texts);
    expect(bytes.readUInt16LE(4)).toBe(65535);
    expect(listpack.count(bytes, 0, bytes.length)).toBe(70000);
    expect(unpack(bytes).at(-1)).toBe('69999');
  });

  it('refuses foreign bytes that lead outside, whatever is changed or cut', () => {
    const whole = pack(['a', '1', '5000', 'x'.repeat(100), '70000', 'y'.repeat(5000), '-1', '9223372036854775807']);
    expect(listpack.validate(whole, 0, whole.length - 1)).toBe(-1);
    for (let cut = 0; cut < whole.length; cut++) {
      const part = Buffer.from(whole.subarray(0, cut));
      expect(listpack.validate(part, 0, cut)).toBe(-1);
    }
    const prng = new Prng(11);
    let accepted = 0;
    for (let round = 0; round < 20000; round++) {
      const bytes = Buffer.from(whole);
      for (let flips = 1 + prng.below(3); flips > 0; flips--) bytes[prng.below(bytes.length)] = prng.below(256);
      const total = listpack.validate(bytes, 0, bytes.length);
      if (total < 0) continue;
      accepted++;
      expect(unpack(bytes).length).toBe(total);
      expect(unpackBackwards(bytes).length).toBe(total);
    }
    expect(accepted).toBeGreaterThan(0);
  });
});
