import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';
import { AofFormatFailure, AofParser } from '../../../src/server/persistence/aof-parser.ts';

const WIRE =
  '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1795385066\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n*1\r\n#TS:17\r\n*1\r\n$4\r\nPING\r\n';
const COMMANDS = [['SELECT', '0'], ['SET', '', '\r\n*1'], ['PING']];

function drain(parser: AofParser, into: string[][]): void {
  while (parser.next()) into.push(parser.args.map((arg) => arg.toString('latin1')));
}

function failureOf(text: string): AofFormatFailure | null {
  const parser = new AofParser(1000);
  parser.push(Buffer.from(text, 'latin1'));
  try {
    drain(parser, []);
    return null;
  } catch (failure) {
    if (failure instanceof AofFormatFailure) return failure;
    throw failure;
  }
}

describe('the parser of AOF commands', () => {
  it('finds the same commands wherever the bytes are cut, and passes over annotations', () => {
    const wire = Buffer.from(WIRE, 'latin1');
    for (let cut = 0; cut <= wire.length; cut++) {
      const parser = new AofParser();
      const commands: string[][] = [];
      parser.push(wire.subarray(0, cut));
      drain(parser, commands);
      parser.push(wire.subarray(cut));
      drain(parser, commands);
      expect(commands, `cut at ${cut}`).toEqual(COMMANDS);
      expect(parser.offset).toBe(wire.length);
      expect(parser.available).toBe(0);
    }
  });

  it('counts offsets from where it was told that it stands', () => {
    const parser = new AofParser(500);
    parser.push(Buffer.from(WIRE, 'latin1'));
    expect(parser.next()).toBe(true);
    expect(parser.offset).toBe(523);
  });

  it('takes a command of many arguments in small pieces without looking at them again and again', () => {
    const count = 100_000;
    const wire = Buffer.from(`*${count}\r\n${'$5\r\nabcde\r\n'.repeat(count)}`, 'latin1');
    const parser = new AofParser();
    let looks = 0;
    let found = false;
    for (let at = 0; at < wire.length; at += 1000) {
      parser.push(wire.subarray(at, at + 1000));
      if (parser.available < parser.needed && at + 1000 < wire.length) continue;
      looks++;
      found = parser.next();
    }
    expect(found).toBe(true);
    expect(parser.args.length).toBe(count);
    expect(looks).toBeLessThan(200);
  });

  it.each([
    ['PING\r\n', 1000],
    ['*0\r\n', 1000],
    ['*-1\r\n', 1001],
    ['*1\n$4\r\n', 1002],
    ['*99999999999\r\n', 1000],
    ['*2000000\r\n', 1000],
    ['*1\r\n+OK\r\n', 1004],
    ['*1\r\n$4\r\nPINGxx', 1012],
    ['*1\r\n$999999999\r\n', 1004],
    ['*1\r\n$\r\n', 1005],
    [`#${'x'.repeat(2000)}`, 1000],
  ])('refuses %j', (text, offset) => {
    expect(failureOf(text)?.offset).toBe(offset);
  });

  it('throws nothing but its own failure, whatever the bytes', () => {
    const prng = new Prng(11);
    for (let round = 0; round < 3000; round++) {
      const wire = Buffer.from(WIRE, 'latin1');
      for (let i = prng.below(4); i >= 0; i--) wire[prng.below(wire.length)] = prng.below(256);
      failureOf(wire.toString('latin1', 0, prng.below(wire.length + 1)));
    }
  });
});
