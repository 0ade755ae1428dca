/* The reply parser: replies of all kinds, cut anywhere, come back as what they were made of; garbage ends in a failure. */

import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { type Reply, ReplyFailure, ReplyParser } from '../../src/server/protocol/reply-parser.ts';

const SEED = Number(process.env.RKV_SEED ?? 20261123);

interface Made {
  bytes: string;
  reply: Reply;
}

function text(prng: Prng): string {
  return Array.from({ length: prng.below(20) }, () => String.fromCharCode(0x20 + prng.below(0x5f))).join('');
}

function made(prng: Prng, depth: number): Made {
  const kind = prng.below(depth > 3 ? 9 : 13);
  if (kind === 0) {
    const line = text(prng);
    return { bytes: `+${line}\r\n`, reply: { type: 'simple', text: line } };
  }
  if (kind === 1) {
    const line = text(prng);
    return { bytes: `-${line}\r\n`, reply: { type: 'error', text: line } };
  }
  if (kind === 2) {
    const value = prng.pick([0, -1, 42, 9007199254740991, 9223372036854775807n, -9223372036854775808n]);
    return { bytes: `:${value}\r\n`, reply: { type: 'integer', value } };
  }
  if (kind <= 4) {
    const length = prng.chance(0.9) ? prng.below(30) : prng.below(20_000);
    const bytes = Buffer.from(Array.from({ length }, () => prng.below(256)));
    return { bytes: `$${length}\r\n${bytes.toString('latin1')}\r\n`, reply: { type: 'bulk', bytes } };
  }
  if (kind === 5) return { bytes: prng.pick(['$-1\r\n', '*-1\r\n', '_\r\n']), reply: { type: 'null' } };
  if (kind === 6) {
    const value = prng.pick([0.1, -5, 1e300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    const shown =
      value === Number.POSITIVE_INFINITY ? 'inf' : value === Number.NEGATIVE_INFINITY ? '-inf' : String(value);
    return { bytes: `,${shown}\r\n`, reply: { type: 'double', value } };
  }
  if (kind === 7) {
    const value = prng.chance(0.5);
    return { bytes: `#${value ? 't' : 'f'}\r\n`, reply: { type: 'boolean', value } };
  }
  if (kind === 8) {
    const shown = text(prng);
    return {
      bytes: `=${shown.length + 4}\r\ntxt:${shown}\r\n`,
      reply: { type: 'verbatim', format: 'txt', text: shown },
    };
  }
  const items = Array.from({ length: prng.below(5) }, () => made(prng, depth + 1));
  if (kind === 12) {
    const pairs = items.map((key): [Made, Made] => [key, made(prng, depth + 1)]);
    return {
      bytes: `%${pairs.length}\r\n${pairs.map(([key, value]) => key.bytes + value.bytes).join('')}`,
      reply: { type: 'map', entries: pairs.map(([key, value]) => [key.reply, value.reply]) },
    };
  }
  const { type, mark } = prng.pick([
    { type: 'array', mark: '*' },
    { type: 'set', mark: '~' },
    { type: 'push', mark: '>' },
  ] as const);
  return {
    bytes: `${mark}${items.length}\r\n${items.map(({ bytes }) => bytes).join('')}`,
    reply: { type, items: items.map(({ reply }) => reply) },
  };
}

function parsed(bytes: Buffer, nextSize: () => number): Reply[] {
  const parser = new ReplyParser();
  const replies: Reply[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = nextSize();
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    parser.feed(chunk, replies);
    chunk.fill(0xee); // What was read is copied.
    at += size;
  }
  return replies;
}

test('replies come back as they were made, in whatever pieces they arrive', () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 600; round++) {
    const all = Array.from({ length: 1 + prng.below(6) }, () => made(prng, 0));
    const bytes = Buffer.from(all.map((one) => one.bytes).join(''), 'latin1');
    const most = bytes.length > 5000 ? 3000 : prng.pick([1, 3, 50, 10_000]);
    const replies = parsed(bytes, () => 1 + prng.below(most));
    expect(replies, `seed ${SEED}, round ${round}`).toEqual(all.map(({ reply }) => reply));
  }
});

test('garbage is a failure with a reason, or a reply, and nothing else', () => {
  const prng = new Prng(SEED + 1);
  const crumbs = [
    '*',
    '$',
    ':',
    '+',
    '-',
    '%',
    '~',
    '>',
    ',',
    '#',
    '_',
    '(',
    '=',
    '\r\n',
    '\r',
    '1',
    '2',
    '-1',
    '99999999999',
    'x',
    '\0',
    '\xff',
    '$1\r\nx\r\n',
  ];
  for (let round = 0; round < 5000; round++) {
    const bytes = Buffer.from(Array.from({ length: 1 + prng.below(20) }, () => prng.pick(crumbs)).join(''), 'latin1');
    try {
      parsed(bytes, () => 1 + prng.below(5));
    } catch (error) {
      expect(error, `seed ${SEED}, round ${round}: ${JSON.stringify(bytes.toString('latin1'))}`).toBeInstanceOf(
        ReplyFailure,
      );
    }
  }
});

test('nesting has an end', () => {
  const replies: Reply[] = [];
  expect(() => new ReplyParser().feed(Buffer.from('*1\r\n'.repeat(10_000)), replies)).toThrow(ReplyFailure);
});
