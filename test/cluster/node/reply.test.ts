import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand, type Reply, ReplyDecoder, ReplyFormatError } from '../../../src/cluster/node/reply.ts';

const WIRE = Buffer.from(
  [
    '+OK',
    '-ERR no',
    ':-42',
    '$5\r\nhe\r\no',
    '$0\r\n',
    '$-1',
    '*-1',
    '_',
    '#t',
    ',1.5',
    '(12345678901234567890',
    '=8\r\ntxt:text',
    '!4\r\nERR!',
    '*2\r\n*1\r\n:1\r\n*0',
    '%1\r\n+key\r\n~2\r\n:1\r\n:2',
    '>2\r\n+message\r\n$1\r\nx',
    '|1\r\n+ttl\r\n:1',
    '%0',
  ]
    .map((line) => `${line}\r\n`)
    .join(''),
);

const text = (value: string) => Buffer.from(value);
const EXPECTED: Reply[] = [
  { type: 'status', bytes: text('OK') },
  { type: 'error', bytes: text('ERR no') },
  { type: 'integer', text: '-42' },
  { type: 'bulk', bytes: text('he\r\no') },
  { type: 'bulk', bytes: text('') },
  { type: 'nil', of: 'bulk' },
  { type: 'nil', of: 'array' },
  { type: 'nil', of: 'null' },
  { type: 'boolean', value: true },
  { type: 'double', text: '1.5' },
  { type: 'bignum', text: '12345678901234567890' },
  { type: 'verbatim', format: 'txt', bytes: text('text') },
  { type: 'error', bytes: text('ERR!') },
  {
    type: 'array',
    items: [
      { type: 'array', items: [{ type: 'integer', text: '1' }] },
      { type: 'array', items: [] },
    ],
  },
  {
    type: 'map',
    pairs: [
      [
        { type: 'status', bytes: text('key') },
        {
          type: 'set',
          items: [
            { type: 'integer', text: '1' },
            { type: 'integer', text: '2' },
          ],
        },
      ],
    ],
  },
  {
    type: 'push',
    items: [
      { type: 'status', bytes: text('message') },
      { type: 'bulk', bytes: text('x') },
    ],
  },
  {
    type: 'attribute',
    pairs: [
      [
        { type: 'status', bytes: text('ttl') },
        { type: 'integer', text: '1' },
      ],
    ],
  },
  { type: 'map', pairs: [] },
];

describe('the decoder of replies', () => {
  test('reads every type, wherever the wire is cut', () => {
    for (let cut = 0; cut <= WIRE.length; cut++) {
      const decoder = new ReplyDecoder();
      const replies = [...decoder.feed(WIRE.subarray(0, cut)), ...decoder.feed(WIRE.subarray(cut))];
      expect(replies, `cut at ${cut}`).toEqual(EXPECTED);
    }
  });

  test('reads every type byte by byte', () => {
    const decoder = new ReplyDecoder();
    expect([...WIRE].flatMap((byte) => decoder.feed(Buffer.from([byte])))).toEqual(EXPECTED);
  });

  test.each([
    ['a type that does not exist', '?1\r\n'],
    ['a length that is no number', '$x\r\n'],
    ['a negative length other than -1', '*-2\r\n'],
    ['a string beyond 512 MB', `$${512 * 1024 * 1024 + 1}\r\n`],
    ['a line without end', `+${'x'.repeat(70_000)}`],
    ['nesting without end', '*1\r\n'.repeat(200)],
  ])('refuses %s', (_, wire) => {
    expect(() => new ReplyDecoder().feed(Buffer.from(wire))).toThrow(ReplyFormatError);
  });

  test('a large string in small pieces costs one copy, not one for each piece', () => {
    const decoder = new ReplyDecoder();
    decoder.feed(Buffer.from('$50000000\r\n'));
    const piece = Buffer.alloc(10_000, 'x');
    const before = process.cpuUsage();
    let replies: Reply[] = [];
    for (let i = 0; i < 5000; i++) replies = decoder.feed(piece);
    replies = decoder.feed(Buffer.from('\r\n'));
    expect((replies[0] as { bytes: Buffer }).bytes).toHaveLength(50_000_000);
    // Its own time, not that of a busy machine.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });

  test('any bytes end in replies, in waiting, or in a refusal', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (chunks) => {
        const decoder = new ReplyDecoder();
        try {
          for (const chunk of chunks) decoder.feed(Buffer.from(chunk));
        } catch (error) {
          if (!(error instanceof ReplyFormatError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('a command goes out as an array of bulk strings, bytes as they are', () => {
  const wire = encodeCommand(['SET', 'é', Buffer.from([0xff, 0x0d, 0x0a])]);
  expect(wire).toEqual(Buffer.from('*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$3\r\n\xff\r\n\r\n', 'latin1'));
});
