import { expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { array, bulk, integer, nil, nilArray, onEitherServer, WRONG_TYPE } from './either-server.ts';

onEitherServer('lists', (wire) => {
  const { raw } = wire;

  it('grow at both ends, one element after the other', async () => {
    expect(await raw('RPUSH', 'key', 'c')).toBe(integer(1));
    expect(await raw('RPUSH', 'key', 'd', 'e')).toBe(integer(3));
    expect(await raw('LPUSH', 'key', 'b', 'a')).toBe(integer(5));
    expect(await raw('LRANGE', 'key', '0', '-1')).toBe(array('a', 'b', 'c', 'd', 'e'));
    expect(await raw('LLEN', 'key')).toBe(integer(5));
  });

  it('are pushed to by LPUSHX and RPUSHX only when they exist', async () => {
    expect(await raw('LPUSHX', 'key', 'a')).toBe(integer(0));
    expect(await raw('RPUSHX', 'key', 'a')).toBe(integer(0));
    expect(await raw('LLEN', 'key')).toBe(integer(0));
    await raw('RPUSH', 'key', 'b');
    expect(await raw('LPUSHX', 'key', 'a', '0')).toBe(integer(3));
    expect(await raw('RPUSHX', 'key', 'c')).toBe(integer(4));
    expect(await raw('LRANGE', 'key', '0', '-1')).toBe(array('0', 'a', 'b', 'c'));
  });

  it('give their ends back until they are gone', async () => {
    await raw('RPUSH', 'key', 'a', 'b', 'c');
    expect(await raw('LPOP', 'key')).toBe(bulk('a'));
    expect(await raw('RPOP', 'key')).toBe(bulk('c'));
    expect(await raw('LPOP', 'key')).toBe(bulk('b'));
    expect(await raw('EXISTS', 'key')).toBe(integer(0));
    expect(await raw('LPOP', 'key')).toBe(nil(wire));
    expect(await raw('RPOP', 'key')).toBe(nil(wire));
  });

  it('are popped by count', async () => {
    await raw('RPUSH', 'key', 'a', 'b', 'c', 'd', 'e');
    expect(await raw('LPOP', 'key', '0')).toBe(array());
    expect(await raw('LPOP', 'key', '2')).toBe(array('a', 'b'));
    expect(await raw('RPOP', 'key', '2')).toBe(array('e', 'd'));
    expect(await raw('RPOP', 'key', '9223372036854775807')).toBe(array('c'));
    expect(await raw('EXISTS', 'key')).toBe(integer(0));
    expect(await raw('LPOP', 'key', '1')).toBe(nilArray(wire));
    expect(await raw('RPOP', 'key', '0')).toBe(nilArray(wire));
  });

  it('refuse a count that is none', async () => {
    await raw('RPUSH', 'key', 'a');
    const notPositive = '-ERR value is out of range, must be positive\r\n';
    for (const count of ['-1', 'x', '', '1.0', '9223372036854775808', '-9223372036854775808']) {
      expect(await raw('LPOP', 'key', count), count).toBe(notPositive);
      expect(await raw('RPOP', 'missing', count), count).toBe(notPositive);
    }
    expect(await raw('LPOP', 'key', '1', '2')).toBe("-ERR wrong number of arguments for 'lpop' command\r\n");
    expect(await raw('RPOP', 'key', '1', '2')).toBe("-ERR wrong number of arguments for 'rpop' command\r\n");
    expect(await raw('LLEN', 'key')).toBe(integer(1));
  });

  it('show ranges, counted from either end and cut to what there is', async () => {
    await raw('RPUSH', 'key', 'a', 'b', 'c', 'd');
    const windows: [string, string, string[]][] = [
      ['0', '0', ['a']],
      ['1', '2', ['b', 'c']],
      ['-2', '-1', ['c', 'd']],
      ['-100', '1', ['a', 'b']],
      ['2', '100', ['c', 'd']],
      ['3', '1', []],
      ['4', '10', []],
      ['-1', '-2', []],
      ['0', '-5', []],
      ['-9223372036854775808', '9223372036854775807', ['a', 'b', 'c', 'd']],
      ['9223372036854775807', '9223372036854775807', []],
    ];
    for (const [start, stop, elements] of windows) {
      expect(await raw('LRANGE', 'key', start, stop), `${start} to ${stop}`).toBe(array(...elements));
    }
    expect(await raw('LRANGE', 'missing', '0', '-1')).toBe(array());
    for (const [start, stop] of [
      ['x', '1'],
      ['0', '1.5'],
      ['0', '9223372036854775808'],
    ] as const) {
      expect(await raw('LRANGE', 'key', start, stop)).toBe('-ERR value is not an integer or out of range\r\n');
    }
  });

  it('show single elements by index', async () => {
    await raw('RPUSH', 'key', 'a', 'b', 'c');
    const elements = { '0': 'a', '2': 'c', '-1': 'c', '-3': 'a' };
    for (const [index, text] of Object.entries(elements)) expect(await raw('LINDEX', 'key', index)).toBe(bulk(text));
    for (const index of ['3', '-4', '9223372036854775807']) expect(await raw('LINDEX', 'key', index)).toBe(nil(wire));
    expect(await raw('LINDEX', 'missing', 'x')).toBe(nil(wire));
    expect(await raw('LINDEX', 'key', 'x')).toBe('-ERR value is not an integer or out of range\r\n');
  });

  it('hold any bytes, and numbers exactly as they were given', async () => {
    const texts = [
      '',
      'a\r\nb\x00\xff',
      '0',
      '-1',
      '-0',
      '007',
      '127',
      '128',
      '-4096',
      '-4097',
      '1e5',
      '9007199254740993',
      '9223372036854775807',
      '-9223372036854775808',
      '9223372036854775808',
      'x'.repeat(63),
      'x'.repeat(64),
      'y'.repeat(5000),
      'z'.repeat(200_000),
    ];
    const values = texts.map((text) => Buffer.from(text, 'latin1'));
    await raw('RPUSH', 'key', ...values);
    expect(await raw('LRANGE', 'key', '0', '-1')).toBe(array(...texts));
    for (const value of values) await raw('LPUSH', 'other', value);
    expect(await raw('LRANGE', 'other', '0', '-1')).toBe(array(...texts.toReversed()));
    for (const text of texts) expect(await raw('RPOP', 'other')).toBe(bulk(text));
  });

  it('stay right while they grow to thousands of elements and shrink again', async () => {
    const prng = new Prng(17);
    let model: string[] = [];
    for (let step = 0; step < 200; step++) {
      const atHead = prng.chance(0.5);
      if (prng.chance(step < 100 ? 0.8 : 0.3)) {
        const texts = Array.from({ length: 1 + prng.below(50) }, () => prng.hex(prng.below(60)));
        model = atHead ? [...texts.toReversed(), ...model] : [...model, ...texts];
        expect(await raw(atHead ? 'LPUSH' : 'RPUSH', 'key', ...texts)).toBe(integer(model.length));
      } else if (model.length > 0) {
        const popped = Math.min(model.length, 1 + prng.below(60));
        const texts = atHead ? model.slice(0, popped) : model.slice(-popped).toReversed();
        model = atHead ? model.slice(popped) : model.slice(0, -popped);
        expect(await raw(atHead ? 'LPOP' : 'RPOP', 'key', `${popped}`)).toBe(array(...texts));
      }
      if (model.length > 0) {
        const index = prng.below(model.length);
        expect(await raw('LINDEX', 'key', `${index}`)).toBe(bulk(model[index] as string));
      }
      if (step % 20 === 0) expect(await raw('LRANGE', 'key', '0', '-1')).toBe(array(...model));
    }
  });

  it('are quicklists at any size', async () => {
    await raw('RPUSH', 'key', 'a');
    expect(await raw('OBJECT', 'ENCODING', 'key')).toBe(bulk('quicklist'));
    await raw('RPUSH', 'key', ...Array.from({ length: 1000 }, (_, i) => `element ${i}`));
    expect(await raw('OBJECT', 'ENCODING', 'key')).toBe(bulk('quicklist'));
  });

  it.each([3, 3000])('of %i elements are copied, and go their own ways then', async (total) => {
    const texts = Array.from({ length: total }, (_, i) => `element ${i}`);
    await raw('RPUSH', 'key', ...texts);
    expect(await raw('COPY', 'key', 'other')).toBe(integer(1));
    await raw('RPUSH', 'key', 'more');
    await raw('LPOP', 'other');
    expect(await raw('LRANGE', 'key', '0', '-1')).toBe(array(...texts, 'more'));
    expect(await raw('LRANGE', 'other', '0', '-1')).toBe(array(...texts.slice(1)));
  });

  it('refuse other types and wrong numbers of arguments, and change nothing then', async () => {
    await raw('SET', 'text', 'x');
    for (const command of [
      ['LPUSH', 'text', 'a'],
      ['RPUSH', 'text', 'a', 'b'],
      ['LPUSHX', 'text', 'a'],
      ['RPUSHX', 'text', 'a'],
      ['LPOP', 'text'],
      ['RPOP', 'text', '0'],
      ['LLEN', 'text'],
      ['LRANGE', 'text', '0', '-1'],
      ['LINDEX', 'text', '0'],
    ]) {
      expect(await raw(...command), command.join(' ')).toBe(WRONG_TYPE);
    }
    expect(await raw('GET', 'text')).toBe(bulk('x'));
    for (const command of [
      ['lpush', 'key'],
      ['rpush', 'key'],
      ['lpushx', 'key'],
      ['rpushx', 'key'],
      ['lpop'],
      ['rpop'],
      ['llen'],
      ['llen', 'key', 'x'],
      ['lrange', 'key', '0'],
      ['lindex', 'key'],
    ]) {
      expect(await raw(...command)).toBe(`-ERR wrong number of arguments for '${command[0]}' command\r\n`);
    }
    expect(await raw('EXISTS', 'key')).toBe(integer(0));
  });
});
