import { expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { bulk, integer, onEitherServer, WRONG_TYPE } from './either-server.ts';

onEitherServer('sets', (wire) => {
  const { raw } = wire;

  /** The members in order; their order on the wire means nothing. */
  async function members(key: string): Promise<string[]> {
    const reply = await wire.reply('SMEMBERS', key);
    if (reply.type !== 'array' && reply.type !== 'set') return expect.fail(`SMEMBERS answered ${reply.type}`);
    expect(reply.type).toBe(wire.resp === 3 ? 'set' : 'array');
    return reply.items.map((item) => (item.type === 'bulk' ? item.bytes.toString('latin1') : item.type)).sort();
  }

  it('take every member once and give it back once', async () => {
    expect(await raw('SADD', 'key', 'a', 'b', 'a')).toBe(integer(2));
    expect(await raw('SADD', 'key', 'b', 'c')).toBe(integer(1));
    expect(await raw('SCARD', 'key')).toBe(integer(3));
    expect(await members('key')).toEqual(['a', 'b', 'c']);
    expect(await raw('SREM', 'key', 'a', 'x', 'a')).toBe(integer(1));
    expect(await members('key')).toEqual(['b', 'c']);
    expect(await raw('SREM', 'key', 'b', 'c')).toBe(integer(2));
    expect(await raw('EXISTS', 'key')).toBe(integer(0));
  });

  it('are empty when they do not exist', async () => {
    expect(await members('missing')).toEqual([]);
    expect(await raw('SCARD', 'missing')).toBe(integer(0));
    expect(await raw('SREM', 'missing', 'a')).toBe(integer(0));
    expect(await raw('SISMEMBER', 'missing', 'a')).toBe(integer(0));
    expect(await raw('SMISMEMBER', 'missing', 'a', 'b')).toBe(`*2\r\n${integer(0)}${integer(0)}`);
  });

  it('answer for one thing and for several whether they are members', async () => {
    await raw('SADD', 'key', '1', 'two', '3');
    expect(await raw('SISMEMBER', 'key', 'two')).toBe(integer(1));
    expect(await raw('SISMEMBER', 'key', '2')).toBe(integer(0));
    expect(await raw('SMISMEMBER', 'key', '3', '03', 'two')).toBe(`*3\r\n${integer(1)}${integer(0)}${integer(1)}`);
  });

  it('know integers from what only looks like one', async () => {
    const numbers = ['0', '-1', '32768', '-32769', '2147483648', '9007199254740993', '9223372036854775807'];
    const others = ['-0', '00', '+1', '1.0', ' 1', '9223372036854775808', '', '-'];
    expect(await raw('SADD', 'key', ...numbers)).toBe(integer(numbers.length));
    for (const text of others) expect(await raw('SISMEMBER', 'key', text), text).toBe(integer(0));
    expect(await members('key')).toEqual(numbers.toSorted());
    expect(await raw('SADD', 'key', ...others)).toBe(integer(others.length));
    expect(await members('key')).toEqual([...numbers, ...others].sort());
    expect(await raw('SADD', 'key', ...numbers, ...others)).toBe(integer(0));
  });

  it('hold any bytes', async () => {
    const texts = ['', '\r\n', '\x00\xff', 'x'.repeat(64), 'x'.repeat(65), 'y'.repeat(100_000)];
    await raw('SADD', 'key', ...texts.map((text) => Buffer.from(text, 'latin1')));
    expect(await members('key')).toEqual(texts.toSorted());
  });

  it.each([
    ['integers', (n: number) => `${n * 37 - 5000}`],
    ['texts', (n: number) => `member ${n}`],
    ['both', (n: number) => (n % 3 === 0 ? `text ${n}` : `${n}`)],
  ])('stay right while they grow out of every form and shrink again: %s', async (_, memberOf) => {
    const prng = new Prng(23);
    const model = new Set<string>();
    for (let step = 0; step < 150; step++) {
      const texts = Array.from({ length: 1 + prng.below(30) }, () => memberOf(prng.below(1500)));
      if (prng.chance(step < 100 ? 0.8 : 0.2)) {
        const fresh = new Set(texts.filter((text) => !model.has(text)));
        expect(await raw('SADD', 'key', ...texts)).toBe(integer(fresh.size));
        for (const text of texts) model.add(text);
      } else {
        const gone = new Set(texts.filter((text) => model.has(text)));
        expect(await raw('SREM', 'key', ...texts)).toBe(integer(gone.size));
        for (const text of texts) model.delete(text);
      }
      expect(await raw('SCARD', 'key')).toBe(integer(model.size));
      if (step % 20 === 0) expect(await members('key')).toEqual([...model].sort());
    }
  });

  it('are intsets until they cannot be, and never again', async () => {
    const encoding = async (...texts: string[]): Promise<string> => {
      await raw('SADD', 'key', ...texts);
      return raw('OBJECT', 'ENCODING', 'key');
    };
    expect(await encoding('1', '2', '-9223372036854775808')).toBe(bulk('intset'));
    expect(await encoding('x')).toBe(bulk('hashtable'));
    await raw('SREM', 'key', 'x');
    expect(await raw('OBJECT', 'ENCODING', 'key')).toBe(bulk('hashtable'));
    await raw('DEL', 'key');
    expect(await encoding(...Array.from({ length: 512 }, (_, i) => `${i}`))).toBe(bulk('intset'));
    expect(await encoding('512')).toBe(bulk('hashtable'));
  });

  it.each([3, 3000])('of %i members are copied, and go their own ways then', async (total) => {
    const texts = Array.from({ length: total }, (_, i) => `member ${i}`);
    await raw('SADD', 'key', ...texts);
    expect(await raw('COPY', 'key', 'other')).toBe(integer(1));
    await raw('SADD', 'key', 'more');
    await raw('SREM', 'other', 'member 0');
    expect(await members('key')).toEqual([...texts, 'more'].sort());
    expect(await members('other')).toEqual(texts.slice(1).sort());
  });

  it('refuse other types and wrong numbers of arguments, and change nothing then', async () => {
    await raw('SET', 'text', 'x');
    for (const command of [
      ['SADD', 'text', 'a'],
      ['SREM', 'text', 'a'],
      ['SMEMBERS', 'text'],
      ['SISMEMBER', 'text', 'a'],
      ['SMISMEMBER', 'text', 'a'],
      ['SCARD', 'text'],
    ]) {
      expect(await raw(...command), command.join(' ')).toBe(WRONG_TYPE);
    }
    expect(await raw('GET', 'text')).toBe(bulk('x'));
    for (const command of [
      ['sadd', 'key'],
      ['srem', 'key'],
      ['smembers'],
      ['smembers', 'key', 'x'],
      ['sismember', 'key'],
      ['smismember', 'key'],
      ['scard'],
    ]) {
      expect(await raw(...command)).toBe(`-ERR wrong number of arguments for '${command[0]}' command\r\n`);
    }
    expect(await raw('EXISTS', 'key')).toBe(integer(0));
  });
});
